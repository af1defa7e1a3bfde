"""From a decoded batch to what ingest_accept() stores: devices met, samples packed, events and changed facts as JSON.

Whatever is refused here is told in `rejected`, in the words of the door; the rest stands.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from telemetry.ingest import layouts
from telemetry.ingest.aliases import ALIAS_USED, WIDTHS, Met, meet, told_by
from telemetry.ingest.batch import (
    GAUGE,
    NATIVE,
    SEVERITIES,
    STATE,
    CanonicalBatch,
    Counts,
    DeviceReport,
    Inventory,
    Note,
    Rejections,
    Sample,
    refuse_if_nothing_is_left,
)
from telemetry.ingest.group import Item
from telemetry.ingest.keys import Sender
from telemetry.ingest.layouts import Row
from telemetry.ingest.memory import Remembered
from telemetry.vocabulary import is_custom

UNKNOWN_INSTANCE: Final = "unknown_instance"
WARNINGS_LISTED: Final = 100
_SEVERITY: Final = {name: number for number, name in enumerate(SEVERITIES)}

_told: Final[Remembered[UUID, str]] = Remembered(room=50_000, for_s=3_600.0)
"""Digest of the facts a device sent last: most reports say nothing new about it."""


@dataclasses.dataclass(slots=True)
class Prepared(Item):
    """A report ready to be stored. `asked` is the batch before anything was refused here, to begin anew from."""

    sender: Sender
    asked: CanonicalBatch
    batch: CanonicalBatch
    counts: Counts
    devices: list[Met]
    rows: list[Row]
    events: list[dict[str, Any]]
    facts: list[dict[str, Any]]
    need: tuple[str, ...]
    weight: int = 0

    def remember(self) -> None:
        """It has been committed: what it said of its devices need not be sent to the store again."""
        for fact in self.facts:
            _told.put(UUID(fact["device"]), fact["digest"])


def prepare(sender: Sender, batch: CanonicalBatch) -> Prepared:
    """Raises KeyStopped, StoreAway; DecodeError if a native report has nothing left that may be kept."""
    work = _Work(sender, batch)
    for report, met in zip(batch.devices, meet(sender, batch.devices), strict=True):
        if isinstance(met, Note):
            work.refuse(report, met)
        else:
            work.take(report, met)
    return work.done()


class _Work:
    """One report on its way; gathers what is kept and what is not."""

    def __init__(self, sender: Sender, batch: CanonicalBatch) -> None:
        self.sender, self.asked = sender, batch
        self.rejections = Rejections(sender.limits.rejections_listed)
        self.rejections.total, self.rejections.listed = batch.rejected_total, list(batch.rejected)
        self.warnings = list(batch.warnings)
        self.kept: list[DeviceReport] = []
        self.devices: list[Met] = []
        self.rows: list[Row] = []
        self.events: list[dict[str, Any]] = []
        self.facts: list[dict[str, Any]] = []
        self.need: list[str] = []

    def refuse(self, report: DeviceReport, why: Note) -> None:
        self.rejections.add(why.path, why.code, why.message, len(report.samples) + len(report.events) or 1)

    def take(self, report: DeviceReport, met: Met) -> None:
        if not self.sender.custom_metrics:
            report = self._without_custom(report)
        samples = _with_state(report, self.asked)
        if samples:
            packed = layouts.rows_of(self.sender, met.stay, samples, self.asked.interval_s)
            self.rows += packed.rows
            if packed.refused:
                report = self._without(report, packed.refused, "series_limit", "too many series, or words for states")
        self.events += [_event(event, met) for event in report.events]
        if facts := _facts(report, met):
            self.facts.append(facts)
        if met.no_inventory and report.inventory is None and met.id not in _told_inventory(met):
            self.need.append(f"inventory:{report.ref}")
        if met.by_alias:
            self._warn(report.path, ALIAS_USED, "recognised by a name that is registered at this site")
        if report.inventory is not None and report.inventory.complete:
            self._compare_instances(report, report.inventory)
        self.kept.append(report)
        self.devices.append(met)

    def done(self) -> Prepared:
        batch = self.asked
        changed = len(self.kept) != len(batch.devices) or any(
            a is not b for a, b in zip(self.kept, batch.devices, strict=True)
        )
        if changed or len(self.warnings) != len(batch.warnings):
            batch = dataclasses.replace(
                batch,
                devices=tuple(self.kept),
                rejected=tuple(self.rejections.listed),
                rejected_total=self.rejections.total,
                warnings=tuple(self.warnings),
            )
            if batch.format == NATIVE:
                refuse_if_nothing_is_left(batch)
        weight = 200 + sum(len(row.values) + 60 for row in self.rows) + 300 * (len(self.events) + len(self.facts))
        return Prepared(
            sender=self.sender,
            asked=self.asked,
            batch=batch,
            counts=batch.counts,
            devices=self.devices,
            rows=self.rows,
            events=self.events,
            facts=self.facts,
            need=tuple(self.need),
            weight=weight,
        )

    def _without_custom(self, report: DeviceReport) -> DeviceReport:
        refused = [index for index, sample in enumerate(report.samples) if is_custom(sample.metric)]
        if not refused:
            return report
        return self._without(report, refused, "unknown_metric", "this customer takes no custom metrics")

    def _without(self, report: DeviceReport, refused: Sequence[int], code: str, message: str) -> DeviceReport:
        out = {index for index in refused if index < len(report.samples)}
        for index in sorted(out):
            self.rejections.add(report.path_of_sample(index), code, message)
        left = [index for index in range(len(report.samples)) if index not in out]
        return report.with_only(left, range(len(report.events)))

    def _compare_instances(self, report: DeviceReport, inventory: Inventory) -> None:
        """Parts that an inventory should name, as it names others of their class: kept, but a port may be misspelt."""
        known = {component.id for component in inventory.components}
        classes = {component_id.split("/", 1)[0] for component_id in known}
        for index, sample in enumerate(report.samples):
            if sample.instance not in known and sample.instance.split("/", 1)[0] in classes:
                path = report.path_of_sample(index)
                self._warn(path, UNKNOWN_INSTANCE, "instance is not in the inventory; stored")

    def _warn(self, path: str, code: str, message: str) -> None:
        if len(self.warnings) < WARNINGS_LISTED:
            self.warnings.append(Note(path, code, message))


def _told_inventory(met: Met) -> tuple[UUID, ...]:
    return (met.id,) if _told.get(met.id) is not None else ()


def _with_state(report: DeviceReport, batch: CanonicalBatch) -> Sequence[Sample]:
    """The samples, and what the device's own fields say as samples: reachable and uptime. A sample of the same name and
    time counts first."""
    if report.reachable is None and report.uptime_s is None:
        return report.samples
    at = report.samples[0].t if report.samples else batch.sent_at.timestamp() if batch.sent_at else 0.0
    if not at:
        return report.samples
    more = []
    if report.reachable is not None:
        state = "up" if report.reachable else "down"
        more.append(Sample("device.reachable", "", (), STATE, None, state, at))
    if report.uptime_s is not None:
        more.append(Sample("device.uptime", "", (), GAUGE, report.uptime_s, None, at))
    return (*report.samples, *more)


def _event(event: Any, met: Met) -> dict[str, Any]:
    return {
        "device": str(met.id),
        "at": event.at,
        "severity": _SEVERITY[event.severity],
        "code": event.code,
        "component": event.component,
        "text": event.text,
        "dedupe": event.dedupe_id,
    }


def _facts(report: DeviceReport, met: Met) -> dict[str, Any] | None:
    """What the device says of itself that is new, for the worker (telemetry.facts); None if nothing is."""
    said = told_by(report.identity)
    identity = {name: new for name, new, old in zip(WIDTHS, said, met.known, strict=True) if new and new != old}
    if not identity and report.inventory is None and not report.attachments:
        return None
    facts: dict[str, Any] = {"identity": identity}
    if report.inventory is not None:
        facts["inventory"] = _inventory(report.inventory)
        facts["identity"] = {name: new for name, new in zip(WIDTHS, said, strict=True) if new}
    if report.attachments:
        facts["attachments"] = [[attachment.name, attachment.text] for attachment in report.attachments]
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    if _told.get(met.id) == digest:
        return None
    if report.inventory is not None and report.inventory.at is not None:
        facts["at"] = report.inventory.at.isoformat()
    return {"device": str(met.id), "digest": digest, "facts": facts}


def _inventory(inventory: Inventory) -> dict[str, Any]:
    return {
        "complete": inventory.complete,
        "components": [
            {
                "id": part.id,
                "class": part.part_class,
                **{
                    name: value
                    for name in ("parent", "name", "model", "serial", "hw_rev", "fw_rev")
                    if (value := getattr(part, name)) is not None
                },
                **dict(part.extra),
            }
            for part in inventory.components
        ],
        "software": [[part.name, part.version, part.role or ""] for part in inventory.software],
    }
