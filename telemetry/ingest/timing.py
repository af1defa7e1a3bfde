"""Time correction, in one place for all formats. Rules: docs/device-protocol.md, section "Time".

A report may be late (kept on the device while it had no way to us), and its clock may be wrong; the two are told apart
by the sender's clock at the moment of sending. Only the native format carries one; elsewhere nothing is shifted.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from telemetry.ingest.batch import (
    NATIVE,
    CanonicalBatch,
    DecodeError,
    DeviceReport,
    Event,
    Inventory,
    Note,
    Rejections,
    RequestMeta,
    event_id,
    refuse_if_nothing_is_left,
)

SKEW_KEPT: Final = timedelta(seconds=300)
SKEW_SHIFTED: Final = timedelta(hours=24)
OLDEST: Final = timedelta(days=7)
NEWEST: Final = timedelta(seconds=300)
KEY_NEWEST: Final = timedelta(days=1)  # a partition exists up to here

CLOCK_ADJUSTED: Final = "clock_adjusted"
CLOCK_UNSYNC: Final = "clock_unsync"


def correct(batch: CanonicalBatch, meta: RequestMeta) -> CanonicalBatch:
    """The batch in our time: shifted where its clock is wrong, without items too old or in the future.

    Sets `key_at`. Raises DecodeError 400: `too_old` for a native report made more than 7 days ago, or the first
    item's code if nothing is left of a native report.
    """
    batch = dataclasses.replace(batch, key_at=key_time(batch, meta.received_at))
    if batch.format == NATIVE and batch.sent_at is not None:
        batch = _in_our_time(batch, batch.sent_at, meta)
    batch = _within_limits(batch, meta)
    return refuse_if_nothing_is_left(batch) if batch.format == NATIVE else batch


def key_time(batch: CanonicalBatch, received_at: datetime) -> datetime:
    """The time stored with the identity: the report's own before any correction, so that each try has the same.

    A clock that is dead names a day for which there is no partition: then the day of receipt.
    """
    if batch.sent_at is not None and -OLDEST <= batch.sent_at - received_at <= KEY_NEWEST:
        return batch.sent_at
    return received_at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def skew_of(sent_at: datetime, meta: RequestMeta) -> timedelta:
    """Server time minus the sender's clock. Without the header only a report from the future shows a wrong clock."""
    if meta.source_clock is not None:
        return meta.received_at - meta.source_clock
    return min(meta.received_at - sent_at, timedelta(0))


def _in_our_time(batch: CanonicalBatch, sent_at: datetime, meta: RequestMeta) -> CanonicalBatch:
    skew = skew_of(sent_at, meta)
    devices: Iterable[DeviceReport] = (_by_device_clock(device, sent_at, meta) for device in batch.devices)
    if abs(skew) <= SKEW_KEPT:
        _refuse_if_old(sent_at, meta)
        kept = tuple(devices)
        return batch if kept == batch.devices else dataclasses.replace(batch, devices=kept)
    if abs(skew) <= SKEW_SHIFTED:
        _refuse_if_old(sent_at + skew, meta)
        moved, sent_at = tuple(_shifted(device, skew) for device in devices), sent_at + skew
        message = f"the sender's clock differs by {skew.total_seconds():.0f} s; all times were moved by that"
    else:
        moved, sent_at = tuple(_at_receipt(device, meta) for device in devices), meta.received_at
        message = "the sender's clock is off by more than a day; the time of receipt is used"
    note = Note("sent_at", CLOCK_ADJUSTED, message)
    return dataclasses.replace(
        batch, devices=moved, sent_at=sent_at, clock_adjusted=True, warnings=(*batch.warnings, note)
    )


def _refuse_if_old(sent_at: datetime, meta: RequestMeta) -> None:
    if meta.received_at - sent_at > OLDEST:
        raise DecodeError(400, "too_old", "reports are accepted for 7 days; nothing was kept", "sent_at")


