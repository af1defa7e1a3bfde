"""The gate: asked again at every exit, at the moment of sending. Design: access.md section 7.

Answers for customer, site, grant, organization and membership; the caller in `partners` adds alert, device, destination, address and
delivery in the same transaction.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.db.models.functions import Now

from access.models import Category, Grant, Membership, Organization, OrganizationStatus, Role, Site
from access.principal import principal
from access.sharing import lock_passage


@contextmanager
def passage(*, customer: UUID, site: UUID | None, owner: UUID, statement_ms: int | None = None) -> Iterator[None]:
    """A transaction of the customer's work that holds the shared lock of (site, owner) until it ends.

    Ending a grant takes the same lock exclusively afterwards ("drained"), so it waits for what is under way here; whoever comes later
    reads a fresh snapshot below and is refused. The owner's own rows (destination, deliveries) are in view too.
    """
    with principal(kind="job", customers={customer, owner}, statement_ms=statement_ms):
        if site is not None and owner != customer:
            lock_passage(site, owner, shared=True)
        yield


def refusal(
    *,
    customer: UUID,
    site: UUID | None,
    owner: UUID,
    grant: UUID | None,
    generation: int | None,
    category: Category = Category.HEALTH,
    pushing: bool = True,
) -> str:
    """Why nothing may be sent to `owner` about this site now; '' if it may. One fresh statement per question."""
    if not Organization.objects.filter(pk=customer, status=OrganizationStatus.ACTIVE).exists():
        return "customer_closed"
    if site is not None and not Site.unscoped.filter(pk=site, customer=customer, closed_at=None).exists():
        return "site_closed"
    if owner == customer:
        return ""
    if not Organization.objects.filter(pk=owner, status=OrganizationStatus.ACTIVE).exists():
        return "partner_inactive"
    live = Grant.objects.filter(
        pk__in=[grant] if grant else [], customer=customer, site=site, partner=owner, revoked_at=None, closed_at=None
    )
    row = live.filter(expires_at__gt=Now()).values_list("generation", "categories", "forward_alerts").first()
    if row is None:
        return "grant_ended"
    if row[0] != generation:
        return "grant_changed"
    if category.value not in row[1]:
        return "category_not_covered"
    if pushing and not row[2]:
        return "not_forwarded"
    return ""


# Who may be told about alerts; sales people of a partner deal in offers, not in faults.
RECEIVES_ALERTS = (Role.OWNER, Role.APPROVER, Role.VIEWER, Role.ADMIN, Role.ENGINEER)


def recipient_refusal(*, owner: UUID, user: UUID | None) -> str:
    """Mail: why this person may not be written to for this organization now; '' if he or she may."""
    member = Membership.objects.filter(
        organization=owner,
        organization__status=OrganizationStatus.ACTIVE,
        user=user,
        user__is_active=True,
        role__in=RECEIVES_ALERTS,
    )
    return "" if member.exists() else "no_longer_a_member"


def categories_now(grant: UUID | None) -> frozenset[Category]:
    """What a live grant covers at this moment; rendering shows figures of these alone."""
    row = (
        Grant.objects.filter(pk__in=[grant] if grant else [], closed_at=None, expires_at__gt=Now())
        .values_list("categories", flat=True)
        .first()
    )
    return frozenset(Category(c) for c in row or [])
