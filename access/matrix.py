"""Who sees what, partner by partner and site by site: the data of the page /access, in a constant number of queries.

Rows are the partners with a live, asked or ended access, then SmartCare's staff; columns are the customer's open sites, in groups
where they are many. Inside `acting(viewer)` of the customer.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from math import ceil
from uuid import UUID

from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext

from access import site_groups
from access.cells import Cell, Column, Drawing, Known, Row
from access.errors import require
from access.models import AccessRequest, Grant, Invitation, Organization, Site, StaffPermission, StaffState
from access.site_groups import Group
from access.viewer import Viewer

ALL_AT_ONCE = 30  # partners; of more there are pages, of about so many cells, which keeps a page light
CELLS, FEWEST = 100, 8
ALL_SITES = "all"


class Standing(StrEnum):
    """How a partner stands with the customer: what the matrix is filtered by."""

    SEEING = "seeing"
    ASKING = "asking"
    NEITHER = "neither"

    def fits(self, of: Known) -> bool:
        if self is Standing.ASKING:
            return of.request is not None
        return of.is_seeing if self is Standing.SEEING else not of.is_seeing and of.request is None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What part of the matrix. group: public id of a site of it; name: a part of partners' names; page: from 1."""

    group: str = ""
    name: str = ""
    standing: Standing | None = None
    page: int = 1

    def fits(self, of: Known) -> bool:
        is_named = self.name.casefold() in of.organization.name.casefold()
        return is_named and (self.standing is None or self.standing.fits(of))


@dataclass(frozen=True, slots=True)
class Matrix:
    """sites: all open ones; groups: () where they are few; group: the one whose sites are the columns."""

    sites: tuple[Site, ...]
    groups: tuple[Group, ...]
    group: Group | None
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]  # of this page
    staff: Row
    requests: tuple[AccessRequest, ...]  # of partners, waiting
    permissions: tuple[StaffPermission, ...]  # of staff, running or waiting
    counts: dict[Standing, int]  # of all partners, whatever is wanted
    partners: int  # of all
    found: tuple[UUID, ...]  # the partners that are wanted, on all pages
    shown: tuple[UUID, ...]  # those of this page
    page: int
    pages: int

    @property
    def is_large(self) -> bool:
        """Whether one needs to look for a partner."""
        return self.partners > ALL_AT_ONCE

    @property
    def seeing(self) -> int:
        """How many partners see something today."""
        return self.counts[Standing.SEEING]


def matrix(
    viewer: Viewer,
    *,
    url_of: Callable[[Cell], str] = lambda cell: "",
    staff: Iterable[StaffPermission] | None = None,
    wanted: Wanted = Wanted(),  # noqa: B008 - frozen
) -> Matrix:
    """The part of it that is wanted. url_of: where a cell leads; staff: of `permissions_of`, where they are at hand already.

    Raises NotAllowed for anybody but the customer.
    """
    require(viewer.is_customer, "Only the customer sees who sees its data")
    customer = viewer.organization
    assert customer is not None
    sites = open_sites(viewer)
    groups = site_groups.groups(sites)
    group = next((g for g in groups if g.holds(wanted.group)), None)
    columns = _columns(sites, groups, group)
    partners = sorted(_partners(viewer), key=lambda p: (p.organization.name.casefold(), p.organization.public_id))
    chosen = [p for p in partners if wanted.fits(p)]
    size = ALL_AT_ONCE if len(partners) <= ALL_AT_ONCE else max(FEWEST, CELLS // len(columns or "-"))
    pages = max(1, ceil(len(chosen) / size))
    page = min(wanted.page, pages)
    shown = chosen[(page - 1) * size : page * size]
    rows = permissions_of(customer) if staff is None else staff
    permissions = [p for p in rows if p.is_current]  # type: ignore[attr-defined]
    draw = Drawing(viewer, customer, columns, url_of)
    return Matrix(
        sites=sites,
        groups=groups,
        group=group,
        columns=columns,
        rows=tuple(draw.partner(p) for p in shown),
        staff=draw.staff(permissions),
        requests=tuple(p.request for p in partners if p.request),
        permissions=tuple(permissions),
        counts={standing: sum(map(standing.fits, partners)) for standing in Standing},
        partners=len(partners),
        found=tuple(p.organization.pk for p in chosen),
        shown=tuple(p.organization.pk for p in shown),
        page=page,
        pages=pages,
    )


def open_sites(viewer: Viewer) -> tuple[Site, ...]:
    return tuple(Site.objects.visible_to(viewer).filter(closed_at=None).order_by("name"))


def _columns(sites: tuple[Site, ...], groups: tuple[Group, ...], group: Group | None) -> tuple[Column, ...]:
    """Few sites: each of them. Many: all together, then the groups, or the sites of the one that was opened."""
    if not groups:
        return tuple(Column(site.name, (site,), site.public_id) for site in sites)
    together = Column(gettext("All sites"), sites, ALL_SITES, of_several=True)
    if group is not None:
        return (together, *(Column(site.name, (site,), site.public_id) for site in group.sites))
    if len(groups) > site_groups.MOST:  # too many even of groups: one is chosen above the table
        return (together,)
    return (together, *(Column(g.label, g.sites, g.key, of_several=True) for g in groups))


def _partners(viewer: Viewer) -> Iterable[Known]:
    found: dict[UUID, Known] = {}
    for grant in _latest_grants(viewer):
        of = found.setdefault(grant.partner_id, Known(grant.partner))
        of.grants[grant.site_id] = grant
    for request in AccessRequest.objects.visible_to(viewer).waiting().select_related("partner", "asked_by"):
        found.setdefault(request.partner_id, Known(request.partner)).request = request
    joined = Invitation.objects.filter(organization=viewer.organization_id, accepted_for__isnull=False)
    for invitation in joined.select_related("accepted_for").order_by("accepted_at"):
        assert invitation.accepted_for is not None
        of = found.setdefault(invitation.accepted_for.pk, Known(invitation.accepted_for))
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
