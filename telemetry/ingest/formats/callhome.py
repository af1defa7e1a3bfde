"""Cisco Call Home, as IOS, IOS-XE, NX-OS and ASA send it. Elements are matched by local name: namespaces differ.

Customer, site and contract numbers in the message are labels of somebody else's system: the key says whose device it is.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Final
from uuid import UUID

from telemetry.ingest.batch import (
    CALLHOME,
    Attachment,
    CanonicalBatch,
    Component,
    DeviceReport,
    Event,
    Identity,
    Inventory,
    Note,
    RequestMeta,
    Sample,
    Software,
    event_id,
    uuid_from_digest,
)
from telemetry.ingest.formats import callhome_xml, cisco_show, cisco_syslog
from telemetry.ingest.formats.callhome_xml import Node

NOT_UNDERSTOOD: Final = "not_understood"
VENDOR: Final = "Cisco"
FIELD_CHARS: Final = 255
ID_CHARS: Final = 128

PERIODIC: Final = frozenset(("inventory", "telemetry", "configuration"))
"""Groups that report how things are; the others report that something happened."""
TEST: Final = "test"
SEVERITY_OF_LEVEL: Final = (
    *("debug", "info", "notice", "warning", "error", "error", "critical", "alert", "emergency", "emergency"),
)
# Only these outputs are looked at and kept: everything else may show configuration, and with it secrets
_HARMLESS: Final = re.compile(r"show (?:inventory|version|environment)(?: [a-z ]{1,40})?", re.IGNORECASE)
_KEY: Final = re.compile(rb"(sc[dc]_[a-z0-9]{1,32}_)[A-Za-z0-9_\-]+")
_TIME: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.\d+)?\s*(?:GMT|UTC|Z)?\s*(?:([+-])(\d\d):?(\d\d))?", re.ASCII
)


def decode(body: bytes, meta: RequestMeta) -> CanonicalBatch:
    """One message. Well-formed XML is always accepted: what says nothing to us gives a batch without devices.

    Raises DecodeError 400 if the body is no XML, or XML that is used as a weapon.
    """
    digest = hashlib.sha256(body).digest()
    message = _Message(callhome_xml.parse(body, meta.limits))
    devices: tuple[DeviceReport, ...] = ()
    warnings: tuple[Note, ...] = ()
    if message.content is not None:
        devices = (message.device(meta),)
    elif not message.is_for_somebody_else:
        warnings = (Note("Body", NOT_UNDERSTOOD, "no Call Home content was found; the message was kept as it came"),)
    return CanonicalBatch(
        format=CALLHOME,
        idempotency_key=message.key(digest),
        body_sha256=digest,
        sent_at=message.sent_at,
        devices=devices,
        warnings=warnings,
    )


def without_secrets(body: bytes) -> bytes:
    """A message fit to be kept as it came: devices repeat the address, and with it their key, inside of it."""
    return _KEY.sub(rb"\1", body)


class _Message:
    """What the parts of an envelope mean."""

    def __init__(self, envelope: Node) -> None:
        self.session = envelope.find("Header", "Session") or Node("Session", {})
        self.block = envelope.find("Body", "Block") or Node("Block", {})
        self.header = self.block.find("Header") or Node("Header", {})
        self.content = self.block.find("Content", "CallHome")
        self.type = self.header.text_at("Type")
        self.group = self.type.rpartition("/")[2].lower()
        self.sent_at = parse_time(self.header.text_at("CreationDate"))

    @property
    def is_for_somebody_else(self) -> bool:
        """Smart Licensing uses the same address."""
        return bool(self.type) and "/callhome/" not in self.type.lower()

    def key(self, digest: bytes) -> UUID:
        """From the message's own id, else from group, number and type, else from the body."""
        message_id = self.session.text_at("MessageId")
        group_id = self.header.text_at("BlockGroup", "GroupId")
        own: tuple[str, ...]
        if message_id:
            own = ("message", message_id)
        elif group_id:
            own = ("group", group_id, self.header.text_at("BlockGroup", "Number"), self.type)
        else:
            return uuid_from_digest(digest)
        return uuid_from_digest(hashlib.sha256("\0".join(own).encode()).digest())

    def device(self, meta: RequestMeta) -> DeviceReport:
        content = self.content
        assert content is not None
        said_at = parse_time(content.text_at("EventTime")) or self.sent_at
        at = said_at or meta.received_at
        attachments = tuple(self._attachments()) if self.group != TEST else ()
        chassis = content.find("Device", "Chassis") or Node("Chassis", {})
        inventory = Inventory(
            complete=False,
            at=at,
            components=tuple(_components(chassis, attachments)),
            software=tuple(_software(chassis, attachments)),
        )
        return DeviceReport(
            ref="chassis",
            path="Block/Content/CallHome",
            identity=_identity(content, chassis),
            inventory=inventory if inventory.components or inventory.software else None,
            samples=_samples(attachments, at.timestamp()),
            events=() if self.group in PERIODIC else (self._event(content, at, meta),),
            attachments=attachments,
        )

    def _event(self, content: Node, at: datetime, meta: RequestMeta) -> Event:
        said = content.text_at("MessageDescription")
        told = cisco_syslog.find(said)
        subtype = content.text_at("Event", "SubType").lower()
        if told is not None:
            code, severity, text = told.code, told.severity, told.text or said
        elif self.group == TEST:
            code, severity, text = "callhome.test", _severity(self.header), said
        else:
            code = ".".join(filter(None, ("callhome", self.group, subtype)))
            severity, text = _severity(self.header), said
        text = text or f"Call Home message of group {self.group}"
        code = code[: cisco_syslog.CODE_CHARS]
        message_id = self.session.text_at("MessageId")
        dedupe_id = f"callhome:{message_id}"[:ID_CHARS] if message_id else event_id(at.timestamp(), code, text)
        return Event(dedupe_id, at.timestamp(), severity, code, "", text[: meta.limits.text_chars])

    def _attachments(self) -> Iterator[Attachment]:
        holder = self.block.find("Attachments") or Node("Attachments", {})
        for attachment in holder.each("Attachment"):
            name = " ".join(attachment.text_at("Name").split())
            data = attachment.find("Data")
            if data is not None and _HARMLESS.fullmatch(name):
                yield Attachment(name, _decoded(data))


