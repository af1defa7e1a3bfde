"""Staff see nothing by default. Lockbox: the customer said yes. Break-glass: an emergency, told to the owners in the same
transaction. Both end by themselves and are read only (access.md section 9). Staff act as themselves: inside `acting(viewer)`.
"""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from access import acts, audit
from access.errors import Ended, Invalid, require
from access.models import (
    SHAREABLE,
    Category,
    Organization,
    OrganizationKind,
    Site,
    StaffPermission,
    StaffState,
    StaffWay,
)
from access.principal import job
from access.tenants import Tenant as Tenant
from access.tenants import owners_of_serial as owners_of_serial
from access.tenants import sites as sites
from access.tenants import tenant as tenant
from access.tenants import tenants as tenants
from access.viewer import Viewer

HOURS = (1, 4, 24, 72)
EMERGENCY_HOURS = 4
LAPSES_AFTER = timedelta(days=7)
SHORTEST_REASON = 20  # characters
SHORTEST_EMERGENCY_REASON = 40


@transaction.atomic
def ask(
    *,
    by: Viewer,
    customer: Organization,
    sites: Sequence[Site],
    categories: Collection[Category],
    hours: int,
    reason: str,
    case: str = "",
) -> StaffPermission:
    """Ask a customer for permission to look. sites: none of them means all. Raises NotAllowed, Invalid."""
    require(by.is_staff, "Only staff ask for this")
    if hours not in HOURS:
        raise Invalid("Choose 1 hour, 4 hours, 24 hours or 3 days", "hours")
    row = _draft(StaffWay.LOCKBOX, by, customer, sites, categories, hours, _worded(reason, SHORTEST_REASON))
    row.case = case.strip()[:40]
    row.save(force_insert=True)
    _record(row, by=by, action="staff.asked")
    with job(customer.pk):
        acts.happened("staff.asked", row, by=by)
    return row


@transaction.atomic
def allow(
    permission: StaffPermission,
    *,
    by: Viewer,
    hours: int | None = None,
    sites: Sequence[Site] | None = None,
    categories: Collection[Category] | None = None,
) -> StaffPermission:
    """The customer says yes, to all or to a part of what was asked. Raises NotAllowed, Invalid, Ended."""
    _require_decider(permission, by)
    row = _lock_waiting(permission.pk)
    _narrow(row, hours=hours, sites=sites, categories=categories)
    row.state = StaffState.ALLOWED
    row.answered_by = by.user
    row.save()
    # By the database's clock, by which every read will be judged.
    StaffPermission.objects.filter(pk=row.pk).update(
        answered_at=Now(), starts_at=Now(), expires_at=Now() + timedelta(hours=row.hours)
    )
    row.refresh_from_db()
    _record(row, by=by, action="staff.allowed")
    acts.happened("staff.answered", row, by=by, reason="staff.allowed")
    return row


@transaction.atomic
def decline(permission: StaffPermission, *, by: Viewer) -> StaffPermission:
    """The customer says no. Raises NotAllowed, Ended."""
    _require_decider(permission, by)
    row = _lock_waiting(permission.pk)
    row.state = StaffState.DECLINED
    row.answered_by, row.answered_at = by.user, timezone.now()
    row.save()
    _record(row, by=by, action="staff.declined")
    acts.happened("staff.answered", row, by=by, reason="staff.declined")
    return row


@transaction.atomic
def break_glass(
    *,
    by: Viewer,
    customer: Organization,
    sites: Sequence[Site],
    categories: Collection[Category],
    reason: str,
    hours: int = EMERGENCY_HOURS,
    case: str = "",
) -> StaffPermission:
    """Look without permission, for harm that cannot wait. The caller has just re-authenticated the person.

    The owners are told in this transaction: when nobody takes the notice, nothing begins. Raises NotAllowed, Invalid.
    """
    require(by.is_staff, "Only staff can do this")
    if not 1 <= hours <= EMERGENCY_HOURS:
        raise Invalid("An emergency lasts at most 4 hours", "hours")
    row = _draft(
        StaffWay.BREAK_GLASS, by, customer, sites, categories, hours, _worded(reason, SHORTEST_EMERGENCY_REASON)
    )
    row.case = case.strip()[:40]
    row.state = StaffState.ALLOWED
    row.save(force_insert=True)
    StaffPermission.objects.filter(pk=row.pk).update(starts_at=Now(), expires_at=Now() + timedelta(hours=hours))
    row.refresh_from_db()
    _record(row, by=by, action="staff.break_glass")
    with job(customer.pk):
        told = sum(int(n) for n in acts.happened("staff.break_glass", row, by=by))
    require(told > 0, "The owners cannot be told now, so nothing was begun")
    return row


@transaction.atomic
def end(permission: StaffPermission, *, by: Viewer) -> StaffPermission:
    """End a running permission, or take back a waiting one: the customer's approvers, or the person it is for.

    Raises NotAllowed, Ended.
    """
    theirs = by.may_decide and permission.customer_id == by.organization_id
    own = by.is_staff and permission.user_id == by.user_id
    require(theirs or own, "This permission is not yours to end")
    row = _lock(permission.pk, state__in=[StaffState.WAITING, StaffState.ALLOWED], ended_at=None)
    return _end(row, by=by, state=StaffState.ENDED, action="staff.ended")


