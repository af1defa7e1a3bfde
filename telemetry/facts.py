"""What a device says of itself, from the inbox into its inventory, with a line of history for everything that changed.

The front door stores facts with the report that brought them; a worker takes them from there, inside the principal of a
job of the device's customer, in the transaction that also reads the samples. Told twice they change nothing.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

import structlog
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from telemetry.models import ConfigurationSnapshot, Device, DeviceInventory, FactInbox, InventoryChange

log = structlog.get_logger(__name__)

IDENTITY: Final = ("vendor", "serial", "mac", "hostname", "address", "model")
PART_FIELDS: Final = ("model", "serial", "hw_rev", "fw_rev")
VALUE_CHARS: Final = 300
WHAT_CHARS: Final = 160
SECRET: Final = re.compile(r"(?im)^(.*\b(?:password|secret|community|key-string|pre-shared-key)\b\s+)(\S.*)$")


def apply_waiting(devices: Iterable[Device]) -> int:
    """Apply all facts that wait for these devices, oldest first, and take them out of the inbox; how many there were."""
    by_id = {device.pk: device for device in devices}
    waiting = list(FactInbox.unscoped.filter(device__in=by_id).order_by("received"))
    for row in waiting:
        at = parse_datetime(str(row.facts.get("at", ""))) or row.received_at
        apply_inventory(by_id[row.device_id], row.facts, digest=bytes(row.digest), at=at, site_id=row.site_id)
    FactInbox.unscoped.filter(pk__in=[row.pk for row in waiting]).delete()
    return len(waiting)


def apply_inventory(
    device: Device, facts: Mapping[str, Any], *, digest: bytes = b"", at: datetime | None = None, site_id: Any = None
) -> list[InventoryChange]:
    """Bring a device's inventory up to date; the changes, already saved, at the site where they were told.

    facts: {"identity": {…}, "inventory": {"complete", "components", "software"}, "attachments": [[name, text]]}, each
    optional; the shape telemetry.ingest.prepare writes.
    """
    at = at or timezone.now()
    row = DeviceInventory.unscoped.select_for_update().get(device=device)
    first_time = row.facts_hash is None and not row.components
    changes = _change_identity(row, facts.get("identity", {}))
    if (inventory := facts.get("inventory")) is not None:
        told = [*_change_software(row, inventory), *_change_components(row, inventory)]
        changes += [("inventory", "", "first report")] if first_time and told else told
        row.facts_hash, row.reported_at = digest or None, at
    _keep_attachments(device, facts.get("attachments", []), at)
    if changes:
        row.changed_at = at
    _save(row)
    saved = [
        InventoryChange(
            customer_id=device.customer_id,
            device=device,
            site_id=site_id or device.site_id,
            at=at,
            what=what[:WHAT_CHARS],
            before=before[:VALUE_CHARS],
            after=after[:VALUE_CHARS],
        )
        for what, before, after in changes
    ]
    InventoryChange.unscoped.bulk_create(saved)
    return saved


type _Change = tuple[str, str, str]


def _change_identity(row: DeviceInventory, said: Mapping[str, str]) -> list[_Change]:
    changes = []
    for name in IDENTITY:
        before, after = getattr(row, name), said.get(name, "")
        if after and after != before:
            setattr(row, name, after)
            if before:
                changes.append((name, before, after))
    return changes


def _change_software(row: DeviceInventory, inventory: Mapping[str, Any]) -> list[_Change]:
    """The operating system counts, or the first program told."""
    told = inventory.get("software") or []
    if not told:
        return []
    name, version, _ = next((entry for entry in told if entry[2] == "os"), told[0])
    before, after = f"{row.software} {row.software_version}".strip(), f"{name} {version}".strip()
    row.software, row.software_version = name[:120], version[:120]
    return [("software", before, after)] if before != after else []


def _change_components(row: DeviceInventory, inventory: Mapping[str, Any]) -> list[_Change]:
    before = {part["id"]: part for part in row.components}
    told = {part["id"]: part for part in inventory.get("components") or []}
    after = told if inventory.get("complete") else {**before, **told}
    row.components = list(after.values())
    changes = [(f"component {name}", "", _part(part)) for name, part in after.items() if name not in before]
    changes += [(f"component {name}", _part(part), "") for name, part in before.items() if name not in after]
    changes += [
        (f"component {name}", _part(before[name]), _part(part))
        for name, part in after.items()
        if name in before and any(part.get(f) != before[name].get(f) for f in PART_FIELDS)
    ]
    return changes


def _part(part: Mapping[str, Any]) -> str:
    told = [str(part[name]) for name in PART_FIELDS if part.get(name)]
    return " ".join(told) or str(part.get("name") or part["id"])


def _save(row: DeviceInventory) -> None:
    """Another device of the customer may hold this serial number: then both keep what they had, and somebody looks."""
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError:
        log.warning("facts.serial_taken", device=str(row.device_id))
        held = DeviceInventory.unscoped.values_list("vendor", "serial").get(pk=row.pk)
        row.vendor, row.serial = held
        row.save()


def _keep_attachments(device: Device, attachments: Iterable[Any], at: datetime) -> None:
    """Outputs of commands are configuration, and kept only where the customer keeps configurations; secrets never."""
    kept = list(attachments)
    if not kept or not device.customer.keep_configuration:
        return
    for name, text in kept:
        masked = SECRET.sub(r"\1***", text)
        digest = hashlib.sha256(masked.encode()).digest()
        newest = ConfigurationSnapshot.unscoped.filter(device=device, name=name[:120]).order_by("-at").first()
        if newest is None or bytes(newest.sha256) != digest:
            ConfigurationSnapshot(
                customer_id=device.customer_id,
                device=device,
                site_id=device.site_id,
                at=at,
                name=name[:120],
                text=masked,
                sha256=digest,
            ).save(force_insert=True)
