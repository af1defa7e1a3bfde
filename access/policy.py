"""Questions: may X do this, who holds that. Asked in one place, answered from the database, never remembered."""

from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet

from access.models import SHAREABLE, Category, Grant, Organization, OrganizationStatus, Site, sites_visible_to
from access.viewer import Viewer


def may_share(viewer: Viewer, site: Site) -> bool:
    """Approvers and owners of the customer that owns the site, while they are members."""
    return (
        viewer.may_decide
        and site.customer_id == viewer.organization_id
        and sites_visible_to(viewer, Category.ANY).filter(pk=site.pk, closed_at=None).exists()
    )


def holds(viewer: Viewer, site_id: UUID, category: Category) -> bool:
    return sites_visible_to(viewer, category).filter(pk=site_id).exists()


def categories_held(viewer: Viewer, site_id: UUID) -> frozenset[Category]:
    """Categories the viewer may see at a site now; all five for the owner. Five conditions of the door in one query."""
    conditions = {f"may_{c.value}": Exists(sites_visible_to(viewer, c).filter(pk=OuterRef("pk"))) for c in SHAREABLE}
    row = sites_visible_to(viewer, Category.ANY).filter(pk=site_id).annotate(**conditions).values(*conditions).first()
    return frozenset(c for c in SHAREABLE if row and row[f"may_{c.value}"])


def grants_forwarding(site_id: UUID, category: Category = Category.HEALTH) -> QuerySet[Grant]:
    """Live grants at a site under which alerts are forwarded, of partners that are active."""
    return Grant.objects.live().filter(
        site=site_id,
        forward_alerts=True,
        categories__contains=[category.value],
        partner__status=OrganizationStatus.ACTIVE,
    )


def directory(search: str = "") -> QuerySet[Organization]:
    """Active partners by name: a public directory for every customer."""
    partners = Organization.objects.filter(kind="partner", status=OrganizationStatus.ACTIVE)
    if search:
        partners = partners.filter(name__icontains=search)
    return partners.order_by("name")
