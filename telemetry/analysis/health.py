"""The health score: one number per device, site and customer, always with the reasons that add up to it.

Source: handbook, detector D10.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log
from types import MappingProxyType
from typing import Literal

from telemetry.analysis.detectors import silence
from telemetry.analysis.facts import DAY, DeviceKind
from telemetry.analysis.findings import Finding, Severity

# The words of the charts: healthy, to be watched, at risk, down, no report.
Band = Literal["ok", "watch", "risk", "down", "mute"]

WEIGHT: Mapping[Severity, float] = MappingProxyType({"critical": 0.60, "major": 0.35, "warning": 0.15, "info": 0.08})
EXPLAINED_SHARE = 0.5  # of the weight, for a finding that a parent's finding explains
MARKED_POINTS = 10.0
HEALTHY, WATCH = 85.0, 70.0
NO_REPORT_S = DAY
# What is said at the first sample that says so; the alert waits for a second one.
NOT_REACHED = "Not reached at its last report"
ABOVE_EDGE = 20.0
DOWN_KINDS = frozenset({silence.DEVICE_KIND, silence.SITE_KIND, "unreachable"})
_DEVICE_WEIGHT: Mapping[DeviceKind, int] = MappingProxyType({"firewall": 3, "router": 3, "switch": 2})


@dataclass(frozen=True, slots=True)
class Reason:
    """Why points are missing. finding: None for readings that are unlike this device's own."""

    points: float
    finding: Finding | None


@dataclass(frozen=True, slots=True)
class Score:
    """value: 0 to 100, None where nothing can be said. The reasons' points add up to 100 - value."""

    value: float | None
    band: Band
    reasons: tuple[Reason, ...] = ()


def device_score(
    findings: Sequence[Finding],
    *,
    last_seen: float | None,
    now: float,
    explained: frozenset[tuple[str, str]] = frozenset(),
    marked_share: float = 0.0,
) -> Score:
    """Score of one device by what holds now.

    last_seen, now: epoch seconds. explained: (kind, subject) of findings that a parent's finding explains.
    marked_share: part of the last day in which many signals were unlike themselves, 0 to 1.
    """
    if last_seen is None or now - last_seen > NO_REPORT_S:
        return Score(None, "mute")
    costs = [(finding, _weight(finding, explained)) for finding in findings]
    kept = 1.0
    for _, weight in costs:
        kept *= 1.0 - weight
    lost = 100.0 * (1.0 - kept)
    marked = min(MARKED_POINTS, MARKED_POINTS * marked_share, 100.0 - lost)
    value = round(100.0 - lost - marked, 1)
    shares = sum(log(1.0 - weight) for _, weight in costs)
    reasons = [Reason(round(lost * log(1.0 - weight) / shares, 1), finding) for finding, weight in costs]
    if marked > 0:
        reasons.append(Reason(round(marked, 1), None))
    return Score(value, band(value, findings), _adding_up(reasons, value))


def _weight(finding: Finding, explained: frozenset[tuple[str, str]]) -> float:
    share = EXPLAINED_SHARE if (finding.kind, finding.subject) in explained else 1.0
    return WEIGHT[finding.severity] * share


def _adding_up(reasons: list[Reason], value: float) -> tuple[Reason, ...]:
    """Dearest first; what rounding left over goes to the dearest."""
    if not reasons:
        return ()
    ordered = sorted(reasons, key=lambda reason: -reason.points)
    rest = round(100.0 - value - sum(reason.points for reason in ordered), 1)
    return (Reason(round(ordered[0].points + rest, 1), ordered[0].finding), *ordered[1:])


def band(value: float | None, findings: Sequence[Finding] = ()) -> Band:
    """The word for a score; a device that cannot be heard is down whatever its number."""
    if value is None:
        return "mute"
    if any(finding.kind in DOWN_KINDS for finding in findings):
        return "down"
    return "ok" if value >= HEALTHY else "watch" if value >= WATCH else "risk"


def not_reached(said: Band) -> Band:
    """The word for a device whose newest report says that it does not answer: never healthy, though nothing is raised yet."""
    return "watch" if said == "ok" else said


def group_score(devices: Sequence[tuple[DeviceKind, Score]]) -> Score:
    """Score of a site or a customer: edges count 3, switches 2, others 1; never far above the worst edge.

    Devices without a number are left out; with none left there is no number. Its reasons are those of its devices.
    """
    known = [(_DEVICE_WEIGHT.get(kind, 1), kind, score.value) for kind, score in devices if score.value is not None]
    if not known:
        return Score(None, "mute")
    mean = sum(weight * value for weight, _, value in known) / sum(weight for weight, _, _ in known)
    edges = [value for _, kind, value in known if kind in {"firewall", "router"}]
    value = round(min([mean, *(edge + ABOVE_EDGE for edge in edges)]), 1)
    return Score(value, band(value))
