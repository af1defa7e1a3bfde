"""Which findings are explained by a finding on the device in front: one cause, one alert. One hop at a time.

Suppresses raising and mailing, never measuring nor clearing. Source: handbook, detector D10.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from telemetry.analysis.detectors import fan_drift, flapping, link_errors, silence, wan_loss
from telemetry.analysis.findings import Finding

LINK_KINDS = frozenset({link_errors.ERRORS_KIND, link_errors.DUPLEX_KIND, flapping.KIND})
CAUSES = LINK_KINDS | {
    "psu_rail",
    "psu_fault",
    fan_drift.KIND,
    "fan_fault",
    wan_loss.KIND,
    silence.DEVICE_KIND,
    "unreachable",
}
EFFECTS = frozenset({wan_loss.KIND, silence.DEVICE_KIND, "unreachable"})


@dataclass(frozen=True, slots=True)
class Place:
    """Where a device hangs. port: the parent's interface it hangs on, empty if unknown."""

    parent: str
    port: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """The finding of one device that a finding of the device in front explains."""

    device: str
    finding: Finding
    parent: str
    cause: Finding


def explanations(held: Mapping[str, Sequence[Finding]], places: Mapping[str, Place]) -> list[Explanation]:
    """What is explained by what. held: open findings by device; places: devices that hang behind another."""
    found = []
    for device in sorted(held):
        place = places.get(device)
        causes = _causes(held.get(place.parent, ()), place.port) if place is not None else []
        if place is None or not causes:
            continue
        for finding in held[device]:
            if finding.kind in EFFECTS:
                found.append(Explanation(device, finding, place.parent, causes[0]))
    return found


def _causes(findings: Sequence[Finding], port: str) -> list[Finding]:
    """Findings in front that can silence or starve what is behind, those that silence everything first."""
    able = [
        finding
        for finding in findings
        if finding.kind in CAUSES and not (finding.kind in LINK_KINDS and port and finding.subject != port)
    ]
    return sorted(able, key=lambda finding: finding.kind not in {silence.DEVICE_KIND, "unreachable"})
