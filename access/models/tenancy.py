"""THE DOOR. Every reading of a tenant's rows for somebody goes through `objects.visible_to(viewer)`.

Read this file to review who may see what; everything else only describes tables. Design: docs/ARCHITECTURE.md, "The one door".
"""

import uuid
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db import models
from django.db.models import BooleanField, Exists, F, Func, OuterRef, Q, QuerySet
from django.db.models.functions import Now
from guardian.models import GroupObjectPermissionBase, UserObjectPermissionBase

from access.models.identity import Membership, Organization, OrganizationStatus, ServiceAccount, public_id

if TYPE_CHECKING:
    from access.viewer import Viewer

M = TypeVar("M", bound=models.Model)


class Category(models.TextChoices):
    """Kinds of data a customer shares apart from each other, in the order they are always shown."""

    INVENTORY = "inventory", "Device list"
    HEALTH = "health", "Health and alerts"
    TRAFFIC = "traffic", "Traffic totals"
    CONFIGURATION = "configuration", "Configuration"
    CONTRACTS = "contracts", "Contracts"
    ANY = "any", "At least one kind"

    @property
    def codenames(self) -> list[str]:
        """guardian permissions that open this category; ANY is opened by each of the five."""
        return [c.codename for c in SHAREABLE] if self is Category.ANY else [self.codename]

    @property
    def codename(self) -> str:
        return f"view_{self.value}"


SHAREABLE = (Category.INVENTORY, Category.HEALTH, Category.TRAFFIC, Category.CONFIGURATION, Category.CONTRACTS)


class UnscopedQuery(Exception):
    """A tenant table was read without saying for whom."""


def sites_visible_to(viewer: "Viewer", category: Category) -> "QuerySet[Site]":
    """Sites whose data of this category the viewer may see now.

    One query, decided by the database's clock; nothing about permissions is kept from an earlier one. `is_superuser`, Django's
    `has_perm` and contracts play no part. Anybody who is not a current member gets nothing.
    """
    if viewer.is_customer:
        return Site.unscoped.filter(still_acting(viewer), customer_id=viewer.organization_id)
    if viewer.is_partner:
        return Site.unscoped.filter(still_acting(viewer), IsAnyOf("pk", held_sites(viewer, category)))
    if viewer.is_staff:
        return staff_sites(viewer, category)
    return Site.unscoped.none()


def held_sites(viewer: "Viewer", category: Category) -> "QuerySet[SiteGroupPermission, Any]":
    """Keys of sites that the viewer's partner holds by a live grant. Whether the viewer still acts for it is asked apart."""
    partner = viewer.organization
    held = SiteGroupPermission.objects.filter(
        group=partner.group_id if partner else None,
        permission__codename__in=category.codenames,
        grant__partner=viewer.organization_id,
        grant__revoked_at=None,
        grant__expires_at__gt=Now(),
    )
    if viewer.preview_of is not None:  # still_acting() asks for the customer's membership, so ask for the partner here
        held = held.filter(grant__partner__status=OrganizationStatus.ACTIVE)
    if viewer.only_customers is not None:
        held = held.filter(grant__customer__in=viewer.only_customers)
    return held.values("content_object")


class IsAnyOf(Func):
    """`field = ANY (ARRAY(SELECT …))`: the sub-select is asked once per statement, and an index of the field finds the rows.

    The same as `IN (SELECT …)` leaves the planner to guess how many there are, wrongly when others have a million.
    """

    template = "%(expressions)s)"
    arg_joiner = " = ANY ("
    output_field = BooleanField()

    def __init__(self, field: str, rows: "QuerySet[Any, Any]") -> None:
        super().__init__(F(field), ArraySubquery(rows))


def still_acting(viewer: "Viewer") -> Exists:
    """Condition: the person is an active member of the active organization now (or its service account is live, and who made it
    is such a member).
    """
    if viewer.preview_of is not None:  # a customer's person in the partner's place: asked as a member of the customer
        return Exists(_memberships(viewer.user_id, viewer.preview_of.pk))
    if viewer.account_id is not None:
        made_by_a_member = Exists(_memberships(OuterRef("created_by"), viewer.organization_id))
        return Exists(
            ServiceAccount.objects.filter(
                Q(created_by=None) | Q(made_by_a_member),
                pk=viewer.account_id,
                organization=viewer.organization_id,
                organization__status=OrganizationStatus.ACTIVE,
                revoked_at=None,
                expires_at__gt=Now(),
            )
        )
    return Exists(_memberships(viewer.user_id, viewer.organization_id))


def _memberships(user: UUID | OuterRef | None, organization: UUID | None) -> "QuerySet[Membership]":
    return Membership.objects.filter(
        user=user,
        user__is_active=True,
        organization=organization,
        organization__status=OrganizationStatus.ACTIVE,
    )


