"""Devices: register, rename, move between sites of the same customer, retire. Keys: issue, replace, stop."""

import hashlib
import secrets
from dataclasses import dataclass
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q
from django.db.models.functions import Now

from access import acts, audit
from access.errors import Invalid, NotAllowed, require
from access.models import Site
from access.models.identity import ALPHABET
from access.viewer import Viewer
from telemetry import alerting
from telemetry.models import (
    Alert,
    ClaimCode,
    Collector,
    DetectorState,
    Device,
    DeviceAlias,
    DeviceHealth,
    DeviceInventory,
    DeviceKey,
    DeviceKind,
    DeviceStay,
    KeyChannel,
    Maintenance,
)

LIVE_KEYS_AT_MOST = 2  # the old and the new one, while one replaces the other


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A key in clear: shown once, then forgotten by everybody but its holder."""

    row: DeviceKey
    secret: str


def hold_open(*sites: UUID) -> None:
    """Before anything joins them: these sites stay open until the transaction ends. Who closes one waits for us, or we for them.

    First of all locks (the journal of a customer is one, too), in the order of the ids, as decisions about sites take them.
    Raises Invalid.
    """
    wanted = set(sites)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM access_site WHERE id = ANY (%s) AND closed_at IS NULL ORDER BY id FOR SHARE", [list(wanted)]
        )
        if len(cursor.fetchall()) < len(wanted):
            raise Invalid("This site is closed", "site")


@transaction.atomic
def register(
    *,
    site: Site,
    label: str,
    kind: DeviceKind = DeviceKind.OTHER,
    by: Viewer | None,
    serial: str = "",
    vendor: str = "",
    model: str = "",
) -> Device:
    """A new device at a site. by=None: an enrolment or a collector, inside a job of the customer. Raises NotAllowed, Invalid."""
    require(
        by is None or (by.may_edit and site.customer_id == by.organization_id), "Only owners and approvers add devices"
    )
    label = label.strip()
    if not label:
        raise Invalid("Give the device a name", "label")
    hold_open(site.pk)
    if serial and DeviceInventory.unscoped.filter(customer=site.customer_id, vendor=vendor, serial=serial).exists():
        raise Invalid("You have a device with this serial number already", "serial")
    device = Device(customer_id=site.customer_id, site=site, label=label, kind=kind)
    device.save(force_insert=True)
    _open_stay(device, site)
    DeviceInventory(
        customer_id=site.customer_id, device=device, site=site, serial=serial, vendor=vendor, model=model
    ).save(force_insert=True)
    DeviceHealth(customer_id=site.customer_id, device=device, site=site).save(force_insert=True)
    audit.record(
        customer=site.customer_id,
        by=by,
        action="device.added",
        kind="device",
        id=device.public_id,
        words=f"{label} at {site.name}",
    )
    return device


@transaction.atomic
def move(device: Device, *, to: Site, by: Viewer) -> None:
    """To another site of the same customer. What it reported, and the alerts it raised, stay with the site where it happened."""
    require(
        by.may_edit and device.customer_id == by.organization_id == to.customer_id,
        "Only owners and approvers move devices",
    )
    hold_open(to.pk)
    locked = Device.unscoped.select_for_update().get(pk=device.pk)
    if locked.retired_at is not None:
        raise Invalid("This device is retired: what is over stays where it was", "site")
    if locked.site_id == to.pk:
        raise Invalid("The device is at this site already", "site")
    was = Site.unscoped.get(pk=locked.site_id)
    DeviceStay.unscoped.filter(device=locked, until=None).update(until=Now())
    # Open alerts end here: at the new site they would be told to others; if the trouble goes on, it is raised there anew.
    for alert in Alert.unscoped.filter(device=locked, resolved_at=None):
        alerting.resolve(alert, by=by, resolution="moved")
    locked.site = to
    locked.save(update_fields=["site"])
    _open_stay(locked, to)
    for table in (DeviceInventory, DeviceHealth, DetectorState, DeviceKey, DeviceAlias, Maintenance):
        table.unscoped.filter(device=locked.pk).update(site=to)
    audit.record(
        customer=locked.customer_id,
        by=by,
        action="device.moved",
        kind="device",
        id=locked.public_id,
        words=locked.label,
        before={"site": was.name},
        after={"site": to.name},
    )


@transaction.atomic
def rename(device: Device, *, label: str, kind: DeviceKind, by: Viewer) -> None:
    require(by.may_edit and device.customer_id == by.organization_id, "Only owners and approvers change devices")
    label = label.strip()
    if not label:
        raise Invalid("Give the device a name", "label")
    before = {"label": device.label, "kind": device.kind}
    device.label, device.kind = label, kind
    device.save(update_fields=["label", "kind"])
    audit.record(
        customer=device.customer_id,
        by=by,
        action="device.changed",
        kind="device",
        id=device.public_id,
        words=label,
        before=before,
        after={"label": label, "kind": kind},
    )


@transaction.atomic
def retire(device: Device, *, by: Viewer) -> None:
    """Out of use: its keys end now, its history stays with the customer."""
    require(by.may_edit and device.customer_id == by.organization_id, "Only owners and approvers retire devices")
    for alert in Alert.unscoped.filter(device=device, resolved_at=None):
        alerting.resolve(alert, by=by, resolution="retired")
    Device.unscoped.filter(pk=device.pk, retired_at=None).update(retired_at=Now())
    for key in DeviceKey.unscoped.filter(device=device, revoked_at=None):
        stop_key(key, by=by)
    DeviceStay.unscoped.filter(device=device, until=None).update(until=Now())
    audit.record(
        customer=device.customer_id,
        by=by,
        action="device.retired",
        kind="device",
        id=device.public_id,
        words=device.label,
    )


@transaction.atomic
def issue_key(
    *,
    device: Device | None = None,
    collector: Collector | None = None,
    by: Viewer | None,
    channel: KeyChannel = KeyChannel.HEADER,
) -> IssuedKey:
    """A key for a device or a collector; the only moment it exists in clear. At most two live ones. Raises NotAllowed, Invalid."""
    holder = device or collector
    if holder is None or (device is not None and collector is not None):
        raise NotAllowed("A key belongs to a device or to a collector")
    require(
        by is None or (by.may_edit and holder.customer_id == by.organization_id), "Only owners and approvers make keys"
    )
    if holder.retired_at is not None:
        raise Invalid("It is retired: nothing reports from there any more")
    hold_open(holder.site_id)
    live = DeviceKey.unscoped.filter(
        Q(device=device) if device else Q(collector=collector), revoked_at=None, channel=channel
    )
    if live.count() >= LIVE_KEYS_AT_MOST:
        raise Invalid("There are two keys already: stop one of them first")
    key_id = "".join(secrets.choice(ALPHABET) for _ in range(12))
    secret = secrets.token_urlsafe(32)
    row = DeviceKey(
        customer_id=holder.customer_id,
        device=device,
        collector=collector,
        site_id=holder.site_id,
        key_id=key_id,
        digest=hashlib.sha256(secret.encode()).digest(),
        channel=channel,
        created_by=by.user if by else None,
    )
    row.save(force_insert=True)
    name = device.label if device else collector.name if collector else ""
    audit.record(customer=holder.customer_id, by=by, action="key.issued", kind="key", id=key_id, words=name)
    return IssuedKey(row, f"{'scd' if device else 'scc'}_{key_id}_{secret}")


def fits(row: DeviceKey, key: str) -> bool:
    """Whether this is the key in clear that the row is of."""
    secret = key.split("_", 2)[-1]
    return secrets.compare_digest(hashlib.sha256(secret.encode()).digest(), bytes(row.digest))


@transaction.atomic
def stop_key(key: DeviceKey, *, by: Viewer | None) -> None:
    """Refused from the next request on. by=None: an enrolment, inside a job of the customer."""
    require(
        by is None or (by.may_edit and key.customer_id == by.organization_id), "Only owners and approvers stop keys"
    )
    if DeviceKey.unscoped.filter(pk=key.pk, revoked_at=None).update(revoked_at=Now()) == 0:
        return
    audit.record(customer=key.customer_id, by=by, action="key.stopped", kind="key", id=key.key_id, words=key.key_id)


@transaction.atomic
def rekey(
    *,
    device: Device | None = None,
    collector: Collector | None = None,
    by: Viewer,
    channel: KeyChannel = KeyChannel.HEADER,
) -> IssuedKey:
    """A new key, and all others of the same holder stopped: for a device that changed hands, or a key that got about."""
    if holder := device or collector:
        hold_open(holder.site_id)
    for key in _live_keys(device, collector):
        stop_key(key, by=by)
    return issue_key(device=device, collector=collector, by=by, channel=channel)


def make_room_for_key(device: Device) -> None:
    """Inside a job of the customer: stop the oldest keys until there is room for one more. The newest goes on working, so
    that a device whose answer gets lost is not silenced."""
    live = [key for key in _live_keys(device, None) if key.channel == KeyChannel.HEADER]
    for key in live[: len(live) - LIVE_KEYS_AT_MOST + 1]:
        stop_key(key, by=None)


def _live_keys(device: Device | None, collector: Collector | None) -> list[DeviceKey]:
    """Oldest first."""
    holder = Q(device=device) if device else Q(collector=collector)
    return list(DeviceKey.unscoped.filter(holder, revoked_at=None).order_by("created_at", "key_id"))


@transaction.atomic
def open_collector(*, site: Site, name: str, by: Viewer) -> Collector:
    require(by.may_edit and site.customer_id == by.organization_id, "Only owners and approvers add collectors")
    name = name.strip()
    if not name:
        raise Invalid("Give the collector a name", "name")
    hold_open(site.pk)
    collector = Collector(customer_id=site.customer_id, site=site, name=name)
    collector.save(force_insert=True)
    audit.record(
        customer=site.customer_id, by=by, action="collector.added", kind="collector", id=collector.public_id, words=name
    )
    return collector


@transaction.atomic
def retire_collector(collector: Collector, *, by: Viewer) -> None:
    """Out of use: its keys end now; the devices it reported for stay. Raises NotAllowed."""
    require(by.may_edit and collector.customer_id == by.organization_id, "Only owners and approvers retire collectors")
    if Collector.unscoped.filter(pk=collector.pk, retired_at=None).update(retired_at=Now()) == 0:
        return
    for key in _live_keys(None, collector):
        stop_key(key, by=by)
    audit.record(
        customer=collector.customer_id,
        by=by,
        action="collector.retired",
        kind="collector",
        id=collector.public_id,
        words=collector.name,
    )


@transaction.atomic
def annotate(device: Device, *, notes: str, by: Viewer) -> None:
    """A person's note on a device: part of the device list, so partners with that kind of data read it. Raises NotAllowed."""
    require(by.may_edit and device.customer_id == by.organization_id, "Only owners and approvers change devices")
    inventory = DeviceInventory.unscoped.get(device=device)
    before, inventory.notes = inventory.notes, notes.strip()
    if before == inventory.notes:
        return
    inventory.save(update_fields=["notes"])
    audit.record(
        customer=device.customer_id,
        by=by,
        action="device.changed",
        kind="device",
        id=device.public_id,
        words=device.label,
        before={"notes": before},
        after={"notes": inventory.notes},
    )


