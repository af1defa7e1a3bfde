"""What came in, as rows: identities of reports, events, facts that wait for the worker, bodies nobody could read."""

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models.functions import Now

from access.models import Category, Organization, Site, TenantModel
from telemetry.models.devices import Collector, Device


class SenderKind(models.IntegerChoices):
    DEVICE = 0, "Device"
    COLLECTOR = 1, "Collector"


class Report(models.Model):
    """That a report was accepted, with its hash and the counts of its answer: proof for a sender that asks again.

    The customer's own; day partitions by `sent_at`, kept 30 days. Written by ingest_accept() alone. `sent_at` is the
    sender's own time before any correction, equal on every try; `sender` a device or a collector, whichever its key.
    """

    pk = models.CompositePrimaryKey("customer_id", "sender_id", "report_id", "sent_at")
    customer = models.ForeignKey(Organization, models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False)
    sender_id = models.UUIDField()
    report_id = models.UUIDField()
    sent_at = models.DateTimeField()
    received_at = models.DateTimeField()
    sender_kind = models.PositiveSmallIntegerField(choices=SenderKind.choices)
    sha256 = models.BinaryField(max_length=32)
    format = models.CharField(max_length=16)
    devices = models.IntegerField()
    samples = models.IntegerField()
    events = models.IntegerField()
    seq = models.BigIntegerField(null=True)
    boot_id = models.CharField(max_length=64, null=True)  # noqa: DJ001 - absent is not empty
    clock_adjusted = models.BooleanField(default=False)

    class Meta:
        default_permissions = ()


class DeviceEvent(TenantModel):
    """Something a device said happened; at the site where it was then. Written by ingest_accept() alone."""

    SITE_PATH = "site"
    CATEGORY = Category.HEALTH

    site = models.ForeignKey(Site, models.PROTECT, related_name="+", db_constraint=False)
    device = models.ForeignKey(Device, models.PROTECT, related_name="+", db_constraint=False)
    stay = models.BigIntegerField(editable=False)
    at = models.DateTimeField()
    received_at = models.DateTimeField(db_default=Now())
    received = models.BigIntegerField(editable=False)  # receipt number, the analysis reads on from there
    severity = models.PositiveSmallIntegerField()  # 0 emergency … 7 debug, RFC 5424
    code = models.CharField(max_length=64, blank=True)
    component = models.CharField(max_length=128, blank=True)
    text = models.TextField(max_length=4000)
    dedupe_id = models.CharField(max_length=128)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["customer", "device", "dedupe_id"], name="one_event_per_device_and_id"),
        ]
        indexes = [
            models.Index(fields=["device", "-at"], name="events_of_a_device_newest"),
            models.Index(fields=["stay", "received"], name="events_of_a_stay_as_received"),
            BrinIndex(fields=["received_at"], name="events_by_receipt"),
        ]


class FactInbox(TenantModel):
    """Facts about a device that were stored with a report and wait for the worker, telemetry.facts. Customer only."""

    SITE_PATH = "site"
    CATEGORY = Category.ANY
    CUSTOMER_ONLY = True

    site = models.ForeignKey(Site, models.PROTECT, related_name="+", db_constraint=False)
    device = models.ForeignKey(Device, models.PROTECT, related_name="+", db_constraint=False)
    received = models.BigIntegerField(editable=False)
    received_at = models.DateTimeField(db_default=Now())
    digest = models.BinaryField(max_length=32)
    facts = models.JSONField()

    class Meta(TenantModel.Meta):
        indexes = [models.Index(fields=["device", "received"], name="facts_of_a_device_in_order")]


class Quarantine(TenantModel):
    """A body that made a decoder fail: kept as it came, answered with success, decoded again after the fix.

    The customer's own. `body` is the decompressed body under zstd; `decoded_at` is set once a decoder could read it.
    """

    SITE_PATH = "site"
    CATEGORY = Category.ANY
    CUSTOMER_ONLY = True

    site = models.ForeignKey(Site, models.PROTECT, related_name="+", db_constraint=False)
    key_id = models.CharField(max_length=12)
    format = models.CharField(max_length=16)
    content_type = models.CharField(max_length=80)
    received_at = models.DateTimeField(db_default=Now())
    source_clock = models.DateTimeField(null=True)
    error = models.CharField(max_length=300)
    sha256 = models.BinaryField(max_length=32)
    body = models.BinaryField()
    tries = models.PositiveSmallIntegerField(default=1)
    decoded_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["customer", "sha256", "key_id"], name="one_quarantined_copy_of_a_body"),
        ]


class Refusal(TenantModel):
    """That reports of a key were refused, and why: one row for each key, door and reason, however often it happens.

    The customer's own: whose key was presented, also with a wrong secret. Neither bodies nor secrets; `place` names a
    field of our own formats. Written by ingest_refused() alone, which keeps the newest 500 of a customer, for 30 days.
    """

    SITE_PATH = "site"
    CATEGORY = Category.ANY
    CUSTOMER_ONLY = True

    site = models.ForeignKey(Site, models.PROTECT, related_name="+", db_constraint=False)
    device = models.ForeignKey(Device, models.PROTECT, null=True, related_name="+", db_constraint=False)
    collector = models.ForeignKey(Collector, models.PROTECT, null=True, related_name="+", db_constraint=False)
    key_id = models.CharField(max_length=12)
    format = models.CharField(max_length=16)
    code = models.CharField(max_length=32)
    status = models.PositiveSmallIntegerField()  # of the answer: an exporter was told 200 when every point was refused
    place = models.CharField(max_length=120, blank=True)
    first_at = models.DateTimeField(db_default=Now())
    last_at = models.DateTimeField(db_default=Now())
    times = models.BigIntegerField()

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["customer", "key_id", "format", "code"], name="one_refusal_per_key_door_and_reason"
            ),
        ]
        indexes = [models.Index(fields=["customer", "-last_at"], name="refusals_newest")]