def staff_sites(viewer: "Viewer", category: Category) -> "QuerySet[Site]":
    """Sites a member of staff may see under a permission the customer gave (lockbox) or was told of (break-glass)."""
    from access.models.staff import StaffPermission  # noqa: PLC0415 - it points at Site

    live = StaffPermission.unscoped.filter(
        Q(all_sites=True) | Q(sites__contains=[OuterRef("pk")]),
        customer=OuterRef("customer"),
        user=viewer.user_id,
        user__is_active=True,
        user__is_staff=True,
        starts_at__lte=Now(),
        expires_at__gt=Now(),
        ended_at=None,
    )
    if category is not Category.ANY:
        live = live.filter(categories__contains=[category.value])
    return Site.unscoped.filter(Exists(live))


class TenantManager(models.Manager[M]):
    """Reads tenant rows on somebody's behalf, or not at all."""

    def get_queryset(self) -> QuerySet[M]:
        reached_from_a_held_row = hasattr(self, "instance")  # alert.transitions
        if reached_from_a_held_row:
            return super().get_queryset()
        raise UnscopedQuery(f"{self.model.__name__}: use objects.visible_to(viewer)")

    def visible_to(self, viewer: "Viewer", category: Category | None = None) -> QuerySet[M]:
        """Rows the viewer may see now; without a category, the table's own."""
        model: Any = self.model
        wanted = category or model.CATEGORY
        if model.SITE_PATH == "pk":
            return sites_visible_to(viewer, wanted)  # type: ignore[return-value]
        rows = super().get_queryset()
        if model.CUSTOMER_ONLY and not viewer.is_customer:
            return rows.none()
        if viewer.is_partner:  # straight from its grants: the sites themselves need not be read
            return rows.filter(still_acting(viewer), IsAnyOf(model.SITE_PATH, held_sites(viewer, wanted)))
        return rows.filter(IsAnyOf(model.SITE_PATH, sites_visible_to(viewer, wanted).order_by().values("pk")))


class UnscopedManager(models.Manager[M]):
    """For code that asks on nobody's behalf; the places that may are listed in tests/architecture."""


class TenantModel(models.Model):
    """A row of one customer, in one category, at one site (or reached from one)."""

    SITE_PATH: ClassVar[str]  # "site", "device__site"; "pk" on Site itself
    CATEGORY: ClassVar[Category]  # one table, one category: row-level rules cannot hide a column
    CUSTOMER_ONLY: ClassVar[bool] = False  # no grant and no permission of staff opens it

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    customer = models.ForeignKey(Organization, models.PROTECT, related_name="+")

    objects: ClassVar[TenantManager[Any]] = TenantManager()
    unscoped: ClassVar[UnscopedManager[Any]] = UnscopedManager()

    class Meta:
        abstract = True
        default_permissions = ()
        base_manager_name = "unscoped"

    def validate_unique(self, exclude: Any = None) -> None:
        """Left to the database: a friendly check here would tell one tenant what another one has."""

    def validate_constraints(self, exclude: Any = None) -> None:
        """Check constraints only, for the same reason."""
        for model, constraints in self.get_constraints():
            for constraint in constraints:
                if isinstance(constraint, models.CheckConstraint):
                    constraint.validate(model, self, exclude=exclude)


def site_public_id() -> str:
    return public_id("st")


class Site(TenantModel):
    """A customer's place with equipment: the unit of sharing. A new one is shared with nobody."""

    SITE_PATH = "pk"
    CATEGORY = Category.ANY

    public_id = models.CharField(max_length=16, unique=True, default=site_public_id, editable=False)
    name = models.CharField(max_length=120)
    city = models.CharField(max_length=80, blank=True)
    timezone = models.CharField(max_length=64, default="UTC")
    created_at = models.DateTimeField(auto_now_add=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta(TenantModel.Meta):
        permissions = [(c.codename, f"Can view {c.label.lower()}") for c in SHAREABLE]
        constraints = [
            models.UniqueConstraint(fields=["customer", "id"], name="site_key_with_its_customer"),
            models.UniqueConstraint(fields=["customer", "name"], name="one_site_per_name_and_customer"),
        ]

    def __str__(self) -> str:
        return self.name


class SiteGroupPermission(GroupObjectPermissionBase):
    """guardian's row: this partner's group may view this category at this site, because of this grant."""

    # The name is visible on purpose: with "+" guardian silently falls back to its generic table.
    content_object = models.ForeignKey(Site, models.PROTECT, related_name="group_permissions")
    grant = models.ForeignKey("access.Grant", models.PROTECT, related_name="permission_rows", db_constraint=False)

    class Meta(GroupObjectPermissionBase.Meta):
        abstract = False
        indexes = [
            # Read by the door and by app_sites(), which ask for nothing else.
            models.Index(fields=["group", "permission"], include=["content_object", "grant"], name="rows_of_a_group"),
        ]


class SiteUserPermission(UserObjectPermissionBase):
    """Declared so that guardian stays on direct keys. A person has no rights of his or her own: always empty (A13)."""

    content_object = models.ForeignKey(Site, models.PROTECT, related_name="user_permissions")

    class Meta(UserObjectPermissionBase.Meta):
        constraints = [
            models.CheckConstraint(condition=Q(pk__isnull=True), name="no_person_holds_permissions_of_its_own")
        ]

    def save(self, *args: Any, **kwargs: Any) -> None:
        raise TypeError("Rights belong to partners, through a grant; people have none of their own")
