"""Which device is meant: from what a report says of itself to a device of the sender's customer. One place, all formats.

A device key speaks of its own device alone. A collector speaks of devices at its site, and makes those it meets first.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from access.models import public_id
from telemetry.ingest.batch import DeviceReport, Identity, Note
from telemetry.ingest.keys import KeyStopped, Sender, Told
from telemetry.ingest.memory import Remembered
from telemetry.ingest.store import ask

REMEMBERED_S: Final = 60.0
NOT_THIS_DEVICE: Final = "not_this_device"
OUTSIDE_SITE: Final = "outside_site"
ALIAS_USED: Final = "alias_used"

# How much of what a device says is kept; the columns of DeviceInventory.
WIDTHS: Final = {"vendor": 120, "serial": 120, "mac": 32, "hostname": 255, "address": 64, "model": 120}


@dataclass(frozen=True, slots=True)
class Met:
    """A device as the store knows it."""

    id: UUID
    stay: int
    known: Told
    no_inventory: bool = False
    by_alias: bool = False


_met: Final[Remembered[tuple[UUID, UUID, Identity], Met]] = Remembered(room=50_000, for_s=REMEMBERED_S)


def told_by(identity: Identity) -> Told:
    said = (
        identity.vendor,
        identity.serial,
        identity.mac,
        identity.hostname,
        identity.mgmt_ip,
        identity.model,
    )
    return tuple((text or "")[:width] for text, width in zip(said, WIDTHS.values(), strict=True))


def meet(sender: Sender, reports: Sequence[DeviceReport]) -> list[Met | Note]:
    """For each report its device, or why it is refused. Raises KeyStopped, StoreAway."""
    if sender.device is not None:
        return _own_only(sender, reports)
    found = [_met.get((sender.id, sender.site, report.identity)) for report in reports]
    unknown = [index for index, met in enumerate(found) if met is None]
    answers: list[Met | Note] = [
        met if met is not None else _nobody(report) for met, report in zip(found, reports, strict=True)
    ]
    if unknown:
        for index, answer in zip(unknown, _look_up(sender, [reports[i] for i in unknown]), strict=True):
            answers[index] = answer
    return answers


def forget(sender: Sender, reports: Sequence[DeviceReport]) -> None:
    for report in reports:
        _met.forget((sender.id, sender.site, report.identity))


# ---- a device key


def _own_only(sender: Sender, reports: Sequence[DeviceReport]) -> list[Met | Note]:
    own = sender.device
    assert own is not None
    me = Met(sender.id, own.stay, own.known, own.no_inventory)
    mine = [index for index, report in enumerate(reports) if _is_own(sender, report.identity, alone=len(reports) == 1)]
    # Without a serial on record the first that could be meant is: two devices in one report cannot both be.
    named = [index for index in mine if _names(sender, reports[index].identity)] or mine[:1]
    return [me if index in named else _not_this(report) for index, report in enumerate(reports)]


def _is_own(sender: Sender, said: Identity, *, alone: bool) -> bool:
    own = sender.device
    assert own is not None
    if said.device_id:
        return said.device_id == own.public_id
    if said.serial and own.serial:
        other_vendor = said.vendor and own.vendor and said.vendor.lower() != own.vendor.lower()
        return said.serial == own.serial and not other_vendor
    if said.mac and own.mac:
        return said.mac == own.mac
    if said.serial or said.mac or said.is_sender:
        return True
    return alone  # a mere name: nobody else can be meant if nobody else is there


def _names(sender: Sender, said: Identity) -> bool:
    own = sender.device
    assert own is not None
    return bool(
        said.device_id == own.public_id
        or said.is_sender
        or (own.serial and said.serial == own.serial)
        or (own.mac and said.mac == own.mac)
    )


def _not_this(report: DeviceReport) -> Note:
    return Note(report.path or report.ref, NOT_THIS_DEVICE, "a device key reports its own device alone")


# ---- a collector's key


def _look_up(sender: Sender, reports: Sequence[DeviceReport]) -> list[Met | Note]:
    rows = ask("SELECT * FROM ingest_devices(%s, %s::jsonb)", [sender.key, json.dumps(_questions(reports))])
    if len(rows) < len(reports):
        raise KeyStopped
    answers = []
    for report, row in zip(reports, sorted(rows), strict=True):
        answer = _answer(report, row)
        if isinstance(answer, Met):
            _met.put((sender.id, sender.site, report.identity), answer)
        answers.append(answer)
    return answers


def _questions(reports: Sequence[DeviceReport]) -> list[dict[str, object]]:
    questions = []
    for index, report in enumerate(reports):
        said = report.identity
        told = dict(zip(WIDTHS, told_by(said), strict=True))
        label = said.hostname or said.serial or said.mac or said.alias or "device"
        questions.append(
            {
                "n": index,
                "device_id": said.device_id or "",
                "alias": said.alias or "",
                "label": label[:120],
                "public_id": public_id("dv"),
                **told,
            }
        )
    return questions


def _answer(report: DeviceReport, row: tuple) -> Met | Note:  # type: ignore[type-arg]  # columns of ingest_devices()
    _, device, stay, verdict, *known, bare = row
    if verdict == "unknown":
        return _nobody(report)
    if device is None:
        return Note(report.path or report.ref, OUTSIDE_SITE, "this device is not in use at the collector's site")
    return Met(device, stay, tuple(text or "" for text in known), bare, by_alias=verdict == "alias")


def _nobody(report: DeviceReport) -> Note:
    if report.identity.is_sender:
        return Note(report.path or report.ref, OUTSIDE_SITE, "a collector must say which device it speaks of")
    name = report.identity.alias or report.identity.device_id or report.identity.hostname or report.ref
    return Note(report.path or report.ref, OUTSIDE_SITE, f"no device of this site is known as {name[:64]!r}")
