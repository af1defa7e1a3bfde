"""Alerts: one open row per device, rule and subject; every change is a transition that stays. Category health."""

from typing import TYPE_CHECKING, ClassVar, cast

from django.db import models
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from access.models import Category, Organization, Site, TenantModel, User, public_id
from access.models.tenancy import TenantManager
from telemetry.models.devices import Device

if TYPE_CHECKING:
    from access.viewer import Viewer


def alert_public_id() -> str:
    return public_id("al")


def comment_public_id() -> str:
    return public_id("cm")


def forecast_public_id() -> str:
    return public_id("fc")


class Severity(models.IntegerChoices):
    """Ordered: comparing and sorting by the number is the point."""

    INFO = 1, "Info"
    WARNING = 2, "Warning"
    MAJOR = 3, "Major"
    CRITICAL = 4, "Critical"

    @property
    def word(self) -> str:
        return self.name.lower()


class AlertQuerySet(QuerySet["Alert"]):
    def open(self) -> "AlertQuerySet":
        return self.filter(resolved_at=None)

    def resolved(self) -> "AlertQuerySet":
        return self.filter(resolved_at__isnull=False)

    def nobody_has_it(self) -> "AlertQuerySet":
        return self.filter(acknowledged_at=None)

    def most_urgent_first(self) -> "AlertQuerySet":
        return self.order_by("-severity", "-opened_at")


class AlertManager(TenantManager["Alert"]):
    """The door to alerts, with their words on what it lets through."""

    _queryset_class = AlertQuerySet

    def visible_to(self, viewer: "Viewer", category: Category | None = None) -> AlertQuerySet:
        return cast(AlertQuerySet, super().visible_to(viewer, category))


class Alert(TenantModel):
    """Stateful, deduplicated problem of one device: open or resolved; may be acknowledged, claimed or snoozed."""

    SITE_PATH = "site"
    CATEGORY = Category.HEALTH

    public_id = models.CharField(max_length=16, unique=True, default=alert_public_id, editable=False)
    site = models.ForeignKey(Site, models.PROTECT, related_name="+", db_constraint=False)
    device = models.ForeignKey(Device, models.PROTECT, related_name="+", db_constraint=False)
    rule = models.CharField(max_length=40)
    rule_version = models.PositiveSmallIntegerField(default=1)
    subject = models.CharField(max_length=128, blank=True)  # the port, fan or volume
    severity = models.PositiveSmallIntegerField(choices=Severity.choices)
    title = models.CharField(max_length=300)  # one sentence, without figures of other categories
    evidence = models.JSONField(default=dict)
    eta_lo = models.DateTimeField(null=True, blank=True)
    eta = models.DateTimeField(null=True, blank=True)
    eta_hi = models.DateTimeField(null=True, blank=True)
    opened_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())
    observed_at = models.DateTimeField()  # by the device's data: when the finding first held
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolution = models.CharField(max_length=20, blank=True)  # "cleared", "handled", "ignored"
    explained_by = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="+", db_constraint=False
    )
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    claimed_by = models.ForeignKey(Organization, models.PROTECT, null=True, blank=True, related_name="+")
    claimed_at = models.DateTimeField(null=True, blank=True)
    snoozed_until = models.DateTimeField(null=True, blank=True)
    feedback = models.CharField(max_length=12, blank=True)  # "real" or "not_real", a person's word for the track record

    objects: ClassVar[AlertManager] = AlertManager()

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["customer", "device", "rule", "subject"],
                condition=Q(resolved_at=None),
                name="one_open_alert_per_problem",
            ),
            models.UniqueConstraint(fields=["customer", "id"], name="alert_key_with_its_customer"),
        ]
        indexes = [
            models.Index(
                fields=["site", "-severity", "-opened_at"], condition=Q(resolved_at=None), name="open_alerts_of_a_site"
            ),
            models.Index(fields=["site", "-opened_at"], name="alerts_of_a_site"),
            models.Index(fields=["device", "-opened_at"], name="alerts_of_a_device"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def severity_word(self) -> str:
        return Severity(self.severity).word


class TrafficFigures(TenantModel):
    """Figures under an alert that come from traffic: the sentence is health, its numbers need the category traffic."""

    SITE_PATH = "site"
    CATEGORY = Category.TRAFFIC

    alert = models.OneToOneField(Alert, models.PROTECT, related_name="+", db_constraint=False)
    site = models.ForeignKey(Site, models.PROTECT, related_name="+", db_constraint=False)
    figures = models.JSONField(default=dict)

    class Meta(TenantModel.Meta):
        pass


class TransitionKind(models.TextChoices):
    OPENED = "opened", "Opened"
    RAISED = "raised", "More severe"
    LOWERED = "lowered", "Less severe"
    DATED = "dated", "New date"
    ACKNOWLEDGED = "acknowledged", "Seen by somebody"
    CLAIMED = "claimed", "Taken"
    RELEASED = "released", "Given up"
    SNOOZED = "snoozed", "Snoozed"
    RESOLVED = "resolved", "Resolved"
    REOPENED = "reopened", "Reopened"


class AlertTransition(TenantModel):
    """One change of an alert; append-only, and what is forwarded."""

    SITE_PATH = "site"
    CATEGORY = Category.HEALTH

    alert = models.ForeignKey(Alert, models.PROTECT, related_name="transitions", db_constraint=False)
    site = models.ForeignKey(Site, models.PROTECT, related_name="+", db_constraint=False)
    at = models.DateTimeField(db_default=Now())
    kind = models.CharField(max_length=12, choices=TransitionKind.choices)
    severity = models.PositiveSmallIntegerField(choices=Severity.choices)
    eta = models.DateTimeField(null=True, blank=True)
    by_user = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    by_organization = models.ForeignKey(Organization, models.PROTECT, null=True, blank=True, related_name="+")
    note = models.CharField(max_length=300, blank=True)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["customer", "id"], name="transition_key_with_its_customer")]
        indexes = [models.Index(fields=["alert", "at"], name="transitions_of_an_alert")]


