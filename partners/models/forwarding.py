"""Where organizations want to be told, and each telling. No row here decides whether somebody may be told: the gate does."""

import uuid
from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.db import models
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from access.models import Grant, Membership, Organization, Role, Site, User, public_id
from telemetry.models import AlertTransition, Severity

if TYPE_CHECKING:
    from access.viewer import Viewer


def destination_public_id() -> str:
    return public_id("de")


def delivery_public_id() -> str:
    return public_id("dl")


class DestinationKind(models.TextChoices):
    EMAIL = "email", "E-mail"
    WEBHOOK = "webhook", "Webhook"


class OwnedQuerySet[M: models.Model](QuerySet[M]):
    def visible_to(self, viewer: "Viewer") -> Self:
        """An organization sees its own; nobody sees another's, not even the customer whose alert was sent."""
        if viewer.is_customer or viewer.is_partner:
            return self.filter(owner=viewer.organization_id)
        return self.none()


# Who may add destinations, change them and answer for them.
KEEPERS = (Role.OWNER, Role.APPROVER, Role.ADMIN, Role.ENGINEER)


def somebody_answers() -> Q:
    """Of a webhook: who added it or took it over may do so today; the address was that person's choice. Mail goes to a member and
    asks about that one. Nobody is named where the system itself, or a program of no person, added it.
    """
    person = Membership.objects.filter(
        organization=OuterRef("owner"), user=OuterRef("created_by"), user__is_active=True, role__in=KEEPERS
    )
    return Q(kind=DestinationKind.EMAIL) | Q(created_by=None) | Q(Exists(person))


class DestinationQuerySet(OwnedQuerySet["Destination"]):
    def kept(self) -> Self:
        """Those for which somebody of the owner answers."""
        return self.filter(somebody_answers())

    def left_behind(self) -> Self:
        return self.exclude(somebody_answers())

    def judged(self) -> Self:
        """Each with `is_kept`."""
        return self.annotate(is_kept=somebody_answers())


