"""The customer's decisions about partners, and what partners ask for."""

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from access.models.identity import Organization, User, public_id
from access.models.tenancy import SHAREABLE, Category, Site

if TYPE_CHECKING:
    from access.viewer import Viewer


def grant_public_id() -> str:
    return public_id("gr")


def request_public_id() -> str:
    return public_id("rq")


class GrantQuerySet(QuerySet["Grant"]):
    def live(self) -> "GrantQuerySet":
        """Not revoked and not expired, by the database's clock."""
        return self.filter(revoked_at=None, expires_at__gt=Now())

    def visible_to(self, viewer: "Viewer") -> "GrantQuerySet":
        """A customer sees all grants it gave; a partner those it holds or held; nobody else any."""
        if viewer.is_customer:
            return self.filter(customer=viewer.organization_id)
        if viewer.is_partner:
            own = self.filter(partner=viewer.organization_id)
            return own if viewer.only_customers is None else own.filter(customer_id__in=viewer.only_customers)
        return self.none()


class Grant(models.Model):
    """The customer's dated, revocable decision: one partner, one site, some categories, an end."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    public_id = models.CharField(max_length=16, unique=True, default=grant_public_id, editable=False)
    customer = models.ForeignKey(Organization, models.PROTECT, related_name="+")
    site = models.ForeignKey(Site, models.PROTECT, related_name="grants", db_constraint=False)
    partner = models.ForeignKey(Organization, models.PROTECT, related_name="grants")
    categories = ArrayField(models.CharField(max_length=13, choices=[(c.value, c.label) for c in SHAREABLE]))
    forward_alerts = models.BooleanField(default=False)
    forwarding_since = models.DateTimeField(null=True, blank=True)
    purpose = models.CharField(max_length=300, blank=True)
    granted_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    granted_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    # Rises when something is taken away; a delivery goes out only under the generation it was planned for.
    generation = models.PositiveIntegerField(default=1)
    decision = models.UUIDField(default=uuid.uuid4)  # one click may write several grants
    request = models.ForeignKey(
        "access.AccessRequest", models.PROTECT, null=True, blank=True, related_name="grants", db_constraint=False
    )
    changed_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    given_back = models.BooleanField(default=False)
    drained_at = models.DateTimeField(null=True, blank=True)
    # Set with revoked_at, or when expiry has been booked. An index cannot contain the clock, hence the column.
    closed_at = models.DateTimeField(null=True, blank=True)
    cancelled_deliveries = models.PositiveIntegerField(default=0)
    reminded_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[models.Manager["Grant"]] = models.Manager.from_queryset(GrantQuerySet)()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["partner", "site"], condition=Q(closed_at=None), name="one_open_grant_per_partner_and_site"
            ),
            models.UniqueConstraint(fields=["id", "site"], name="grant_key_with_its_site"),
            models.UniqueConstraint(fields=["customer", "id"], name="grant_key_with_its_customer"),
            models.CheckConstraint(
                condition=Q(expires_at__lte=F("granted_at") + timedelta(days=366)) | Q(changed_at__isnull=False),
                name="no_grant_longer_than_a_year",
            ),
            models.CheckConstraint(condition=~Q(categories=[]), name="a_grant_covers_something"),
            models.CheckConstraint(
                condition=Q(forward_alerts=False) | Q(categories__contains=[Category.HEALTH.value]),
                name="alerts_are_forwarded_only_with_health",
            ),
            models.CheckConstraint(
                condition=Q(revoked_at=None) | Q(closed_at__isnull=False), name="a_revoked_grant_is_closed"
            ),
        ]
        indexes = [
            # Read by the drain sweep and by the expiry sweep; both stay as small as what is unfinished.
            models.Index(fields=["closed_at"], condition=Q(drained_at=None), name="grant_to_be_drained"),
            models.Index(fields=["expires_at"], condition=Q(closed_at=None), name="grant_to_be_booked"),
            # Read by the door and by app_sites(), which ask for nothing else: a partner's grants among many.
            models.Index(
                fields=["partner", "expires_at"],
                include=["id", "site", "customer"],
                condition=Q(revoked_at=None),
                name="grants_of_a_partner",
            ),
        ]

    @property
    def category_set(self) -> frozenset[Category]:
        return frozenset(Category(value) for value in self.categories)

    @property
    def ordered_categories(self) -> list[Category]:
        return [c for c in SHAREABLE if c.value in self.categories]


class RequestState(models.TextChoices):
    WAITING = "waiting", "Waiting for an answer"
    ALLOWED = "allowed", "Allowed"
    DECLINED = "declined", "Declined"
    WITHDRAWN = "withdrawn", "Withdrawn"
    LAPSED = "lapsed", "Lapsed"


class AccessRequestQuerySet(QuerySet["AccessRequest"]):
    def waiting(self) -> "AccessRequestQuerySet":
        return self.filter(state=RequestState.WAITING, lapses_at__gt=Now())

    def visible_to(self, viewer: "Viewer") -> "AccessRequestQuerySet":
        if viewer.is_customer:
            return self.filter(customer=viewer.organization_id)
        if viewer.is_partner:
            return self.filter(partner=viewer.organization_id)
        return self.none()


class AccessRequest(models.Model):
    """A partner's wish for access, with a reason. Shows the partner nothing, not even whether the customer exists."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    public_id = models.CharField(max_length=16, unique=True, default=request_public_id, editable=False)
    # None when the name that the partner typed is no customer of ours: stored all the same, so that both cases look alike.
    customer = models.ForeignKey(Organization, models.PROTECT, null=True, related_name="+")
    customer_name = models.CharField(max_length=120)
    partner = models.ForeignKey(Organization, models.PROTECT, related_name="+")
    sites = ArrayField(models.UUIDField(), default=list)  # empty: "the customer", all its sites
    categories = ArrayField(models.CharField(max_length=13, choices=[(c.value, c.label) for c in SHAREABLE]))
    forward_alerts = models.BooleanField(default=False)
    days = models.PositiveSmallIntegerField()
    reason = models.TextField(max_length=1000)
    state = models.CharField(max_length=9, choices=RequestState.choices, default=RequestState.WAITING)
    asked_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    asked_at = models.DateTimeField(db_default=Now())
    lapses_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True, blank=True)
    answered_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    pause_until = models.DateTimeField(null=True, blank=True)
    # The state that the customer's journal knows; the sweep tells it, so that asking takes the same time for every name.
    told = models.CharField(max_length=9, choices=RequestState.choices, blank=True)

    objects: ClassVar[models.Manager["AccessRequest"]] = models.Manager.from_queryset(AccessRequestQuerySet)()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["partner", "customer"],
                condition=Q(state="waiting", customer__isnull=False),
                name="one_open_request_per_partner_and_customer",
            ),
            models.CheckConstraint(condition=Q(days__gte=1, days__lte=366), name="a_request_is_for_at_most_a_year"),
            models.UniqueConstraint(fields=["customer", "id"], name="request_key_with_its_customer"),
        ]
        indexes = [
            models.Index(
                fields=["asked_at"],
                condition=Q(customer__isnull=False) & ~Q(told=F("state")),
                name="request_to_be_told",
            ),
        ]

    @property
    def ordered_categories(self) -> list[Category]:
        return [c for c in SHAREABLE if c.value in self.categories]
