"""Staff see nothing by default; this row is the exception the customer gave (lockbox) or was told of (break-glass)."""

import uuid
from datetime import timedelta
from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from access.models.identity import Organization, User, public_id
from access.models.tenancy import SHAREABLE, UnscopedManager


def staff_public_id() -> str:
    return public_id("sp")


class StaffWay(models.TextChoices):
    LOCKBOX = "lockbox", "Allowed by the customer"
    BREAK_GLASS = "break_glass", "Emergency"


class StaffState(models.TextChoices):
    WAITING = "waiting", "Waiting for the customer"
    ALLOWED = "allowed", "Allowed"
    DECLINED = "declined", "Declined"
    LAPSED = "lapsed", "Lapsed"
    ENDED = "ended", "Ended"


class StaffPermission(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    public_id = models.CharField(max_length=16, unique=True, default=staff_public_id, editable=False)
    customer = models.ForeignKey(Organization, models.PROTECT, related_name="+")
    user = models.ForeignKey(User, models.PROTECT, related_name="+")
    way = models.CharField(max_length=11, choices=StaffWay.choices)
    state = models.CharField(max_length=8, choices=StaffState.choices, default=StaffState.WAITING)
    all_sites = models.BooleanField(default=False)
    sites = ArrayField(models.UUIDField(), default=list)
    categories = ArrayField(models.CharField(max_length=13, choices=[(c.value, c.label) for c in SHAREABLE]))
    case = models.CharField(max_length=40, blank=True)
    reason = models.TextField(max_length=1000)
    hours = models.PositiveSmallIntegerField()
    asked_at = models.DateTimeField(auto_now_add=True)
    lapses_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True, blank=True)
    answered_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    starts_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    reviewed_at = models.DateTimeField(null=True, blank=True)
    reviewed_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    review = models.TextField(max_length=2000, blank=True)

    objects: ClassVar[models.Manager["StaffPermission"]] = models.Manager()
    unscoped: ClassVar[UnscopedManager[Any]] = UnscopedManager()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["customer", "id"], name="staff_permission_key_with_its_customer"),
            models.CheckConstraint(
                condition=Q(starts_at=None)
                | Q(way="lockbox", expires_at__lte=F("starts_at") + timedelta(hours=72))
                | Q(way="break_glass", expires_at__lte=F("starts_at") + timedelta(hours=4)),
                name="staff_access_ends_by_itself",
            ),
            models.CheckConstraint(
                condition=Q(starts_at=None) | Q(way="break_glass") | Q(answered_by__isnull=False),
                name="a_lockbox_opens_only_with_an_answer",
            ),
        ]
