"""Whom a partner deals or dealt with, and under which grants: the partner's own papers, never a customer's data.

A member who was assigned to some customers alone has the papers of these alone.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, TypedDict, cast
from uuid import UUID

from django.db.models import BooleanField, Case, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce, Now

from access.models import SHAREABLE, AccessRequest, Category, Grant, Organization, OrganizationKind, Site
from access.principal import principal
from access.viewer import Viewer
from partners.models import Contract, PartnerNote


class Dated(TypedDict):
    """What `grants` adds to a grant."""

    is_live: bool
    over_at: datetime


if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

    type DatedGrant = WithAnnotations[Grant, Dated]
else:
    DatedGrant = Grant


def grants(viewer: Viewer) -> "QuerySet[DatedGrant, DatedGrant]":
    """Grants it holds or held, newest end first, with `is_live` by the database's clock and when it was or will be over."""
    live = Case(
        When(revoked_at=None, expires_at__gt=Now(), then=Value(True)),
        default=Value(False),
        output_field=BooleanField(),
    )
    dated = Grant.objects.visible_to(viewer).annotate(is_live=live, over_at=Coalesce("closed_at", "expires_at"))
    ordered = dated.select_related("customer").order_by("-over_at", "pk")
    return cast("QuerySet[DatedGrant, DatedGrant]", ordered)


def sites_of(viewer: Viewer, live: Iterable[Grant]) -> dict[UUID, Site]:
    """Sites of grants that run, through the door: one that is not there has just been closed to the viewer."""
    found = Site.objects.visible_to(viewer).filter(pk__in={g.site_id for g in live})
    return {s.pk: s for s in found}


def requests(viewer: Viewer) -> QuerySet[AccessRequest]:
    """What it asked for, newest first; a narrowed member sees what it asked itself and what concerns its customers."""
    found: QuerySet[AccessRequest] = AccessRequest.objects.visible_to(viewer)
    if viewer.only_customers is not None:
        own = viewer.only_customers
        found = found.filter(Q(customer__in=own) | Q(asked_by=viewer.user_id))
    return found.order_by("-asked_at")


def contracts(viewer: Viewer) -> QuerySet[Contract]:
    """Contracts it is party to, the one that ends first on top."""
    found: QuerySet[Contract] = Contract.objects.visible_to(viewer)
    if viewer.is_partner and viewer.only_customers is not None:
        found = found.filter(customer__in=viewer.only_customers)
    return found.select_related("customer", "partner").order_by("ended_at", "ends_on")


def notes(viewer: Viewer) -> QuerySet[PartnerNote]:
    """What the partner wrote down for itself, newest first."""
    found: QuerySet[PartnerNote] = PartnerNote.objects.visible_to(viewer)
    if viewer.only_customers is not None:
        found = found.filter(about__in=viewer.only_customers)
    return found.order_by("-at")


def customers(viewer: Viewer) -> QuerySet[Organization]:
    """Customers by name with whom it shares a paper: a grant, live or over, or a contract. All others are unknown to it."""
    dealt = Q(pk__in=Grant.objects.visible_to(viewer).values("customer"))
    dealt |= Q(pk__in=contracts(viewer).order_by().values("customer"))
    return Organization.objects.filter(dealt, kind=OrganizationKind.CUSTOMER).order_by("name", "pk")


def names_for_receipts(viewer: Viewer, ended: Iterable[Grant]) -> dict[UUID, str]:
    """Names of the sites of grants that are over, by grant: a receipt says what it was for, as the mail about its end did.

    The partner itself may no longer read the sites, so this is asked as work of the customers, about its own grants alone.
    """
    own = [g for g in ended if g.partner_id == viewer.organization_id]
    if not own:
        return {}
    with principal(kind="job", customers={g.customer_id for g in own}):
        found = Grant.objects.filter(pk__in=[g.pk for g in own], partner=viewer.organization_id)
        return dict(found.values_list("pk", "site__name"))


def why_it_ended(grant: Grant) -> str:
    """In words, without a name: which person of the customer pressed the button is not the partner's business."""
    if grant.given_back:
        return "You gave it back."
    return "The customer stopped it." if grant.revoked_at else "Its end date has passed."


@dataclass(slots=True)
class Dealing:
    """One customer with the grants this partner holds or held from it."""

    customer: Organization
    live: "list[DatedGrant]" = field(default_factory=list)
    over: "list[DatedGrant]" = field(default_factory=list)

    @property
    def shared(self) -> list[Category]:
        """Kinds it sees at one site at least, in their fixed order."""
        held = {c for g in self.live for c in g.category_set}
        return [c for c in SHAREABLE if c in held]

    @property
    def hidden(self) -> list[Category]:
        return [c for c in SHAREABLE if c not in self.shared]

    @property
    def first_end(self) -> datetime | None:
        return min((g.expires_at for g in self.live), default=None)

    @property
    def ends_differ(self) -> bool:
        return len({g.expires_at for g in self.live}) > 1

    @property
    def ended_at(self) -> datetime | None:
        """When the last of it was over; None while something is shared, or if nothing ever was."""
        return None if self.live else max((g.over_at for g in self.over), default=None)


def dealings(found: "Iterable[DatedGrant]") -> list[Dealing]:
    """Grants (from `grants`) by customer: those who share now by name, then those who stopped, latest first."""
    by_customer: dict[UUID, Dealing] = {}
    for grant in found:
        dealing = by_customer.setdefault(grant.customer_id, Dealing(grant.customer))
        (dealing.live if grant.is_live else dealing.over).append(grant)
    sharing = sorted((d for d in by_customer.values() if d.live), key=lambda d: d.customer.name.lower())
    stopped = [d for d in by_customer.values() if not d.live]
    return sharing + sorted(stopped, key=lambda d: d.ended_at or d.customer.created_at, reverse=True)
