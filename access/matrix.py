"""Who sees what, partner by partner and site by site: the data of the page /access, in a constant number of queries.

Rows are the partners with a live, asked or ended access, then SmartCare's staff; columns are the customer's open sites. Inside
`acting(viewer)` of the customer.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext

from access import sentences
from access.errors import require
from access.lengths import REMIND_DAYS, days_left, last_day
from access.models import (
    SHAREABLE,
    AccessRequest,
    Grant,
    Invitation,
    Organization,
    Site,
    StaffPermission,
    StaffState,
)
from access.viewer import Viewer

State = Literal["on", "soon", "pend", "none"]  # shared, ends within 14 days, asked, nothing


@dataclass(frozen=True, slots=True)
class Cell:
    """One partner (or staff) at one site. shared: codes of what is shared now; sentence: the same for those who listen."""

    partner: str  # public id; "" for staff
    site_id: str  # public id
    site: str
    state: State
    shared: tuple[str, ...]
    alerts: bool
    text: str
    sentence: str
    until: date | None = None
    grant: str = ""  # public ids of what stands behind the cell, if anything
    request: str = ""
    permission: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    note: str
    cells: tuple[Cell, ...]
    partner: str = ""  # public id; "" for staff
    asked: str = ""  # public id of the waiting request


@dataclass(frozen=True, slots=True)
class Matrix:
    sites: tuple[Site, ...]
    rows: tuple[Row, ...]
    staff: Row
    requests: tuple[AccessRequest, ...]  # of partners, waiting
    permissions: tuple[StaffPermission, ...]  # of staff, running or waiting

    @property
    def seeing(self) -> int:
        """How many partners see something today."""
        return sum(any(c.shared for c in row.cells) for row in self.rows)


@dataclass(slots=True)
class _Partner:
    """What is known of one partner before its row is drawn."""

    organization: Organization
    grants: dict[UUID, Grant] = field(default_factory=dict)  # the latest of each site
    request: AccessRequest | None = None
    invited_at: datetime | None = None


def matrix(
    viewer: Viewer, *, url_of: Callable[[Cell], str] = lambda cell: "", staff: Iterable[StaffPermission] | None = None
) -> Matrix:
    """The whole matrix. url_of: where a cell leads; staff: of `permissions_of`, where they are at hand already.

    Raises NotAllowed for anybody but the customer.
    """
    require(viewer.is_customer, "Only the customer sees who sees its data")
    customer = viewer.organization
    assert customer is not None
    sites = tuple(Site.objects.visible_to(viewer).filter(closed_at=None).order_by("name"))
    draw = _Drawing(viewer, customer, sites, url_of)
    partners = sorted(_partners(viewer), key=lambda p: (p.organization.name.casefold(), p.organization.public_id))
    rows = permissions_of(customer) if staff is None else staff
    permissions = [p for p in rows if p.is_current]  # type: ignore[attr-defined]
    return Matrix(
        sites=sites,
        rows=tuple(draw.partner(p) for p in partners),
        staff=draw.staff(permissions),
        requests=tuple(p.request for p in partners if p.request),
        permissions=tuple(permissions),
    )


def _partners(viewer: Viewer) -> Iterable[_Partner]:
    found: dict[UUID, _Partner] = {}
    for grant in _latest_grants(viewer):
        of = found.setdefault(grant.partner_id, _Partner(grant.partner))
        of.grants[grant.site_id] = grant
    for request in AccessRequest.objects.visible_to(viewer).waiting().select_related("partner", "asked_by"):
        found.setdefault(request.partner_id, _Partner(request.partner)).request = request
    joined = Invitation.objects.filter(organization=viewer.organization_id, accepted_for__isnull=False)
    for invitation in joined.select_related("accepted_for").order_by("accepted_at"):
        assert invitation.accepted_for is not None
        of = found.setdefault(invitation.accepted_for.pk, _Partner(invitation.accepted_for))
        of.invited_at = invitation.accepted_at
    return found.values()


def _latest_grants(viewer: Viewer) -> Iterable[Grant]:
    """The latest grant of each partner and site; `is_live` by the database's clock."""
    live = ExpressionWrapper(Q(revoked_at=None, closed_at=None, expires_at__gt=Now()), output_field=BooleanField())
    grants = Grant.objects.visible_to(viewer).filter(site__closed_at=None).annotate(is_live=live)
    newest = grants.order_by("partner_id", "site_id", "-granted_at", "-pk").distinct("partner_id", "site_id")
    return newest.select_related("partner", "revoked_by")


def permissions_of(customer: Organization, since: datetime | None = None) -> QuerySet[StaffPermission]:
    """Of staff: those that run or wait for an answer, `is_current` by the database's clock; also older ones, begun since then."""
    running = Q(starts_at__lte=Now(), expires_at__gt=Now(), ended_at=None)
    waiting = Q(state=StaffState.WAITING, lapses_at__gt=Now())
    current = ExpressionWrapper(running | waiting, output_field=BooleanField())
    rows = StaffPermission.objects.filter(customer=customer).annotate(is_current=current)
    wanted = Q(is_current=True) if since is None else Q(is_current=True) | Q(starts_at__gte=since)
    return rows.filter(wanted).select_related("user").order_by("expires_at", "asked_at")


def is_live(grant: Grant) -> bool:
    return bool(getattr(grant, "is_live", False))


def short(day: date) -> str:
    """'22 Feb'; with the year when it is another one."""
    return date_format(day, "j M" if day.year == timezone.now().year else "j M Y")


def short_moment(when: datetime, customer: Organization) -> str:
    """'22 Feb, 14:00' where the customer is."""
    return f"{short(last_day(when, customer))}, {date_format(when.astimezone(ZoneInfo(customer.timezone)), 'H:i')}"


