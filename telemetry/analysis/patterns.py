"""The same trouble on several devices of one model and firmware: the model's fault, not theirs.

Source: handbook, detector D10.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from telemetry.analysis.facts import DAY
from telemetry.analysis.findings import Finding

RULE = "fleet-pattern"
VERSION = 1
KIND = "fleet_pattern"

FEWEST_DEVICES = 3
WITHIN_S = 7 * DAY
FEWEST_CUSTOMERS = 5  # fewer could be guessed at

Group = tuple[str, str, str]  # kind, model, firmware


@dataclass(frozen=True, slots=True)
class Opening:
    """An alert that is open: what, on which device, since when (epoch seconds)."""

    kind: str
    model: str
    firmware: str
    device: str
    customer: str
    at: float


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """How often a kind was seen on a model across customers; counts only, no names."""

    kind: str
    model: str
    firmware: str
    customers: int
    devices: int


def within_customer(openings: Iterable[Opening]) -> list[Finding]:
    """Patterns among the alerts of one customer; the members stay as they are."""
    found = []
    for (kind, model, firmware), members in sorted(_grouped(openings).items()):
        devices = sorted({member.device for member in members})
        if len(devices) < FEWEST_DEVICES:
            continue
        evidence = {"kind": kind, "model": model, "firmware": firmware, "devices": devices[:50], "count": len(devices)}
        subject = f"{kind} {model} {firmware}"
        title = "The same problem shows on several devices of one model"
        found.append(Finding(RULE, VERSION, KIND, subject, "major", title, evidence))
    return found


def across_customers(openings: Iterable[Opening]) -> list[Elsewhere]:
    """What may be told of other customers' networks: figures of groups of at least five customers."""
    told = []
    for (kind, model, firmware), members in sorted(_grouped(openings).items()):
        customers = len({member.customer for member in members})
        if customers >= FEWEST_CUSTOMERS:
            devices = len({(member.customer, member.device) for member in members})
            told.append(Elsewhere(kind, model, firmware, customers, devices))
    return told


def _grouped(openings: Iterable[Opening]) -> dict[Group, Sequence[Opening]]:
    """Openings of each group that lie within a week of the group's newest; unknown models form no group."""
    groups: dict[Group, list[Opening]] = defaultdict(list)
    for opening in openings:
        if opening.model and opening.firmware and opening.kind != KIND:
            groups[opening.kind, opening.model, opening.firmware].append(opening)
    newest = {group: max(member.at for member in members) for group, members in groups.items()}
    return {
        group: [member for member in members if member.at >= newest[group] - WITHIN_S]
        for group, members in groups.items()
    }