def _open_stay(device: Device, site: Site) -> None:
    stay = DeviceStay(customer_id=device.customer_id, device=device, site=site)
    stay.save(force_insert=True)
    stay.refresh_from_db(fields=["number"])
    Device.unscoped.filter(pk=device.pk).update(stay_number=stay.number)
    device.stay_number = stay.number


def site_of(device_id: UUID) -> UUID:
    found: UUID = Device.unscoped.values_list("site_id", flat=True).get(pk=device_id)
    return found


@acts.on("site.closed")
def fall_silent(site: Site, *, by: Viewer) -> None:
    """Keys of a closed site are refused from their next request; its devices and collectors are retired with their history,
    and nothing joins any more."""
    ClaimCode.unscoped.filter(site=site, used_at=None, expires_at__gt=Now()).update(expires_at=Now())
    DeviceKey.unscoped.filter(site=site, revoked_at=None).update(revoked_at=Now())
    DeviceStay.unscoped.filter(site=site, until=None).update(until=Now())
    Device.unscoped.filter(site=site, retired_at=None).update(retired_at=Now())
    Collector.unscoped.filter(site=site, retired_at=None).update(retired_at=Now())
    for alert in Alert.unscoped.filter(site=site, resolved_at=None):
        alerting.resolve(alert, by=by, resolution="retired")
