"""Narrow rows: one for each sample."""

from typing import Any, ClassVar

from django.db import models


class Device(models.Model):
    serial = models.CharField(max_length=120, unique=True)
    read_up_to = models.BigIntegerField(default=0, db_default=0)

    objects: ClassVar[models.Manager[Any]] = models.Manager()

    class Meta:
        app_label = "baseline"


class Token(models.Model):
    key = models.CharField(max_length=80, primary_key=True)

    objects: ClassVar[models.Manager[Any]] = models.Manager()

    class Meta:
        app_label = "baseline"


class Report(models.Model):
    report_id = models.UUIDField(unique=True)
    sent_at = models.DateTimeField()
    received_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[models.Manager[Any]] = models.Manager()

    class Meta:
        app_label = "baseline"


class Sample(models.Model):
    report = models.ForeignKey(Report, models.CASCADE)
    device = models.ForeignKey(Device, models.CASCADE)
    metric = models.CharField(max_length=64)
    instance = models.CharField(max_length=128, blank=True)
    labels = models.JSONField(default=dict)
    value = models.FloatField(null=True)
    state = models.CharField(max_length=32, blank=True)
    at = models.DateTimeField()

    objects: ClassVar[models.Manager[Any]] = models.Manager()

    class Meta:
        app_label = "baseline"
        indexes = [models.Index(fields=["device", "metric", "at"], name="baseline_by_series_and_time")]


class SeriesState(models.Model):
    """What the usual analysis has learnt of one series."""

    device = models.ForeignKey(Device, models.CASCADE)
    metric = models.CharField(max_length=64)
    instance = models.CharField(max_length=128, blank=True)
    labels = models.TextField(blank=True)
    last = models.FloatField(null=True)
    mean = models.FloatField(null=True)
    variance = models.FloatField(default=0.0)
    far = models.IntegerField(default=0)
    state = models.CharField(max_length=32, blank=True)
    at = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager[Any]] = models.Manager()

    class Meta:
        app_label = "baseline"
        constraints = [
            models.UniqueConstraint(fields=["device", "metric", "instance", "labels"], name="baseline_series")
        ]


class Finding(models.Model):
    device = models.ForeignKey(Device, models.CASCADE)
    metric = models.CharField(max_length=64)
    instance = models.CharField(max_length=128, blank=True)
    at = models.DateTimeField()

    objects: ClassVar[models.Manager[Any]] = models.Manager()

    class Meta:
        app_label = "baseline"