def end_words(grant: Grant, customer: Organization, viewer: Viewer) -> str:
    """How an ended access ended: by whom or by the clock, and on which day."""
    day = short(last_day(grant.revoked_at or grant.expires_at, customer))
    if grant.given_back:
        return gettext("Given back by them on %(day)s") % {"day": day}
    if grant.revoked_at is None:
        return gettext("Ended by itself on %(day)s") % {"day": day}
    if grant.revoked_by_id is None:
        return gettext("Stopped on %(day)s") % {"day": day}
    if grant.revoked_by_id == viewer.user_id:
        return gettext("Stopped by you on %(day)s") % {"day": day}
    assert grant.revoked_by is not None
    return gettext("Stopped by %(name)s on %(day)s") % {"name": grant.revoked_by.name, "day": day}


@dataclass(frozen=True, slots=True)
class _Drawing:
    """Turns what was read into rows of words; asks the database nothing."""

    viewer: Viewer
    customer: Organization
    sites: tuple[Site, ...]
    url_of: Callable[[Cell], str]

    def partner(self, of: _Partner) -> Row:
        cells = tuple(self._linked(self._cell(of, site)) for site in self.sites)
        asked = of.request.public_id if of.request else ""
        return Row(of.organization.name, self._note(of), cells, of.organization.public_id, asked)

    def staff(self, permissions: list[StaffPermission]) -> Row:
        cells = tuple(self._linked(self._staff_cell(permissions, site)) for site in self.sites)
        return Row(gettext("SmartCare staff"), gettext("Only when you allow it"), cells)

    def _linked(self, cell: Cell) -> Cell:
        return Cell(**{name: getattr(cell, name) for name in Cell.__slots__} | {"url": self.url_of(cell)})

    def _cell(self, of: _Partner, site: Site) -> Cell:
        grant = of.grants.get(site.pk)
        asked = of.request if of.request and (not of.request.sites or site.pk in of.request.sites) else None
        wish = self._wish(asked)
        if grant is None or not is_live(grant):
            text = gettext("Asked") if asked else gettext("Nothing")
            return Cell(
                partner=of.organization.public_id,
                site_id=site.public_id,
                site=site.name,
                state="pend" if asked else "none",
                shared=(),
                alerts=False,
                text=text,
                sentence=_told(of.organization.name, site.name, gettext("nothing"), wish),
                request=asked.public_id if asked else "",
            )
        left, until = days_left(grant.expires_at, self.customer), last_day(grant.expires_at, self.customer)
        soon = left <= REMIND_DAYS
        text = sentences.left(left) if soon else gettext("to %(day)s") % {"day": short(until)}
        alerts = gettext("alerts are sent") if grant.forward_alerts else ""
        kinds = sentences.categories(grant.ordered_categories)
        return Cell(
            partner=of.organization.public_id,
            site_id=site.public_id,
            site=site.name,
            state="soon" if soon else "on",
            shared=tuple(c.value for c in grant.ordered_categories),
            alerts=grant.forward_alerts,
            text=text,
            sentence=_told(of.organization.name, site.name, kinds, text, alerts, wish),
            until=until,
            grant=grant.public_id,
            request=asked.public_id if asked else "",
        )

    def _wish(self, asked: AccessRequest | None) -> str:
        if asked is None:
            return ""
        return gettext("asked for %(kinds)s") % {"kinds": sentences.categories(asked.ordered_categories)}

    def _staff_cell(self, permissions: list[StaffPermission], site: Site) -> Cell:
        here = [p for p in permissions if p.all_sites or site.pk in p.sites]
        running = [p for p in here if p.state == StaffState.ALLOWED]
        kinds = tuple(c.value for c in SHAREABLE if any(c.value in p.categories for p in running))
        shown = running or here
        if running:
            last = running[-1]
            assert last.expires_at is not None
            text = gettext("to %(moment)s") % {"moment": short_moment(last.expires_at, self.customer)}
            told = [sentences.categories(kinds), text, sentences.listed(sorted({p.user.name for p in running}))]
        else:
            text = gettext("Asked") if here else gettext("Nothing")
            told = [gettext("nothing"), text.lower() if here else ""]
        return Cell(
            partner="",
            site_id=site.public_id,
            site=site.name,
            state="soon" if running else "pend" if here else "none",
            shared=kinds,
            alerts=False,
            text=text,
            sentence=_told(gettext("SmartCare staff"), site.name, *told),
            until=last_day(running[-1].expires_at, self.customer) if running and running[-1].expires_at else None,
            permission=shown[0].public_id if shown else "",
        )

    def _note(self, of: _Partner) -> str:
        """The purpose of what is live, else what is asked, else how it ended."""
        live = [g for g in of.grants.values() if is_live(g)]
        purposes = {g.purpose for g in live if g.purpose}
        if live:
            return purposes.pop() if len(purposes) == 1 else ""
        if of.request is not None:
            asked_on = short(last_day(of.request.asked_at, self.customer))
            return gettext("Asked on %(day)s") % {"day": asked_on}
        if of.grants:
            last = max(of.grants.values(), key=lambda g: g.revoked_at or g.expires_at)
            return end_words(last, self.customer, self.viewer)
        assert of.invited_at is not None
        return gettext("Accepted your invitation on %(day)s") % {"day": short(last_day(of.invited_at, self.customer))}


def _told(name: str, site: str, *parts: str) -> str:
    """'Brightwire: Lyon office, device list and traffic totals, 9 days left'."""
    return gettext("%(name)s: %(facts)s") % {"name": name, "facts": ", ".join([site, *(p for p in parts if p)])}
