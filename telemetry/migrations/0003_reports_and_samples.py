"""Reports, events and the tables of samples. Three of them are partitioned by day: telemetry/partitioned.py."""

import uuid

import django.contrib.postgres.indexes
import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.manager
from django.db import migrations, models

from telemetry.partitioned import CreatePartitioned


class Migration(migrations.Migration):
    dependencies = [
        ("access", "0007_preview"),
        ("telemetry", "0002_policies"),
    ]

    operations = [
        migrations.CreateModel(
            name="HealthLatest",
            fields=[
                ("stay", models.BigIntegerField()),
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "customer_id", "stay", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("values", models.BinaryField()),
                ("times", models.BinaryField()),
                ("updated_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "customer",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="access.organization",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="HealthLayout",
            fields=[
                ("stay", models.BigIntegerField()),
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "customer_id", "stay", "version", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("version", models.IntegerField()),
                ("series", models.JSONField()),
                ("digest", models.BinaryField(max_length=32)),
                ("size", models.IntegerField()),
                ("words", models.JSONField(default=list)),
                ("interval_s", models.IntegerField(null=True)),
                (
                    "customer",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="access.organization",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "default_permissions": (),
            },
        ),
        CreatePartitioned(
            name="Report",
            column="sent_at",
            keyed=True,
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "customer_id",
                        "sender_id",
                        "report_id",
                        "sent_at",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("sender_id", models.UUIDField()),
                ("report_id", models.UUIDField()),
                ("sent_at", models.DateTimeField()),
                ("received_at", models.DateTimeField()),
                ("sender_kind", models.PositiveSmallIntegerField(choices=[(0, "Device"), (1, "Collector")])),
                ("sha256", models.BinaryField(max_length=32)),
                ("format", models.CharField(max_length=16)),
                ("devices", models.IntegerField()),
                ("samples", models.IntegerField()),
                ("events", models.IntegerField()),
                ("seq", models.BigIntegerField(null=True)),
                ("boot_id", models.CharField(max_length=64, null=True)),
                ("clock_adjusted", models.BooleanField(default=False)),
                (
                    "customer",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="access.organization",
                    ),
                ),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="TrafficLatest",
            fields=[
                ("stay", models.BigIntegerField()),
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "customer_id", "stay", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("values", models.BinaryField()),
                ("times", models.BinaryField()),
                ("updated_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "customer",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="access.organization",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="TrafficLayout",
            fields=[
                ("stay", models.BigIntegerField()),
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "customer_id", "stay", "version", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("version", models.IntegerField()),
                ("series", models.JSONField()),
                ("digest", models.BinaryField(max_length=32)),
                ("size", models.IntegerField()),
                ("words", models.JSONField(default=list)),
                ("interval_s", models.IntegerField(null=True)),
                (
                    "customer",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="access.organization",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="DeviceEvent",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("stay", models.BigIntegerField(editable=False)),
                ("at", models.DateTimeField()),
                ("received_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("received", models.BigIntegerField(editable=False)),
                ("severity", models.PositiveSmallIntegerField()),
                ("code", models.CharField(blank=True, max_length=64)),
                ("component", models.CharField(blank=True, max_length=128)),
                ("text", models.TextField(max_length=4000)),
                ("dedupe_id", models.CharField(max_length=128)),
                (
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="access.organization"
                    ),
                ),
                (
                    "device",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="telemetry.device",
                    ),
                ),
                (
                    "site",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="access.site",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "default_permissions": (),
                "base_manager_name": "unscoped",
                "indexes": [
                    models.Index(fields=["device", "-at"], name="events_of_a_device_newest"),
                    models.Index(fields=["stay", "received"], name="events_of_a_stay_as_received"),
                    django.contrib.postgres.indexes.BrinIndex(fields=["received_at"], name="events_by_receipt"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("customer", "device", "dedupe_id"), name="one_event_per_device_and_id"
                    )
                ],
            },
            managers=[
                ("objects", django.db.models.manager.Manager()),
                ("unscoped", django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name="FactInbox",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("received", models.BigIntegerField(editable=False)),
                ("received_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("digest", models.BinaryField(max_length=32)),
                ("facts", models.JSONField()),
                (
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="access.organization"
                    ),
                ),
                (
                    "device",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="telemetry.device",
                    ),
                ),
                (
                    "site",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="access.site",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "default_permissions": (),
                "base_manager_name": "unscoped",
                "indexes": [models.Index(fields=["device", "received"], name="facts_of_a_device_in_order")],
            },
            managers=[
                ("objects", django.db.models.manager.Manager()),
                ("unscoped", django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name="HealthBlock",
            fields=[
                ("stay", models.BigIntegerField()),
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "customer_id", "stay", "day", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("day", models.DateField()),
                ("samples", models.IntegerField()),
                ("data", models.BinaryField()),
                (
                    "customer",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="access.organization",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "default_permissions": (),
                "indexes": [
                    django.contrib.postgres.indexes.BrinIndex(
                        fields=["day"], name="health_blocks_by_day", pages_per_range=32
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="HealthRollup",
            fields=[
                ("stay", models.BigIntegerField()),
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "customer_id", "stay", "day", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("day", models.DateField()),
                ("data", models.BinaryField()),
                (
                    "customer",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="access.organization",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "default_permissions": (),
                "indexes": [
                    django.contrib.postgres.indexes.BrinIndex(
                        fields=["day"], name="health_rollups_by_day", pages_per_range=32
                    )
                ],
            },
        ),
        CreatePartitioned(
            name="HealthSample",
            column="at",
            keyed=False,
            fields=[
                ("stay", models.BigIntegerField()),
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "received", "stay", "at", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("at", models.DateTimeField()),
                ("received", models.BigIntegerField()),
                ("layout", models.IntegerField()),
                ("values", models.BinaryField()),
                (
                    "customer",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="access.organization",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "default_permissions": (),
                "indexes": [models.Index(fields=["stay", "received"], name="health_samples_as_received")],
            },
        ),
        migrations.CreateModel(
            name="Quarantine",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("key_id", models.CharField(max_length=12)),
                ("format", models.CharField(max_length=16)),
                ("content_type", models.CharField(max_length=80)),
                ("received_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("source_clock", models.DateTimeField(null=True)),
                ("error", models.CharField(max_length=300)),
                ("sha256", models.BinaryField(max_length=32)),
                ("body", models.BinaryField()),
                ("tries", models.PositiveSmallIntegerField(default=1)),
                ("decoded_at", models.DateTimeField(null=True)),
                (
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="access.organization"
                    ),
                ),
                (
                    "site",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="access.site",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "default_permissions": (),
                "base_manager_name": "unscoped",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("customer", "sha256", "key_id"), name="one_quarantined_copy_of_a_body"
                    )
                ],
            },
            managers=[
                ("objects", django.db.models.manager.Manager()),
                ("unscoped", django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name="TrafficBlock",
            fields=[
                ("stay", models.BigIntegerField()),
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "customer_id", "stay", "day", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("day", models.DateField()),
                ("samples", models.IntegerField()),
                ("data", models.BinaryField()),
                (
                    "customer",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="access.organization",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "default_permissions": (),
                "indexes": [
                    django.contrib.postgres.indexes.BrinIndex(
                        fields=["day"], name="traffic_blocks_by_day", pages_per_range=32
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="TrafficRollup",
            fields=[
                ("stay", models.BigIntegerField()),
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "customer_id", "stay", "day", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("day", models.DateField()),
                ("data", models.BinaryField()),
                (
                    "customer",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="access.organization",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "default_permissions": (),
                "indexes": [
                    django.contrib.postgres.indexes.BrinIndex(
                        fields=["day"], name="traffic_rollups_by_day", pages_per_range=32
                    )
                ],
            },
        ),
        CreatePartitioned(
            name="TrafficSample",
            column="at",
            keyed=False,
            fields=[
                ("stay", models.BigIntegerField()),
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "received", "stay", "at", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("at", models.DateTimeField()),
                ("received", models.BigIntegerField()),
                ("layout", models.IntegerField()),
                ("values", models.BinaryField()),
                (
                    "customer",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="access.organization",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "default_permissions": (),
                "indexes": [models.Index(fields=["stay", "received"], name="traffic_samples_as_received")],
            },
        ),
    ]