class CommentAudience(models.TextChoices):
    COMPANY = "company", "Only my company"  # the author's organization
    PARTNERS = "partners", "Partners who see this alert"  # written by the customer
    CUSTOMER = "customer", "The customer"  # written by a partner


class AlertComment(TenantModel):
    """A note under an alert. Who reads it depends on its audience and on who wrote it: a partner never reads another partner's."""

    SITE_PATH = "site"
    CATEGORY = Category.HEALTH

    public_id = models.CharField(max_length=16, unique=True, default=comment_public_id, editable=False)
    alert = models.ForeignKey(Alert, models.PROTECT, related_name="+", db_constraint=False)
    site = models.ForeignKey(Site, models.PROTECT, related_name="+", db_constraint=False)
    author_organization = models.ForeignKey(Organization, models.PROTECT, related_name="+")
    author = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    author_name = models.CharField(max_length=160)
    audience = models.CharField(max_length=8, choices=CommentAudience.choices)
    text = models.TextField(max_length=4000)
    at = models.DateTimeField(db_default=Now())

    class Meta(TenantModel.Meta):
        indexes = [models.Index(fields=["alert", "at"], name="comments_of_an_alert")]


class Grade(models.TextChoices):
    OPEN = "", "Not closed"
    HIT = "hit", "Came true"
    MISS = "miss", "Did not come true"
    AVERTED = "averted", "Averted"
    UNKNOWN = "unknown", "Unknown"


class Forecast(TenantModel):
    """A dated prediction with its range, later graded. Belongs to one alert; its newest dates are the alert's."""

    SITE_PATH = "site"
    CATEGORY = Category.HEALTH

    public_id = models.CharField(max_length=16, unique=True, default=forecast_public_id, editable=False)
    alert = models.OneToOneField(Alert, models.PROTECT, related_name="+", db_constraint=False)
    device = models.ForeignKey(Device, models.PROTECT, related_name="+", db_constraint=False)
    site = models.ForeignKey(Site, models.PROTECT, related_name="+", db_constraint=False)
    rule = models.CharField(max_length=40)
    subject = models.CharField(max_length=128, blank=True)
    made_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())
    eta_lo = models.DateTimeField()
    eta = models.DateTimeField()
    eta_hi = models.DateTimeField()
    first_eta_lo = models.DateTimeField()
    first_eta = models.DateTimeField()
    first_eta_hi = models.DateTimeField()
    level = models.FloatField(null=True, blank=True)  # none where the figures are traffic
    limit = models.FloatField(null=True, blank=True)
    unit = models.CharField(max_length=16, blank=True)
    evidence = models.JSONField(default=dict)
    grade = models.CharField(max_length=8, choices=Grade.choices, default=Grade.OPEN, blank=True)
    graded_at = models.DateTimeField(null=True, blank=True)
    grade_reason = models.CharField(max_length=200, blank=True)

    class Meta(TenantModel.Meta):
        indexes = [models.Index(fields=["device", "-made_at"], name="forecasts_of_a_device")]


class DeviceHealth(TenantModel):
    """How one device does now: category health, one row per device with its site, served "unhealthy first" by an index."""

    SITE_PATH = "site"
    CATEGORY = Category.HEALTH

    device = models.OneToOneField(Device, models.PROTECT, related_name="+", db_constraint=False)
    site = models.ForeignKey(Site, models.PROTECT, related_name="+", db_constraint=False)
    state = models.CharField(max_length=6, default="mute")  # ok watch risk down mute (ux.md section 13)
    score = models.PositiveSmallIntegerField(null=True, blank=True)
    urgency = models.PositiveSmallIntegerField(default=0)  # 100 - score, down above all, no report last
    reasons = models.JSONField(default=list)  # [[sentence, points lost], …], adding up
    last_seen_at = models.DateTimeField(null=True, blank=True)  # receipt of the newest report
    last_sample_at = models.DateTimeField(null=True, blank=True)
    interval_s = models.PositiveIntegerField(default=300)
    daily_scores = models.JSONField(default=list)  # newest last, one a day, at most 90
    updated_at = models.DateTimeField(db_default=Now())

    class Meta(TenantModel.Meta):
        indexes = [
            models.Index(fields=["site", "-urgency"], name="health_unhealthy_first"),
            models.Index(fields=["last_seen_at"], name="health_by_last_report"),
        ]


class DetectorState(TenantModel):
    """What the detectors remember of a device between reports: one blob, and how far they have read."""

    SITE_PATH = "site"
    CATEGORY = Category.HEALTH

    device = models.OneToOneField(Device, models.PROTECT, related_name="+", db_constraint=False)
    site = models.ForeignKey(Site, models.PROTECT, related_name="+", db_constraint=False)
    blob = models.BinaryField(default=b"")
    read_up_to = models.BigIntegerField(default=0)  # receipt number of the last sample row applied
    expected = models.BinaryField(default=b"")  # hours of the week reports are expected in, 21 bytes; empty: all
    updated_at = models.DateTimeField(db_default=Now())


class SilenceMemory(models.Model):
    """What one round of the dead-man's switch leaves to the next, for one customer: who is raised, what is explained."""

    customer = models.OneToOneField(Organization, models.PROTECT, primary_key=True, related_name="+")
    memory = models.JSONField(default=dict)
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        default_permissions = ()
