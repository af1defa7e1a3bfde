"""What happened: changes (audit journal) and looks (viewing log). Rows are only ever added; chains show any change."""

import uuid
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import QuerySet
from django.db.models.functions import Now

from access.models.identity import Organization
from access.models.tenancy import Category

if TYPE_CHECKING:
    from access.viewer import Viewer


class JournalQuerySet[J: models.Model](QuerySet[J]):
    def visible_to(self, viewer: "Viewer") -> QuerySet[J]:
        """A customer sees its own journal; nobody else does."""
        if viewer.is_customer or viewer.is_partner:
            return self.filter(customer=viewer.organization_id)
        return self.none()


class AuditEntry(models.Model):
    """One change of rights, people, keys, destinations or contracts, in the journal of the organization it concerns.

    `seq`, `prev_hash` and `hash` are set by a trigger of the database, which also refuses UPDATE, DELETE and TRUNCATE.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    customer = models.ForeignKey(Organization, models.PROTECT, related_name="+")
    seq = models.BigIntegerField(null=True, editable=False)
    at = models.DateTimeField(db_default=Now())
    actor_id = models.UUIDField(null=True)
    actor_name = models.CharField(max_length=160)
    actor_organization = models.CharField(max_length=120)
    action = models.CharField(max_length=60)
    object_kind = models.CharField(max_length=40)
    object_id = models.CharField(max_length=64)
    object_words = models.CharField(max_length=300)
    before = models.TextField(default="{}")  # canonical JSON as text: the hash covers these very characters
    after = models.TextField(default="{}")
    prev_hash = models.BinaryField(null=True, editable=False)
    hash = models.BinaryField(null=True, editable=False)

    objects: ClassVar[models.Manager["AuditEntry"]] = models.Manager.from_queryset(JournalQuerySet)()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["customer", "seq"], name="audit_numbers_have_no_twins")]
        indexes = [models.Index(fields=["customer", "-at"], name="audit_newest_first")]


class Way(models.TextChoices):
    PAGE = "page", "Page"
    API = "api", "API"
    EMAIL = "email", "E-mail"
    WEBHOOK = "webhook", "Webhook"
    REPORT = "report", "Report"
    EXPORT = "export", "Export"
    PREVIEW = "preview", "Preview"


class ViewingQuerySet(QuerySet["ViewingEntry"]):
    def visible_to(self, viewer: "Viewer") -> "ViewingQuerySet":
        """A customer sees all looks at its data; a partner its own organization's; staff none here."""
        if viewer.is_customer:
            return self.filter(customer=viewer.organization_id)
        if viewer.is_partner:
            return self.filter(looker=viewer.organization_id)
        return self.none()