@transaction.atomic
def review(permission: StaffPermission, *, by: Viewer, words: str) -> StaffPermission:
    """A colleague looks at an emergency afterwards; nobody reviews oneself. Raises NotAllowed, Invalid, Ended."""
    require(by.is_staff and permission.user_id != by.user_id, "Another member of staff reviews an emergency")
    row = _lock(permission.pk, way=StaffWay.BREAK_GLASS, reviewed_at=None)
    if not words.strip():
        raise Invalid("Say what you found", "review")
    row.review, row.reviewed_by, row.reviewed_at = words.strip()[:2000], by.user, timezone.now()
    row.save()
    _record(row, by=by, action="staff.reviewed", after={"review": row.review})
    return row


@transaction.atomic
def book_end(pk: UUID) -> StaffPermission | None:
    """Book what the clock has ended. Inside a job of the customer. None if somebody was first."""
    over = Q(state=StaffState.WAITING, lapses_at__lte=Now()) | Q(state=StaffState.ALLOWED, expires_at__lte=Now())
    row = StaffPermission.objects.select_for_update(of=("self",)).filter(over, pk=pk, ended_at=None).first()
    if row is None:
        return None
    if row.state == StaffState.WAITING:
        return _end(row, by=None, state=StaffState.LAPSED, action="staff.lapsed")
    return _end(row, by=None, state=StaffState.ENDED, action="staff.ended")


def running(viewer: Viewer) -> list[StaffPermission]:
    """Live permissions of a member of staff, soonest end first: the banner with the countdown."""
    live = StaffPermission.objects.filter(
        user=viewer.user_id, starts_at__lte=Now(), expires_at__gt=Now(), ended_at=None
    )
    return list(live.select_related("customer").order_by("expires_at"))


def _worded(reason: str, shortest: int) -> str:
    words = reason.strip()
    if not shortest <= len(words) <= 1000:
        raise Invalid(f"Give a reason of {shortest} to 1,000 characters: the customer reads your words", "reason")
    return words


def _draft(
    way: StaffWay,
    by: Viewer,
    customer: Organization,
    sites: Sequence[Site],
    categories: Collection[Category],
    hours: int,
    reason: str,
) -> StaffPermission:
    if customer.kind != OrganizationKind.CUSTOMER or not customer.is_active:
        raise Invalid("This company has no network data here", "customer")
    if not categories or not set(categories) <= set(SHAREABLE):
        raise Invalid("Choose at least one kind of data", "categories")
    if any(s.customer_id != customer.pk for s in sites):
        raise Invalid("Unknown site", "sites")
    return StaffPermission(
        customer=customer,
        user=by.user,
        way=way,
        all_sites=not sites,
        sites=[s.pk for s in sites],
        categories=[c.value for c in SHAREABLE if c in categories],
        reason=reason,
        hours=hours,
        lapses_at=timezone.now() + LAPSES_AFTER,
    )


def _narrow(
    row: StaffPermission,
    *,
    hours: int | None,
    sites: Sequence[Site] | None,
    categories: Collection[Category] | None,
) -> None:
    if hours is not None:
        if not 1 <= hours <= row.hours:
            raise Invalid("An answer can only shorten what was asked for", "hours")
        row.hours = hours
    if categories is not None:
        if not categories or not {c.value for c in categories} <= set(row.categories):
            raise Invalid("An answer can only take away: choose among what was asked for", "categories")
        row.categories = [c.value for c in SHAREABLE if c in categories]
    if sites is not None:
        foreign = any(s.customer_id != row.customer_id for s in sites)
        if not sites or foreign or not (row.all_sites or {s.pk for s in sites} <= set(row.sites)):
            raise Invalid("An answer can only take away: choose among the sites that were asked for", "sites")
        row.sites, row.all_sites = [s.pk for s in sites], False


def _require_decider(permission: StaffPermission, by: Viewer) -> None:
    # A person, not an API key: the row names who let staff in.
    mine = by.may_decide and by.user is not None and permission.customer_id == by.organization_id
    require(mine, "Only owners and approvers of your company answer this")


def _lock(pk: UUID, **conditions: Any) -> StaffPermission:
    rows = StaffPermission.objects.select_for_update(of=("self",)).select_related("customer", "user")
    row = rows.filter(pk=pk, **conditions).first()
    if row is None:
        raise Ended("This has been answered, ended or has lapsed")
    return row


def _lock_waiting(pk: UUID) -> StaffPermission:
    return _lock(pk, state=StaffState.WAITING, way=StaffWay.LOCKBOX, lapses_at__gt=Now())


def _end(row: StaffPermission, *, by: Viewer | None, state: StaffState, action: str) -> StaffPermission:
    StaffPermission.objects.filter(pk=row.pk).update(state=state, ended_at=Now())
    row.refresh_from_db()
    _record(row, by=by, action=action)
    with job(row.customer_id):
        acts.happened("staff.ended", row, by=by, reason=action)
    return row


def _record(row: StaffPermission, *, by: Viewer | None, action: str, after: dict[str, object] | None = None) -> None:
    facts = {
        "way": row.way,
        "state": row.state,
        "all_sites": row.all_sites,
        "sites": list(row.sites),
        "categories": list(row.categories),
        "hours": row.hours,
        "reason": row.reason,
        "case": row.case,
        "expires_at": row.expires_at,
    }
    audit.record(
        customer=row.customer_id,
        by=by,
        action=action,
        kind="staff_permission",
        id=row.public_id,
        words=row.user.name,
        after=facts | (after or {}),
    )
