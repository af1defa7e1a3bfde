"""The viewing log: one entry per look by a partner, a service account of one, or staff, in the transaction of the read.

No entry, no answer: a view records before it renders, inside the viewer's transaction, which commits before the body leaves.
"""

import hashlib
import secrets
import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import DatabaseError, connection
from django.db.models.functions import Now

from access.errors import NotRecorded
from access.models import Category, Grant, StaffPermission
from access.viewer import Viewer


@dataclass(frozen=True, slots=True)
class Look:
    """What was looked at: of one customer, in one category, at one site (None: of the customer as a whole)."""

    customer_id: UUID
    category: Category
    site_id: UUID | None
    kind: str  # "device", "alerts", "site", …
    words: str  # named for people: "sw-3", "12 alerts"
    ids: Sequence[str] = field(default_factory=tuple)
    count: int = 1


def record(viewer: Viewer, looks: Iterable[Look], *, way: str, outcome: str = "") -> None:
    """Write the looks of a partner or of staff; a customer's own reads are counted, not listed.

    way: a value of access.models.Way. Raises NotRecorded: the caller must then show nothing.
    """
    found = list(looks)
    if not found or viewer.preview_of is not None:  # a preview is the customer's own look, and writes nothing
        return
    try:
        if viewer.is_customer:
            _count_own(viewer, found)
        else:
            _write(viewer, found, way=way, outcome=outcome)
    except DatabaseError as error:
        raise NotRecorded(str(error)) from error


def forget_names(customer: UUID) -> int:
    """Replace the names of people who looked more than 25 months ago; the entries stay, and so does their chain."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT forget_names(%s)", [customer])
        return int(cursor.fetchone()[0])


def _write(viewer: Viewer, looks: list[Look], *, way: str, outcome: str) -> None:
    grants = _grants_of(viewer, looks)
    permissions = _staff_permissions(viewer, looks)
    salt = secrets.token_bytes(16)
    digest = hashlib.sha256(salt + viewer.name.encode()).digest()
    rows: list[Any] = []
    for look in looks:
        grant = grants.get(look.site_id) if look.site_id else None
        permission = permissions.get(look.customer_id)
        rows += [
            uuid.uuid4(),
            look.customer_id,
            viewer.user_id or viewer.account_id,
            viewer.name[:160],
            digest,
            salt,
            viewer.organization_id,
            viewer.organization_name[:120],
            way,
            look.category.value,
            look.site_id,
            look.kind,
            look.words[:300],
            list(look.ids)[:100],
            look.count,
            grant[0] if grant else None,
            permission,
            grant[1] if grant else "",
            outcome,
            viewer.request_id[:36],
        ]
    one = "(" + ", ".join(["%s"] * 20) + ", statement_timestamp())"
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO access_viewingentry (id, customer_id, person_id, person_name, person_digest, person_salt, looker_id,"  # noqa: S608
            " looker_name, way, category, site_id, object_kind, object_words, object_ids, count, grant_id, staff_permission_id,"
            " purpose, outcome, request_id, at) VALUES " + ", ".join([one] * len(looks)),
            rows,
        )


def _grants_of(viewer: Viewer, looks: list[Look]) -> dict[UUID, tuple[UUID, str]]:
    if not viewer.is_partner:
        return {}
    sites = {look.site_id for look in looks if look.site_id}
    found = Grant.objects.filter(partner=viewer.organization_id, site__in=sites, closed_at=None, expires_at__gt=Now())
    return {site: (pk, purpose) for pk, site, purpose in found.values_list("pk", "site_id", "purpose")}


def _staff_permissions(viewer: Viewer, looks: list[Look]) -> dict[UUID, UUID]:
    if not viewer.is_staff:
        return {}
    customers = {look.customer_id for look in looks}
    live = StaffPermission.objects.filter(
        user=viewer.user_id, customer__in=customers, starts_at__lte=Now(), expires_at__gt=Now(), ended_at=None
    )
    return dict(live.order_by("starts_at").values_list("customer_id", "pk"))


def _count_own(viewer: Viewer, looks: list[Look]) -> None:
    """Sorted, so that two pages of one person take the rows in one order."""
    reads = sorted(Counter(look.category.value for look in looks).items())
    one = "(%s, %s, %s, %s, (statement_timestamp() AT TIME ZONE 'UTC')::date, %s, %s)"
    person = viewer.user_id or viewer.account_id
    values: list[Any] = []
    for category, count in reads:
        values += [uuid.uuid4(), viewer.organization_id, person, viewer.name[:160], category, count]
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO access_ownreadsummary (id, customer_id, person_id, person_name, day, category, reads) VALUES "  # noqa: S608
            + ", ".join([one] * len(reads))
            + " ON CONFLICT (customer_id, person_id, day, category)"
            " DO UPDATE SET reads = access_ownreadsummary.reads + EXCLUDED.reads",
            values,
        )
