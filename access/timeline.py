"""Access over time: who could see what from when until when, and why it ended. Data of the picture on /access.

Rows and spans are plain dictionaries with the names that the drawing takes; it lives in a higher package.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NotRequired, TypedDict

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext

from access import matrix, sentences
from access.errors import require
from access.lengths import last_day
from access.models import Grant, Organization, StaffPermission
from access.viewer import Viewer

BACK = timedelta(days=365)
AHEAD = timedelta(days=90)
MOST_ROWS = 60  # grants at a time; older ones are on the pages of their partners


class Span(TypedDict):
    """One grant at one site, from when it was given until it ended or will end."""

    start: datetime
    end: datetime
    label: str
    state: NotRequired[str]  # "acc" while it is live


class Line(TypedDict):
    """One partner. note: how the latest of its accesses ended, or will."""

    name: str
    spans: list[Span]
    note: str


@dataclass(frozen=True, slots=True)
class Timeline:
    rows: list[Line]
    start: date
    end: date


def timeline(viewer: Viewer) -> Timeline:
    """The last year and what is decided ahead. Inside `acting(viewer)` of the customer. Raises NotAllowed."""
    require(viewer.is_customer, "Only the customer sees who saw its data")
    customer = viewer.organization
    assert customer is not None
    since = timezone.now() - BACK
    rows = [*_partners(viewer, customer, since), *_staff(customer, since)]
    ends = [span["end"] for row in rows for span in row["spans"]]
    starts = [span["start"] for row in rows for span in row["spans"]]
    first = max(since, min(starts, default=timezone.now() - AHEAD))
    last = max([*ends, timezone.now() + AHEAD])
    return Timeline(rows, last_day(first, customer), last_day(last, customer))


def _partners(viewer: Viewer, customer: Organization, since: datetime) -> list[Line]:
    recent = Grant.objects.visible_to(viewer).filter(Q(closed_at=None) | Q(closed_at__gte=since))
    grants = recent.select_related("partner", "site", "revoked_by").order_by("-granted_at", "pk")[:MOST_ROWS]
    by_partner: dict[str, list[Grant]] = {}
    for grant in sorted(grants, key=lambda g: (g.partner.name.casefold(), g.partner.public_id, g.granted_at)):
        by_partner.setdefault(grant.partner.public_id, []).append(grant)
    return [_line(of, customer, viewer) for of in by_partner.values()]


def _line(grants: list[Grant], customer: Organization, viewer: Viewer) -> Line:
    last = max(grants, key=_end)
    return Line(name=grants[0].partner.name, spans=[_span(g) for g in grants], note=_note(last, customer, viewer))


def _note(grant: Grant, customer: Organization, viewer: Viewer) -> str:
    if _is_live(grant):
        return gettext("ends %(day)s") % {"day": matrix.short(last_day(grant.expires_at, customer))}
    return matrix.end_words(grant, customer, viewer)


def _span(grant: Grant) -> Span:
    kinds = sentences.categories(grant.ordered_categories)
    span = Span(start=grant.granted_at, end=_end(grant), label=f"{grant.site.name}: {kinds}")
    if _is_live(grant):
        span["state"] = "acc"
    return span


def _end(grant: Grant) -> datetime:
    """When reading stopped or will stop; booking an expiry later changes nothing about that."""
    return min(grant.revoked_at, grant.expires_at) if grant.revoked_at else grant.expires_at


def _is_live(grant: Grant) -> bool:
    return grant.revoked_at is None and grant.expires_at > timezone.now()


def _staff(customer: Organization, since: datetime) -> Iterable[Line]:
    """Looks of staff that were allowed or taken: one row, spans of hours."""
    begun = StaffPermission.objects.filter(customer=customer, starts_at__gte=since).select_related("user")
    spans = [_staff_span(p) for p in begun.order_by("-starts_at")[:MOST_ROWS]]
    return [Line(name=gettext("SmartCare staff"), spans=spans[::-1], note="")] if spans else []


def _staff_span(permission: StaffPermission) -> Span:
    start, end = permission.starts_at, permission.expires_at
    assert start is not None
    assert end is not None
    if permission.ended_at is not None:
        end = min(end, permission.ended_at)
    span = Span(start=start, end=end, label=f"{permission.user.name}: {sentences.categories(permission.categories)}")
    if end > timezone.now():
        span["state"] = "acc"
    return span
