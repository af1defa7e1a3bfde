"""Access over time: who could see what from when until when, and why it ended. Data of the picture on /access.

Rows and spans are plain dictionaries with the names that the drawing takes; it lives in a higher package.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TypedDict
from uuid import UUID

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext

from access import cells, matrix, sentences
from access.errors import require
from access.lengths import REMIND_DAYS, days_left, last_day
from access.models import Grant, Organization, StaffPermission
from access.viewer import Viewer

BACK = timedelta(days=365)
AHEAD = timedelta(days=90)
MOST_READ, MOST_BARS = 1_000, 60  # grants; what is drawn of them: older ones are in the file


class Span(TypedDict):
    """One decision, from when it was given until it ended or will end. short: the sites alone, where there is little room."""

    start: datetime
    end: datetime
    label: str
    short: str
    state: str  # "acc" while it is live, "watch" in its last days, "mute" afterwards


class Line(TypedDict):
    """One partner; a second line where its accesses overlap. note: how the latest of them ended, or will."""

    name: str
    spans: list[Span]
    note: str


@dataclass(frozen=True, slots=True)
class Timeline:
    rows: list[Line]
    start: date
    end: date
    left_out: bool = False  # whether there was more than a picture holds: the file of the page has all of it


def timeline(
    viewer: Viewer, *, staff: Iterable[StaffPermission] | None = None, partners: Collection[UUID] | None = None
) -> Timeline:
    """The last year and what is decided ahead. staff: of `matrix.permissions_of`, where they are at hand already.
    partners: these alone, where there are too many for one picture.

    Inside `acting(viewer)` of the customer. Raises NotAllowed.
    """
    require(viewer.is_customer, "Only the customer sees who saw its data")
    customer = viewer.organization
    assert customer is not None
    since = timezone.now() - BACK
    permissions = matrix.permissions_of(customer, since) if staff is None else staff
    of_partners, left_out = _partners(viewer, customer, since, partners)
    rows = [*of_partners, *_staff(permissions, since)]
    ends = [span["end"] for row in rows for span in row["spans"]]
    starts = [span["start"] for row in rows for span in row["spans"]]
    first = max(since, min(starts, default=timezone.now() - AHEAD))
    last = max([*ends, timezone.now() + AHEAD])
    return Timeline(rows, last_day(first, customer), last_day(last, customer), left_out)


def _partners(
    viewer: Viewer, customer: Organization, since: datetime, partners: Collection[UUID] | None
) -> tuple[list[Line], bool]:
    """Lines by name; whether some bars are left out."""
    recent = Grant.objects.visible_to(viewer).filter(Q(closed_at=None) | Q(closed_at__gte=since))
    if partners is not None:
        recent = recent.filter(partner__in=partners)
    grants = list(recent.select_related("partner", "site", "revoked_by").order_by("-granted_at", "pk")[:MOST_READ])
    by_partner: dict[str, list[Grant]] = {}
    for grant in sorted(grants, key=lambda g: (g.partner.name.casefold(), g.partner.public_id, g.granted_at)):
        by_partner.setdefault(grant.partner.public_id, []).append(grant)
    decisions = {name: _decisions(of, customer) for name, of in by_partner.items()}
    every = sorted((d for of in decisions.values() for d in of), key=_newest_first, reverse=True)
    drawn = {id(d) for d in every[:MOST_BARS]}
    chosen = [[d for d in of if id(d) in drawn] for of in decisions.values()]
    left_out = len(every) > MOST_BARS or len(grants) == MOST_READ
    return [line for of in chosen if of for line in _lines(of, customer, viewer)], left_out


def _decisions(grants: list[Grant], customer: Organization) -> "list[_Decision]":
    return [_Decision(customer, together) for together in _together(grants, customer)]


def _newest_first(decision: "_Decision") -> tuple[bool, datetime]:
    """What is live first of all: it is never left out for something that has ended."""
    return _is_live(decision.grants[0]), decision.start


def _lines(decisions: "list[_Decision]", customer: Organization, viewer: Viewer) -> Iterable[Line]:
    """As few lines as let no bar lie over another."""
    lanes: list[list[_Decision]] = []
    for decision in sorted(decisions, key=lambda d: (d.start, d.end)):
        lane = next((lane for lane in lanes if lane[-1].end <= decision.start), None)
        if lane is None:
            lanes.append([decision])
        else:
            lane.append(decision)
    for lane in lanes:
        last = max((g for d in lane for g in d.grants), key=_end)
        yield Line(name=last.partner.name, spans=[d.span() for d in lane], note=_note(last, customer, viewer))


def _together(grants: list[Grant], customer: Organization) -> Iterable[list[Grant]]:
    """Accesses to several sites that look the same in the picture: from and to the same days, the same kinds."""
    found: dict[object, list[Grant]] = {}
    for grant in grants:
        first, last = last_day(grant.granted_at, customer), last_day(_end(grant), customer)
        found.setdefault((first, last, _is_live(grant), grant.category_set), []).append(grant)
    return found.values()


@dataclass(frozen=True, slots=True)
class _Decision:
    customer: Organization
    grants: list[Grant]

    @property
    def start(self) -> datetime:
        return min(g.granted_at for g in self.grants)

    @property
    def end(self) -> datetime:
        return max(_end(g) for g in self.grants)

    def span(self) -> Span:
        sites = sentences.listed(sorted(g.site.name for g in self.grants))
        kinds = sentences.categories(self.grants[0].ordered_categories)
        return Span(start=self.start, end=self.end, label=f"{sites}: {kinds}", short=sites, state=self._state())

    def _state(self) -> str:
        if not _is_live(self.grants[0]):
            return "mute"
        return "watch" if days_left(self.end, self.customer) <= REMIND_DAYS else "acc"


def _note(grant: Grant, customer: Organization, viewer: Viewer) -> str:
    if _is_live(grant):
        return gettext("ends %(day)s") % {"day": cells.short(last_day(grant.expires_at, customer))}
    return cells.end_words(grant, customer, viewer)


def _end(grant: Grant) -> datetime:
    """When reading stopped or will stop; booking an expiry later changes nothing about that."""
    return min(grant.revoked_at, grant.expires_at) if grant.revoked_at else grant.expires_at


def _is_live(grant: Grant) -> bool:
    return grant.revoked_at is None and grant.expires_at > timezone.now()


def _staff(permissions: Iterable[StaffPermission], since: datetime) -> Iterable[Line]:
    """Looks of staff that were allowed or taken: one row, spans of hours."""
    begun = [(p.starts_at, p) for p in permissions if p.starts_at is not None and p.starts_at >= since]
    spans = [_staff_span(p) for _, p in sorted(begun, key=lambda b: b[0], reverse=True)[:MOST_BARS]]
    return [Line(name=gettext("SmartCare staff"), spans=spans[::-1], note="")] if spans else []


def _staff_span(permission: StaffPermission) -> Span:
    start, end = permission.starts_at, permission.expires_at
    assert start is not None
    assert end is not None
    if permission.ended_at is not None:
        end = min(end, permission.ended_at)
    name = permission.user.name
    label = f"{name}: {sentences.categories(permission.categories)}"
    return Span(start=start, end=end, label=label, short=name, state="acc" if end > timezone.now() else "mute")
