"""A claim code for a device key, once: how a new device comes to its site without anybody typing a secret."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from access import audit
from access.errors import Invalid, require
from access.models import Site
from access.models.identity import ALPHABET
from access.principal import principal
from access.viewer import Viewer
from telemetry import fleet
from telemetry.models import ClaimCode, Device, DeviceInventory, DeviceKind

VALID_FOR = timedelta(days=7)
REFUSED = "This claim code is unknown, used, or too old: make a new one"


class EnrolmentRefused(Exception):
    """The code is no code of ours, or was used, or is too old: one answer for all three."""

    def __init__(self, code: str, message: str, status: int = 403) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


@dataclass(frozen=True, slots=True)
class Enrolled:
    device_public_id: str
    key: str


def normalized(code: str) -> str:
    return "".join(c for c in code.lower() if c in ALPHABET)


def digest(code: str) -> bytes:
    return hashlib.sha256(normalized(code).encode()).digest()


@transaction.atomic
def make_code(*, site: Site, by: Viewer, label: str = "", kind: DeviceKind = DeviceKind.OTHER) -> tuple[ClaimCode, str]:
    """A code like 'abcd-efgh-jkmn-pqrs' (78 bits), shown once, good for one device and seven days. Raises NotAllowed."""
    require(by.may_edit and site.customer_id == by.organization_id, "Only owners and approvers add devices")
    fleet.hold_open(site.pk)
    letters = "".join(secrets.choice(ALPHABET) for _ in range(16))
    code = "-".join(letters[i : i + 4] for i in range(0, 16, 4))
    row = ClaimCode(
        customer_id=site.customer_id,
        site=site,
        digest=digest(code),
        hint=code[:4],
        label=label.strip(),
        kind=kind,
        created_by=by.user,
        expires_at=timezone.now() + VALID_FOR,
    )
    row.save(force_insert=True)
    audit.record(
        customer=site.customer_id,
        by=by,
        action="claim.made",
        kind="claim",
        id=row.public_id,
        words=f"{site.name}: {label}",
    )
    return row, code


def open_codes(viewer: Viewer) -> QuerySet[ClaimCode]:
    """Codes of the viewer's company that a device may still use, newest first."""
    found = ClaimCode.objects.visible_to(viewer).filter(used_at=None, expires_at__gt=timezone.now())
    return found.select_related("site", "created_by").order_by("-created_at")


@transaction.atomic
def withdraw_code(code: ClaimCode, *, by: Viewer) -> None:
    """Nobody can use it from now on. Raises NotAllowed."""
    require(by.may_edit and code.customer_id == by.organization_id, "Only owners and approvers withdraw claim codes")
    if ClaimCode.unscoped.filter(pk=code.pk, used_at=None).update(expires_at=Now()) == 0:
        raise Invalid("A device has used this code already: stop its key instead")
    audit.record(
        customer=code.customer_id, by=by, action="claim.withdrawn", kind="claim", id=code.public_id, words=code.label
    )


def enrol(code: str, identity: dict[str, Any]) -> Enrolled:
    """Bind a device to the code's site and hand out its key, once. Raises EnrolmentRefused."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT id, customer_id FROM find_claim_code(%s)", [digest(code)])
        found = cursor.fetchone()
    if found is None:
        raise EnrolmentRefused("claim_refused", REFUSED)
    claim_id, customer_id = found
    with principal(kind="job", customers=[customer_id]):
        claim = _used_up(claim_id)
        device = _known(claim, identity) or _new(claim, identity)
        fleet.make_room_for_key(device)
        issued = fleet.issue_key(device=device, by=None)
        ClaimCode.unscoped.filter(pk=claim.pk).update(device=device)
        audit.record(
            customer=customer_id, by=None, action="claim.used", kind="claim", id=claim.public_id, words=device.label
        )
        return Enrolled(device.public_id, issued.secret)


def _used_up(claim_id: UUID) -> ClaimCode:
    """The code, its site open and nobody else's until the transaction ends. Raises EnrolmentRefused."""
    try:
        fleet.hold_open(ClaimCode.unscoped.values_list("site_id", flat=True).get(pk=claim_id))
    except Invalid as closed:
        raise EnrolmentRefused("claim_refused", REFUSED) from closed
    claim: ClaimCode = ClaimCode.unscoped.select_for_update(of=("self",)).select_related("site").get(pk=claim_id)
    # A statement of its own: one that began before a withdrawal, and waited for it, would take the code for good still.
    if not ClaimCode.unscoped.filter(pk=claim_id, used_at=None, expires_at__gt=Now()).update(used_at=Now()):
        raise EnrolmentRefused("claim_refused", REFUSED)
    return claim


def _text(identity: dict[str, Any], name: str, limit: int = 120) -> str:
    value = identity.get(name, "")
    return value.strip()[:limit] if isinstance(value, str) else ""


def _known(claim: ClaimCode, identity: dict[str, Any]) -> Device | None:
    """A device of this customer with the same vendor and serial at the code's site is re-keyed, not doubled."""
    serial = _text(identity, "serial")
    if not serial:
        return None
    row = (
        DeviceInventory.unscoped.filter(customer=claim.customer_id, vendor=_text(identity, "vendor"), serial=serial)
        .values_list("device_id", "site_id")
        .first()
    )
    if row is None:
        return None
    if row[1] != claim.site_id:
        raise EnrolmentRefused("other_site", "You have this device at another site: move it there first", 409)
    device: Device = Device.unscoped.get(pk=row[0])
    if device.retired_at is not None:
        raise EnrolmentRefused("retired", "This device was retired: register it anew first", 409)
    return device


def _new(claim: ClaimCode, identity: dict[str, Any]) -> Device:
    serial = _text(identity, "serial")
    label = claim.label or _text(identity, "hostname") or serial or "New device"
    return fleet.register(
        site=claim.site,
        label=label,
        kind=DeviceKind(claim.kind),
        by=None,
        serial=serial,
        vendor=_text(identity, "vendor"),
        model=_text(identity, "model"),
    )