class ViewingEntry(models.Model):
    """One look by a partner, a service account or staff, written in the transaction of the read."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    number = models.BigIntegerField(db_default=models.Value(0), editable=False)  # identity column, see the migration
    customer = models.ForeignKey(Organization, models.PROTECT, related_name="+")
    at = models.DateTimeField(db_default=Now())
    person_id = models.UUIDField(null=True)
    person_name = models.CharField(max_length=160, null=True)  # noqa: DJ001 - null: replaced after 25 months
    person_digest = models.BinaryField(max_length=32)  # sha256(salt + name): the chain covers this, not the name
    person_salt = models.BinaryField(max_length=16)
    looker = models.ForeignKey(Organization, models.PROTECT, null=True, related_name="+")  # null: SmartCare staff
    looker_name = models.CharField(max_length=120)
    way = models.CharField(max_length=8, choices=Way.choices)
    category = models.CharField(max_length=13, choices=Category.choices)
    site = models.ForeignKey("access.Site", models.PROTECT, null=True, related_name="+", db_constraint=False)
    object_kind = models.CharField(max_length=40)
    object_words = models.CharField(max_length=300)
    object_ids = ArrayField(models.CharField(max_length=16), default=list)
    count = models.PositiveIntegerField(default=1)
    grant = models.ForeignKey("access.Grant", models.PROTECT, null=True, related_name="+", db_constraint=False)
    staff_permission = models.ForeignKey(
        "access.StaffPermission", models.PROTECT, null=True, related_name="+", db_constraint=False
    )
    purpose = models.CharField(max_length=300, blank=True)
    outcome = models.CharField(max_length=40, blank=True)  # pushes: "delivered" or "may have been delivered"
    request_id = models.CharField(max_length=36, blank=True)

    objects: ClassVar[models.Manager["ViewingEntry"]] = models.Manager.from_queryset(ViewingQuerySet)()

    class Meta:
        default_permissions = ()
        indexes = [
            models.Index(fields=["customer", "-at"], name="looks_newest_first"),
            models.Index(fields=["looker", "-at"], name="looks_of_one_partner"),
        ]

    def is_among(self, held: Mapping[uuid.UUID, Collection[Category]]) -> bool:
        """Whether its object may be named to a partner that holds these kinds of data, by site, now."""
        kinds = held.get(self.site_id) if self.site_id else None
        return kinds is not None and (self.category == Category.ANY or Category(self.category) in kinds)


class Seal(models.Model):
    """Link of the hash chain over a customer's viewing log: entry number `seq` and everything before it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    customer = models.ForeignKey(Organization, models.PROTECT, related_name="+")
    seq = models.BigIntegerField()
    entry = models.ForeignKey(ViewingEntry, models.PROTECT, related_name="+", db_constraint=False)
    sealed_at = models.DateTimeField(db_default=Now())
    prev_hash = models.BinaryField()
    hash = models.BinaryField()

    objects: ClassVar[models.Manager["Seal"]] = models.Manager.from_queryset(JournalQuerySet)()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["customer", "seq"], name="seal_numbers_have_no_twins"),
            models.UniqueConstraint(fields=["customer", "entry"], name="an_entry_is_sealed_once"),
        ]


class UnsealedLook(models.Model):
    """A look that waits for its seal: the work list of the sealing sweep, written by a trigger and emptied by the seal."""

    id = models.UUIDField(primary_key=True, editable=False)  # of the ViewingEntry
    customer = models.ForeignKey(Organization, models.PROTECT, related_name="+")
    number = models.BigIntegerField()
    at = models.DateTimeField()

    objects: ClassVar[models.Manager["UnsealedLook"]] = models.Manager.from_queryset(JournalQuerySet)()

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["customer", "number"], name="looks_to_seal_in_order")]


class Anchor(models.Model):
    """The heads of an organization's two chains on one day, signed with a key that is not in the database.

    Whoever rewrites a chain from some row on, or cuts its end, cannot make it agree with yesterday's anchor.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    customer = models.ForeignKey(Organization, models.PROTECT, related_name="+")
    number = models.BigIntegerField()  # 1, 2, 3, … per customer: a missing one shows
    day = models.DateField()
    audit_seq = models.BigIntegerField()
    audit_hash = models.BinaryField(max_length=32)
    looks_seq = models.BigIntegerField()
    looks_hash = models.BinaryField(max_length=32)
    made_at = models.DateTimeField()
    signature = models.BinaryField(max_length=32)

    objects: ClassVar[models.Manager["Anchor"]] = models.Manager.from_queryset(JournalQuerySet)()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["customer", "number"], name="anchor_numbers_have_no_twins"),
            models.UniqueConstraint(fields=["customer", "day"], name="one_anchor_a_day"),
        ]


class OwnReadSummary(models.Model):
    """The customer's own reads: one row per person, day and category, with a count."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    customer = models.ForeignKey(Organization, models.PROTECT, related_name="+")
    person_id = models.UUIDField(null=True)
    person_name = models.CharField(max_length=160)
    day = models.DateField()
    category = models.CharField(max_length=13, choices=Category.choices)
    reads = models.PositiveIntegerField(default=1)

    objects: ClassVar[models.Manager["OwnReadSummary"]] = models.Manager.from_queryset(JournalQuerySet)()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["customer", "person_id", "day", "category"], name="one_summary_a_person_and_day"
            )
        ]
