"""What a detector says now: frozen, serialisable, with the figures a reader needs to redo the sum."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from telemetry.analysis.facts import DAY, HOUR

Severity = Literal["info", "warning", "major", "critical"]
SEVERITIES: tuple[Severity, ...] = ("info", "warning", "major", "critical")
Evidence = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Finding:
    """One statement about one subject of one device.

    rule, version: which detector, in which edition, says so. kind, subject: what it is about; an alert is unique in
    (device, kind, subject). title: one plain sentence for people. eta_lo, eta, eta_hi: epoch seconds, or None.
    evidence: JSON-serialisable, below 4 kB.
    """

    rule: str
    version: int
    kind: str
    subject: str
    severity: Severity
    title: str
    evidence: Evidence
    eta_lo: float | None = None
    eta: float | None = None
    eta_hi: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain types only, in a fixed order."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Finding":
        return cls(**data)


def worse(one: Severity, other: Severity) -> Severity:
    """The graver of two severities."""
    return max(one, other, key=SEVERITIES.index)


def severity_by_eta(now: float, eta: float, eta_lo: float) -> Severity:
    """Severity of something dated: the middle of the range decides, its early end lifts it to major.

    Source: design table of kinds; below 24 h critical, 72 h major, 7 d warning, else something to schedule.
    """
    left = eta - now
    by_middle: Severity = (
        "critical" if left < DAY else "major" if left < 3 * DAY else "warning" if left < 7 * DAY else "info"
    )
    return worse(by_middle, "major") if eta_lo - now < 24 * HOUR else by_middle


def figure(value: float, digits: int = 4) -> float | None:
    """A number for evidence: rounded to significant digits, None where there is none."""
    if value != value or value in (float("inf"), float("-inf")):
        return None
    return float(f"{value:.{digits}g}")
