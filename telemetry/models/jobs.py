"""The queue of record. Celery only says "there is work of kind K"; what is to be done stands here."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from access.models import Category, TenantModel
from access.models.tenancy import UnscopedManager


class JobState(models.TextChoices):
    READY = "ready", "Ready"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    DEAD = "dead", "Given up"
    CANCELLED = "cancelled", "Cancelled"


class Job(TenantModel):
    """Work to do for one organization, written in the transaction that made it necessary."""

    SITE_PATH = "pk"  # never read for a person: there is no door to it
    CATEGORY = Category.ANY

    kind = models.CharField(max_length=40)
    ref = models.UUIDField()
    dedupe_key = models.CharField(max_length=160)
    payload = models.JSONField(default=dict)  # ids and numbers only
    state = models.CharField(max_length=9, choices=JobState.choices, default=JobState.READY)
    run_at = models.DateTimeField(db_default=Now())
    lease_until = models.DateTimeField(null=True, blank=True)
    token = models.UUIDField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    max_attempts = models.PositiveSmallIntegerField(default=5)
    last_error = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[Any] = UnscopedManager()

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["customer", "kind", "dedupe_key"], name="one_job_per_kind_and_key")
        ]
        indexes = [
            # Read by claim_jobs(); stays small however long history grows.
            models.Index(fields=["kind", "run_at"], condition=Q(state__in=["ready", "running"]), name="job_claimable"),
        ]


class AnalysisDue(models.Model):
    """There are samples of this device that no detector has seen: one row per device however many reports wait."""

    device = models.OneToOneField(
        "telemetry.Device", models.PROTECT, primary_key=True, related_name="+", db_constraint=False
    )
    customer = models.ForeignKey("access.Organization", models.PROTECT, related_name="+")
    touched = models.BigIntegerField(default=0)
    since = models.DateTimeField(db_default=Now())
    oldest = models.DateTimeField(null=True, blank=True)  # no news of it is of before; null: nobody knows
    run_at = models.DateTimeField(db_default=Now())
    lease_until = models.DateTimeField(null=True, blank=True)
    token = models.UUIDField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    last_error = models.CharField(max_length=300, blank=True)

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["run_at"], name="analysis_oldest_first")]
