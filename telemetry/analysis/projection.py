"""From a finding's evidence to what a chart draws: past values, the expected line, and the band around it."""

from dataclasses import dataclass

from telemetry.analysis.findings import Finding

Point = tuple[float, float]  # epoch seconds, value


@dataclass(frozen=True, slots=True)
class Projection:
    """history: measured values. expected, early, late: from the last one to the limit, by middle, early and late end.

    early and late bound the band at every time; after they reach the limit they stay there. unit: of all values.
    """

    history: tuple[Point, ...]
    expected: tuple[Point, ...]
    early: tuple[Point, ...]
    late: tuple[Point, ...]
    limit: float
    unit: str


def project(finding: Finding, *, points: int = 24) -> Projection | None:
    """What to draw for a dated finding; None if it carries no dates or no series."""
    evidence = finding.evidence
    values, until = evidence.get("values"), evidence.get("until")
    level, limit = evidence.get("level"), evidence.get("limit")
    if values is None or until is None or level is None or limit is None:
        return None
    if finding.eta is None or finding.eta_lo is None or finding.eta_hi is None:
        return None
    step = float(evidence["step_s"])
    # A value stands for the step it closes; it is drawn in the middle of it.
    times = [until - (len(values) - index - 0.5) * step for index in range(len(values))]
    history = tuple((at, float(value)) for at, value in zip(times, values, strict=True) if value is not None)
    end = max(finding.eta_hi, until + step)
    grid = [until + (end - until) * index / (points - 1) for index in range(points)]
    return Projection(
        history,
        expected=_line(grid, until, finding.eta, level, limit),
        early=_line(grid, until, finding.eta_lo, level, limit),
        late=_line(grid, until, finding.eta_hi, level, limit),
        limit=float(limit),
        unit=str(evidence.get("unit", "")),
    )


def _line(grid: list[float], start: float, eta: float, level: float, limit: float) -> tuple[Point, ...]:
    """From the level now to the limit at `eta`, and flat after it."""
    length = max(eta - start, 1.0)
    return tuple((at, level + (limit - level) * min(1.0, (at - start) / length)) for at in grid)