def parse_time(text: str) -> datetime | None:
    """An aware UTC time; without a zone it is taken as UTC. None for what is no time."""
    found = _TIME.fullmatch(text.strip())
    if found is None:
        return None
    date, clock, sign, hours, minutes = found.groups()
    try:
        offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
        zone = timezone(-offset if sign == "-" else offset)
        return datetime.fromisoformat(f"{date}T{clock}").replace(tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _identity(content: Node, chassis: Node) -> Identity:
    """The chassis's serial number, else the one in DeviceId (`type@C@serial`)."""
    device_id = content.text_at("CustomerData", "ContractData", "DeviceId")
    serial = chassis.text_at("SerialNumber") or device_id.rpartition("@C@")[2]
    return Identity(
        serial=_field(serial),
        vendor=VENDOR,
        model=_field(chassis.text_at("Model")),
        sys_object_id=_field(_additional(chassis).get("SystemObjectId", "")),
        hostname=_field(content.text_at("CustomerData", "SystemInfo", "Name")),
    )


def _components(chassis: Node, attachments: tuple[Attachment, ...]) -> Iterator[Component]:
    """Parts by id, each once: the chassis and its cards by the envelope, the rest by `show inventory`."""
    found: dict[str, Component] = {}
    for component in (*_of_envelope(chassis), *_of_attachments(attachments)):
        known = found.get(component.id)
        found[component.id] = replace(known, name=known.name or component.name) if known else component
    yield from found.values()


def _of_envelope(chassis: Node) -> Iterator[Component]:
    part_number = _additional(chassis).get("PartNumber", "")
    if chassis.text_at("Model") or chassis.text_at("SerialNumber"):
        extra = (("part_number", part_number[:FIELD_CHARS]),) if part_number else ()
        yield _part("chassis/1", "chassis", chassis, extra)
    for number, card in enumerate(chassis.each("Card"), start=1):
        place = card.text_at("LocationWithinContainer") or str(number)
        yield _part(f"module/{place}"[:ID_CHARS], "module", card, ())


def _part(part_id: str, part_class: str, node: Node, extra: tuple[tuple[str, str], ...]) -> Component:
    return Component(
        part_id,
        part_class,
        parent=None if part_class == "chassis" else "chassis/1",
        model=_field(node.text_at("Model")),
        serial=_field(node.text_at("SerialNumber")),
        hw_rev=_field(node.text_at("HardwareVersion")),
        extra=extra,
    )


def _of_attachments(attachments: tuple[Attachment, ...]) -> Iterator[Component]:
    for attachment in attachments:
        if attachment.name.lower().startswith("show inventory"):
            yield from cisco_show.inventory(attachment.text)


def _software(chassis: Node, attachments: tuple[Attachment, ...]) -> Iterator[Software]:
    told = _additional(chassis)
    system = told.get("SystemDescription", "")
    version = told.get("SoftwareVersion", "")
    if version:
        yield Software(cisco_show.system_name(system), version[:FIELD_CHARS], "os")
        return
    for attachment in attachments:
        found = attachment.name.lower().startswith("show version") and cisco_show.software(attachment.text, system)
        if found:
            yield found
            return


def _samples(attachments: tuple[Attachment, ...], t: float) -> tuple[Sample, ...]:
    return tuple(
        sample
        for attachment in attachments
        if attachment.name.lower().startswith("show environment")
        for sample in cisco_show.environment(attachment.text, t)
    )


def _additional(chassis: Node) -> dict[str, str]:
    """AdditionalInformation: AD elements with name and value."""
    holder = chassis.find("AdditionalInformation") or Node("", {})
    return {ad.attributes.get("name", ""): ad.attributes.get("value", "").strip() for ad in holder.each("AD")}


def _severity(header: Node) -> str:
    level = header.text_at("Severity")
    return SEVERITY_OF_LEVEL[int(level)] if re.fullmatch(r"[0-9]", level) else "info"


def _decoded(data: Node) -> str:
    """The output of the command; nothing if its encoding is not what it says."""
    if data.attributes.get("encoding", "").lower() != "base64":
        return data.text
    try:
        return base64.b64decode(data.text, validate=False).decode("utf-8", "replace").replace("\0", "")
    except (binascii.Error, ValueError):
        return ""


def _field(text: str) -> str | None:
    return text[:FIELD_CHARS] or None
