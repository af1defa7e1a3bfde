"""Everything that was asked, given, refused and ended: the table behind the matrix as a file, a line per partner, site and kind.

What the picture of access over time shows in bars, and more: refused and lapsed wishes, closed sites, all years.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import BooleanField, ExpressionWrapper, F, Q, QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext

from access import sentences
from access.errors import require
from access.lengths import last_day
from access.models import (
    SHAREABLE,
    AccessRequest,
    Category,
    Grant,
    Organization,
    RequestState,
    Site,
    StaffPermission,
    StaffState,
    StaffWay,
    User,
)
from access.viewer import Viewer

SHARED, ASKED, ENDED, REFUSED = "shared", "asked", "ended", "refused"  # the words of the column `state`


@dataclass(frozen=True, slots=True)
class Line:
    """One kind of data at one site for one partner, or for staff. Moments are aware; until: the last day, "" where it had none."""

    partner: str
    site: str
    kind: str
    until: str
    alerts: str  # "yes" beside health where alerts are sent as they happen
    state: str
    since: datetime | None  # of what was given: when; of what was only asked: when it was asked
    ended: datetime | None  # when reading stopped, or the wish was answered
    why: str  # how it ended
    given_by: str
    purpose: str  # in the customer's words; of a wish, in the asker's
    id: str  # of the access, request or permission behind the line


COLUMNS = tuple(f.name for f in fields(Line))


def lines(
    viewer: Viewer, *, partners: Collection[UUID] | None = None, sites: Collection[UUID] | None = None
) -> Iterator[dict[str, Any]]:
    """By partner and site, what is shared first; staff last. partners, sites: these alone (then staff is left out, or its
    other sites). Inside `acting(viewer)` of the customer. Raises NotAllowed.
    """
    require(viewer.is_customer, "Only the customer sees who sees its data")
    customer = viewer.organization
    assert customer is not None
    every = Site.objects.visible_to(viewer).order_by("name")
    names = {s.pk: s.name for s in every if sites is None or s.pk in sites}
    whole = [gettext("All sites")] if sites is None else list(names.values())
    grants, wishes = Grant.objects.visible_to(viewer), AccessRequest.objects.visible_to(viewer)
    if partners is not None:
        grants, wishes = grants.filter(partner__in=partners), wishes.filter(partner__in=partners)
    found = [*_of_grants(grants, customer, names), *_of_requests(wishes, _Places(names, whole))]
    order = (SHARED, ASKED, ENDED, REFUSED)
    found.sort(key=lambda one: (one.partner.casefold(), one.site.casefold(), order.index(one.state)))
    staff = _of_staff(customer, _Places(names, whole)) if partners is None else ()
    for line in (*found, *staff):
        yield asdict(line)


@dataclass(frozen=True, slots=True)
class _Places:
    """names: of the sites that are wanted; whole: in words, where no site is named: the customer, also its sites to come."""

    names: dict[UUID, str]
    whole: list[str]

    def of(self, chosen: Iterable[UUID]) -> list[str]:
        named = list(chosen)
        return sorted(self.names[pk] for pk in named if pk in self.names) if named else self.whole


def _kinds(codes: Iterable[str]) -> list[Category]:
    chosen = set(codes)
    return [c for c in SHAREABLE if c.value in chosen]


def _sends(category: Category, *, forwards: bool) -> str:
    return "yes" if forwards and category is Category.HEALTH else ""


def _name(user: User | None) -> str:
    return user.name if user else ""


def _of_grants(grants: QuerySet[Grant], customer: Organization, names: dict[UUID, str]) -> Iterator[Line]:
    live = ExpressionWrapper(Q(revoked_at=None, expires_at__gt=Now()), output_field=BooleanField())
    dated = grants.filter(site__in=names).annotate(is_live=live).order_by("-granted_at", "pk")
    for grant in dated.select_related("partner", "granted_by", "revoked_by"):
        is_live = bool(grant.is_live)
        ended = None if is_live else min(grant.revoked_at or grant.expires_at, grant.expires_at)
        for kind in grant.ordered_categories:
            yield Line(
                partner=grant.partner.name,
                site=names[grant.site_id],
                kind=str(sentences.NAMES[kind]),
                until=last_day(grant.expires_at, customer).isoformat(),
                alerts=_sends(kind, forwards=grant.forward_alerts),
                state=SHARED if is_live else ENDED,
                since=grant.granted_at,
                ended=ended,
                why="" if is_live else _why_ended(grant),
                given_by=_name(grant.granted_by),
                purpose=grant.purpose,
                id=grant.public_id,
            )


def _why_ended(grant: Grant) -> str:
    if grant.given_back:
        return gettext("Given back by them")
    if grant.revoked_at is None:
        return gettext("Ended by itself")
    if grant.revoked_by is None:
        return gettext("Stopped")
    return gettext("Stopped by %(name)s") % {"name": grant.revoked_by.name}


def _of_requests(wishes: QuerySet[AccessRequest], places: _Places) -> Iterator[Line]:
    """What was allowed stands there as what was given."""
    wishes = wishes.exclude(state=RequestState.ALLOWED)
    lapsed = ExpressionWrapper(Q(lapses_at__lte=Now()), output_field=BooleanField())
    found = wishes.annotate(has_lapsed=lapsed).select_related("partner", "answered_by").order_by("-asked_at", "pk")
    for wish in found:
        is_waiting = wish.state == RequestState.WAITING and not wish.has_lapsed
        for site in places.of(wish.sites):
            for kind in wish.ordered_categories:
                yield Line(
                    partner=wish.partner.name,
                    site=site,
                    kind=str(sentences.NAMES[kind]),
                    until="",
                    alerts=_sends(kind, forwards=wish.forward_alerts),
                    state=ASKED if is_waiting else REFUSED,
                    since=wish.asked_at,
                    ended=None if is_waiting else wish.answered_at or wish.lapses_at,
                    why="" if is_waiting else _why_refused(wish),
                    given_by="",
                    purpose=wish.reason,
                    id=wish.public_id,
                )


def _why_refused(wish: AccessRequest) -> str:
    if wish.state == RequestState.WITHDRAWN:
        return gettext("Withdrawn by them")
    if wish.state != RequestState.DECLINED:
        return gettext("Lapsed: nobody answered")
    return _declined(wish.answered_by)


def _declined(by: User | None) -> str:
    return gettext("Declined by %(name)s") % {"name": by.name} if by else gettext("Declined")


def _of_staff(customer: Organization, places: _Places) -> Iterator[Line]:
    running = ExpressionWrapper(
        Q(starts_at__lte=Now(), expires_at__gt=Now(), ended_at=None), output_field=BooleanField()
    )
    waiting = ExpressionWrapper(Q(state=StaffState.WAITING, lapses_at__gt=Now()), output_field=BooleanField())
    rows = StaffPermission.objects.filter(customer=customer).annotate(is_running=running, is_waiting=waiting)
    for row in rows.select_related("user", "answered_by").order_by(F("starts_at").desc(nulls_first=True), "pk"):
        state, ended, why = _staff_state(row)
        for site in places.of([] if row.all_sites else row.sites):
            for kind in _kinds(row.categories):
                yield Line(
                    partner=gettext("SmartCare staff: %(name)s") % {"name": row.user.name},
                    site=site,
                    kind=str(sentences.NAMES[kind]),
                    until=last_day(row.expires_at, customer).isoformat() if row.expires_at else "",
                    alerts="",
                    state=state,
                    since=row.starts_at or row.asked_at,
                    ended=ended,
                    why=why,
                    given_by=_name(row.answered_by) if row.starts_at else "",
                    purpose=row.reason,
                    id=row.public_id,
                )


def _staff_state(row: StaffPermission) -> tuple[str, datetime | None, str]:
    """State, when it ended, how."""
    emergency = gettext("Emergency") if row.way == StaffWay.BREAK_GLASS else ""
    if row.is_running:  # type: ignore[attr-defined]
        return SHARED, None, emergency
    if row.is_waiting:  # type: ignore[attr-defined]
        return ASKED, None, ""
    if row.starts_at and row.expires_at:
        stopped = row.ended_at is not None and row.ended_at < row.expires_at
        return ENDED, row.ended_at if stopped else row.expires_at, _stopped(emergency, stopped=stopped)
    if row.state == StaffState.DECLINED:
        return REFUSED, row.answered_at, _declined(row.answered_by)
    withdrawn = row.state == StaffState.ENDED
    words = gettext("Withdrawn by them") if withdrawn else gettext("Lapsed: nobody answered")
    return REFUSED, row.ended_at or row.lapses_at, words


def _stopped(emergency: str, *, stopped: bool) -> str:
    words = gettext("Stopped early") if stopped else gettext("Ended by itself")
    return f"{emergency}. {words}" if emergency else words