class Destination(models.Model):
    """A mail address or a webhook where an organization wants alerts. Receives nothing before it is verified."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    public_id = models.CharField(max_length=16, unique=True, default=destination_public_id, editable=False)
    owner = models.ForeignKey(Organization, models.PROTECT, related_name="+")
    kind = models.CharField(max_length=7, choices=DestinationKind.choices)
    name = models.CharField(max_length=80)
    email = models.EmailField(blank=True)
    # Mail goes to people who may still receive it: the address belongs to a member, checked again at each sending.
    member = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    url = models.URLField(max_length=500, blank=True)
    secret = models.BinaryField(default=b"")  # sealed: partners.forwarding.secrets
    old_secret = models.BinaryField(default=b"")  # both sign while a secret is replaced
    old_secret_until = models.DateTimeField(null=True, blank=True)
    minimum_severity = models.PositiveSmallIntegerField(choices=Severity.choices, default=Severity.WARNING)
    enabled = models.BooleanField(default=True)
    verified_at = models.DateTimeField(null=True, blank=True)
    challenge_digest = models.BinaryField(default=b"")
    created_at = models.DateTimeField(db_default=Now())
    # Who answers for it: added it, or took it over when that person had left.
    created_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    failing_since = models.DateTimeField(null=True, blank=True)
    disabled_at = models.DateTimeField(null=True, blank=True)
    disabled_reason = models.CharField(max_length=120, blank=True)
    removed_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[Any] = models.Manager.from_queryset(DestinationQuerySet)()

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="email", url="") & ~Q(email="") | Q(kind="webhook", email="") & ~Q(url=""),
                name="a_destination_is_an_address_or_a_webhook",
            ),
            models.UniqueConstraint(fields=["owner", "id"], name="destination_key_with_its_owner"),
        ]

    @property
    def address(self) -> str:
        return self.email or self.url

    @property
    def is_usable(self) -> bool:
        return self.enabled and self.verified_at is not None and self.disabled_at is None and self.removed_at is None


class DeliveryState(models.TextChoices):
    READY = "ready", "Waiting"
    RUNNING = "running", "Being sent"
    DELIVERED = "delivered", "Delivered"
    CANCELLED = "cancelled", "Cancelled"
    DEAD = "dead", "Given up"


class DeliverySubject(models.TextChoices):
    ALERT = "alert", "Alert"
    ACCESS = "access", "Access"
    VERIFICATION = "verification", "Verification"
    NOTICE = "notice", "Notice"


class Delivery(models.Model):
    """One change to one destination: ready, running, delivered, cancelled(reason) or dead. Rendered when it is sent, not before."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)  # also the receiver's webhook-id
    public_id = models.CharField(max_length=16, unique=True, default=delivery_public_id, editable=False)
    # Whose data it speaks of; for a verification the destination's own owner.
    customer = models.ForeignKey(Organization, models.PROTECT, related_name="+")
    owner = models.ForeignKey(Organization, models.PROTECT, related_name="+")
    destination = models.ForeignKey(Destination, models.PROTECT, related_name="deliveries")
    subject = models.CharField(max_length=12, choices=DeliverySubject.choices, default=DeliverySubject.ALERT)
    event = models.CharField(max_length=40)  # "alert.opened", "access.revoked", "destination.verification"
    site = models.ForeignKey(Site, models.PROTECT, null=True, related_name="+", db_constraint=False)
    transition = models.ForeignKey(AlertTransition, models.PROTECT, null=True, related_name="+", db_constraint=False)
    grant = models.ForeignKey(Grant, models.PROTECT, null=True, related_name="+", db_constraint=False)
    grant_generation = models.PositiveIntegerField(null=True)
    subject_key = models.CharField(max_length=120)  # what makes it one telling: the transition, or the act
    state = models.CharField(max_length=9, choices=DeliveryState.choices, default=DeliveryState.READY)
    reason = models.CharField(max_length=60, blank=True)
    run_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    lease_until = models.DateTimeField(null=True, blank=True)
    token = models.UUIDField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[models.Manager["Delivery"]] = models.Manager.from_queryset(OwnedQuerySet)()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["subject_key", "destination"], name="one_delivery_per_change_and_destination"
            ),
            models.UniqueConstraint(fields=["customer", "id"], name="delivery_key_with_its_customer"),
            models.CheckConstraint(
                condition=Q(grant=None) | Q(grant_generation__isnull=False), name="a_delivery_knows_its_generation"
            ),
        ]
        indexes = [
            # Read by claim_deliveries(); as small as what waits.
            models.Index(fields=["run_at"], condition=Q(state__in=["ready", "running"]), name="delivery_claimable"),
            models.Index(fields=["grant"], condition=Q(state="ready"), name="deliveries_to_cancel"),
            models.Index(fields=["owner", "-created_at"], name="deliveries_of_an_owner"),
            models.Index(fields=["transition"], name="deliveries_of_a_transition"),
        ]


class AttemptOutcome(models.TextChoices):
    STARTED = "started", "Started; may have been delivered"
    DELIVERED = "delivered", "Delivered"
    TRY_LATER = "try_later", "Will be tried again"
    REFUSED = "refused", "Refused"
    CANCELLED = "cancelled", "Cancelled"


class DeliveryAttempt(models.Model):
    """One try, on record before a byte leaves. Holds no body and no secret."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    customer = models.ForeignKey(Organization, models.PROTECT, related_name="+")
    owner = models.ForeignKey(Organization, models.PROTECT, related_name="+")
    delivery = models.ForeignKey(Delivery, models.PROTECT, related_name="tries", db_constraint=False)
    number = models.PositiveSmallIntegerField()
    at = models.DateTimeField(db_default=Now())
    outcome = models.CharField(max_length=9, choices=AttemptOutcome.choices, default=AttemptOutcome.STARTED)
    status_code = models.PositiveSmallIntegerField(null=True, blank=True)
    duration_ms = models.PositiveIntegerField(null=True, blank=True)
    error = models.CharField(max_length=120, blank=True)

    objects: ClassVar[models.Manager["DeliveryAttempt"]] = models.Manager.from_queryset(OwnedQuerySet)()

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["delivery", "number"], name="attempts_of_a_delivery")]