def _by_device_clock(device: DeviceReport, sent_at: datetime, meta: RequestMeta) -> DeviceReport:
    """Events carry the time of the device's own clock; a poll shows how wrong that is."""
    if device.clock is None or abs(sent_at - device.clock) <= SKEW_KEPT:
        return device
    skew = (sent_at - device.clock).total_seconds()
    events = tuple(event._replace(at=event.at + skew) for event in device.events)
    return _with_unsync_event(dataclasses.replace(device, events=events), sent_at, meta)


def _shifted(device: DeviceReport, skew: timedelta) -> DeviceReport:
    """All times moved, except `start`: it is compared with itself only, and a skew differs a little each time."""
    seconds = skew.total_seconds()
    inventory = device.inventory
    if inventory is not None and inventory.at is not None:
        inventory = dataclasses.replace(inventory, at=inventory.at + skew)
    return dataclasses.replace(
        device,
        inventory=inventory,
        samples=tuple(sample._replace(t=sample.t + seconds) for sample in device.samples),
        events=tuple(event._replace(at=event.at + seconds) for event in device.events),
    )


def _at_receipt(device: DeviceReport, meta: RequestMeta) -> DeviceReport:
    now = meta.received_at.timestamp()
    moved = dataclasses.replace(
        device,
        inventory=device.inventory and dataclasses.replace(device.inventory, at=meta.received_at),
        samples=tuple(sample._replace(t=now) for sample in device.samples),
        events=tuple(event._replace(at=now) for event in device.events),
    )
    return _with_unsync_event(moved, meta.received_at, meta)


def _with_unsync_event(device: DeviceReport, at: datetime, meta: RequestMeta) -> DeviceReport:
    """Adds the event that tells people; one a day and device, however many reports come."""
    if any(event.code == CLOCK_UNSYNC for event in device.events):
        return device
    day = meta.received_at.astimezone(UTC).date().isoformat()
    text = "The clock of this device is wrong; set up NTP"
    event = Event(event_id(0, CLOCK_UNSYNC, day), at.timestamp(), "warning", CLOCK_UNSYNC, "", text)
    positions = device.event_positions and (*device.event_positions, device.event_positions[-1] + 1)
    return dataclasses.replace(device, events=(*device.events, event), event_positions=positions)


def _within_limits(batch: CanonicalBatch, meta: RequestMeta) -> CanonicalBatch:
    now = meta.received_at.timestamp()
    oldest, newest = now - OLDEST.total_seconds(), now + NEWEST.total_seconds()
    if all(_all_within(device, oldest, newest) for device in batch.devices):
        return batch
    rejections = Rejections(meta.limits.rejections_listed)
    rejections.total, rejections.listed = batch.rejected_total, list(batch.rejected)
    devices = tuple(_limited(device, oldest, newest, rejections) for device in batch.devices)
    return dataclasses.replace(
        batch, devices=devices, rejected=tuple(rejections.listed), rejected_total=rejections.total
    )


def _all_within(device: DeviceReport, oldest: float, newest: float) -> bool:
    times = [sample.t for sample in device.samples]
    times += [event.at for event in device.events]
    if times and not (oldest <= min(times) and max(times) <= newest):
        return False
    return _known_by_now(device.inventory, newest) is device.inventory


def _limited(device: DeviceReport, oldest: float, newest: float, rejections: Rejections) -> DeviceReport:
    def keeps(at: float, path: str) -> bool:
        if at < oldest:
            rejections.add(path, "too_old", "more than 7 days old")
        elif at > newest:
            rejections.add(path, "in_future", "more than 300 s ahead of our clock")
        return oldest <= at <= newest

    samples = [n for n, sample in enumerate(device.samples) if keeps(sample.t, device.path_of_sample(n))]
    events = [n for n, event in enumerate(device.events) if keeps(event.at, device.path_of_event(n))]
    kept = device.with_only(samples, events)
    return dataclasses.replace(kept, inventory=_known_by_now(device.inventory, newest))


def _known_by_now(inventory: Inventory | None, newest: float) -> Inventory | None:
    if inventory is None or inventory.at is None or inventory.at.timestamp() <= newest:
        return inventory
    return dataclasses.replace(inventory, at=None)
