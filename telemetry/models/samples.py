"""Tables of samples, twice: health and traffic never share one, because row-level rules cannot hide a column.

Rows hang on the number of a stay (DeviceStay.number), not on the device, and carry no foreign keys: their only writers
are ingest_accept() and telemetry.samples, their only reader is telemetry.samples. Nobody else knows the tiers.
"""

from typing import Any, ClassVar

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models.functions import Now

from access.models import Organization


class OfStay(models.Model):
    """A row of one customer's stay; who may read it is decided by the stay's site and the table's category."""

    customer = models.ForeignKey(Organization, models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False)
    stay = models.BigIntegerField()

    objects: ClassVar[models.Manager[Any]] = models.Manager()

    class Meta:
        abstract = True
        default_permissions = ()


class SampleRow(OfStay):
    """What one report said about one device at one time: `values` is packed float64, little endian, in the order of the
    layout's series; NaN where this row has none.

    Day partitions by `at`, about two days. `received` is a receipt number: for one device it rises in the order of
    commits (telemetry/migrations/0005), so that the analysis can read on from the last number it saw. The table has no
    unique key: a (series, time) stored twice counts once, the first stays.
    """

    pk = models.CompositePrimaryKey("received", "stay", "at")  # for Django; the database keeps no such index
    at = models.DateTimeField()
    received = models.BigIntegerField()
    layout = models.IntegerField()
    values = models.BinaryField()

    class Meta(OfStay.Meta):
        abstract = True


class HealthSample(SampleRow):
    class Meta(SampleRow.Meta):
        indexes = [models.Index(fields=["stay", "received"], name="health_samples_as_received")]


class TrafficSample(SampleRow):
    class Meta(SampleRow.Meta):
        indexes = [models.Index(fields=["stay", "received"], name="traffic_samples_as_received")]


class LayoutRow(OfStay):
    """The ordered series behind `values`: [metric, instance, [[label, value], …], kind].

    Version 0 lists every series of the stay and only grows at its end; it also serves rows of odd composition.
    Versions above are exact sets and never change. `kind`: gauge, counter, counter32 (the sender said that it wraps),
    state, or start (since when the counter of the same name counts, seconds since 1970).
    `words`, kept with version 0: states of custom metrics, which the vocabulary cannot number, in the order of their
    codes. `interval_s`: the sender's promise, as last heard with this layout.
    """

    pk = models.CompositePrimaryKey("customer_id", "stay", "version")
    version = models.IntegerField()
    series = models.JSONField()
    digest = models.BinaryField(max_length=32)
    size = models.IntegerField()  # series in it, without starts
    words = models.JSONField(default=list)
    interval_s = models.IntegerField(null=True)

    class Meta(OfStay.Meta):
        abstract = True


class HealthLayout(LayoutRow):
    pass


class TrafficLayout(LayoutRow):
    pass


class LatestRow(OfStay):
    """The newest value of each series of layout 0: packed float64 values and times (seconds since 1970)."""

    pk = models.CompositePrimaryKey("customer_id", "stay")
    values = models.BinaryField()
    times = models.BinaryField()
    updated_at = models.DateTimeField(db_default=Now())

    class Meta(OfStay.Meta):
        abstract = True


class HealthLatest(LatestRow):
    pass


class TrafficLatest(LatestRow):
    pass


class BlockRow(OfStay):
    """All samples of one stay and UTC day, compressed (telemetry/samples/codec.py)."""

    pk = models.CompositePrimaryKey("customer_id", "stay", "day")
    day = models.DateField()
    samples = models.IntegerField()
    data = models.BinaryField()

    class Meta(OfStay.Meta):
        abstract = True


class HealthBlock(BlockRow):
    class Meta(BlockRow.Meta):
        indexes = [BrinIndex(fields=["day"], name="health_blocks_by_day", pages_per_range=32)]


class TrafficBlock(BlockRow):
    class Meta(BlockRow.Meta):
        indexes = [BrinIndex(fields=["day"], name="traffic_blocks_by_day", pages_per_range=32)]


class RollupRow(OfStay):
    """24 hours x (min, max, sum, count) of each series of one stay and UTC day; counters as increase per second."""

    pk = models.CompositePrimaryKey("customer_id", "stay", "day")
    day = models.DateField()
    data = models.BinaryField()

    class Meta(OfStay.Meta):
        abstract = True


class HealthRollup(RollupRow):
    class Meta(RollupRow.Meta):
        indexes = [BrinIndex(fields=["day"], name="health_rollups_by_day", pages_per_range=32)]


class TrafficRollup(RollupRow):
    class Meta(RollupRow.Meta):
        indexes = [BrinIndex(fields=["day"], name="traffic_rollups_by_day", pages_per_range=32)]
