"""How often a rule was right: the figures shown beside every alert, with their uncertainty.

Source: handbook, track record. Sums over customers carry no names.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from telemetry.analysis.grading import Graded

FEWEST_CASES = 20  # below, the page says that it is too early
DEMOTED_BELOW = 0.5
Z95 = 1.96


@dataclass(frozen=True, slots=True)
class Case:
    """A closed forecast. lead_s: seconds between raising and what happened; None if nothing did."""

    graded: Graded
    lead_s: float | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """precision: lowest and highest reading (averted as miss, averted as hit); limits: Wilson's 95 % around them.

    recall: hits of hits and unforeseen outages. coverage: share of hits inside the range. leads in seconds.
    """

    closed: int
    hit: int
    averted: int
    miss: int
    unknown: int
    precision: tuple[float, float] | None
    limits: tuple[float, float] | None
    recall: float | None
    coverage: float | None
    lead_median_s: float | None
    lead_p10_s: float | None

    @property
    def is_early(self) -> bool:
        """Too few cases to say anything."""
        return self.closed < FEWEST_CASES

    @property
    def is_demoted(self) -> bool:
        """Wrong more often than not, beyond doubt: goes to the weekly digest by itself."""
        return not self.is_early and self.limits is not None and self.limits[1] < DEMOTED_BELOW


def record(cases: Sequence[Case], *, unforeseen: int = 0) -> Record:
    """Figures of one rule and version. unforeseen: outages of its kind without an open alert."""
    counts = Counter(case.graded.grade for case in cases)
    hit, averted, miss = counts["hit"], counts["averted"], counts["miss"]
    judged = hit + averted + miss
    inside = [case.graded.inside for case in cases if case.graded.inside is not None]
    leads = sorted(case.lead_s for case in cases if case.graded.grade == "hit" and case.lead_s is not None)
    return Record(
        closed=len(cases),
        hit=hit,
        averted=averted,
        miss=miss,
        unknown=counts["unknown"],
        precision=(hit / judged, (hit + averted) / judged) if judged else None,
        limits=(wilson(hit, judged)[0], wilson(hit + averted, judged)[1]) if judged else None,
        recall=hit / (hit + unforeseen) if hit + unforeseen else None,
        coverage=sum(inside) / len(inside) if inside else None,
        lead_median_s=_quantile(leads, 0.5),
        lead_p10_s=_quantile(leads, 0.1),
    )


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """95 % limits of a share. Source: Wilson 1927."""
    share, z2 = successes / trials, Z95 * Z95
    middle = share + z2 / (2 * trials)
    half = Z95 * sqrt(share * (1 - share) / trials + z2 / (4 * trials * trials))
    whole = 1 + z2 / trials
    return max(0.0, (middle - half) / whole), min(1.0, (middle + half) / whole)


def _quantile(ordered: Sequence[float], share: float) -> float | None:
    if not ordered:
        return None
    place = (len(ordered) - 1) * share
    lower = int(place)
    upper = min(lower + 1, len(ordered) - 1)
    return ordered[lower] + (ordered[upper] - ordered[lower]) * (place - lower)
