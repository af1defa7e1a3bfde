"""Refused reports, for the customer whose key was presented: bounded, without bodies and secrets, hidden from everybody else."""

import uuid
from importlib import import_module

import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.manager
from django.db import migrations, models

from access.rowlevel import CompositeKey, DefinerFunction, Lend, Protect, Redefine, one_of

FORGET = import_module("telemetry.migrations.0006_ingest_layouts").FORGET
OWN = one_of("customer_id", "app_owner()")

# The customer comes from the key on record; a key id that is on nobody's record leaves nothing. In the order of the unique
# index, so that processes that tell of the same keys wait for each other, never in a ring; the clean-up waits for nobody.
REFUSED = """RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public SET lock_timeout = '2s' AS $$
DECLARE
  told integer;
BEGIN
  INSERT INTO telemetry_refusal AS known (id, customer_id, site_id, device_id, collector_id, key_id, format, code, status, place,
                                          first_at, last_at, times)
  SELECT gen_random_uuid(), k.customer_id, coalesce(d.site_id, c.site_id, k.site_id), k.device_id, k.collector_id, k.key_id,
         s.format, s.code, s.status, s.place, statement_timestamp(), statement_timestamp(), s.times
    FROM unnest(said_key, said_format, said_code, said_status, said_place, said_times) AS s (key, format, code, status, place, times)
    JOIN telemetry_devicekey k ON k.key_id = s.key
    LEFT JOIN telemetry_device d ON d.id = k.device_id
    LEFT JOIN telemetry_collector c ON c.id = k.collector_id
   ORDER BY k.customer_id, k.key_id, s.format, s.code
  ON CONFLICT (customer_id, key_id, format, code) DO UPDATE SET site_id = excluded.site_id, status = excluded.status,
     place = excluded.place, last_at = excluded.last_at, times = known.times + excluded.times;
  GET DIAGNOSTICS told = ROW_COUNT;
  IF told > 0 THEN
    DELETE FROM telemetry_refusal WHERE id = ANY (ARRAY(
      SELECT beyond.id FROM (SELECT DISTINCT k.customer_id FROM telemetry_devicekey k WHERE k.key_id = ANY (said_key)) asked
       CROSS JOIN LATERAL (SELECT r.id FROM telemetry_refusal r WHERE r.customer_id = asked.customer_id
          ORDER BY r.last_at DESC, r.id OFFSET 500 FOR UPDATE SKIP LOCKED) beyond));
  END IF;
  RETURN told;
END $$"""

LAST = "DELETE FROM telemetry_quarantine"
FORGET_THESE_TOO = FORGET.replace(
    LAST,
    "DELETE FROM telemetry_refusal WHERE last_at < today - 30; GET DIAGNOSTICS gone = ROW_COUNT; total := total + gone;\n  " + LAST,
)


def reference(to: str, *, null: bool = False) -> models.ForeignKey:
    return models.ForeignKey(
        db_constraint=False, null=null, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=to
    )


class Migration(migrations.Migration):
    dependencies = [("telemetry", "0006_ingest_layouts")]

    operations = [
        migrations.CreateModel(
            name="Refusal",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("key_id", models.CharField(max_length=12)),
                ("format", models.CharField(max_length=16)),
                ("code", models.CharField(max_length=32)),
                ("status", models.PositiveSmallIntegerField()),
                ("place", models.CharField(blank=True, max_length=120)),
                ("first_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("last_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("times", models.BigIntegerField()),
                (
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="access.organization"
                    ),
                ),
                ("site", reference("access.site")),
                ("device", reference("telemetry.device", null=True)),
                ("collector", reference("telemetry.collector", null=True)),
            ],
            options={
                "abstract": False,
                "default_permissions": (),
                "base_manager_name": "unscoped",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("customer", "key_id", "format", "code"), name="one_refusal_per_key_door_and_reason"
                    )
                ],
                "indexes": [models.Index(fields=["customer", "-last_at"], name="refusals_newest")],
            },
            managers=[
                ("objects", django.db.models.manager.Manager()),
                ("unscoped", django.db.models.manager.Manager()),
            ],
        ),
        Protect("telemetry_refusal", reads=OWN),
        CompositeKey("telemetry_refusal", "site_id", "access_site"),
        CompositeKey("telemetry_refusal", "device_id", "telemetry_device"),
        CompositeKey("telemetry_refusal", "collector_id", "telemetry_collector"),
        Lend("telemetry_refusal", "sc_ingest", rights="SELECT, INSERT, UPDATE, DELETE"),
        DefinerFunction(
            "ingest_refused(said_key text[], said_format text[], said_code text[], said_status int[], said_place text[],"
            " said_times bigint[])",
            "sc_ingest",
            REFUSED,
        ),
        Redefine("forget_old_rows()", "sc_ingest", FORGET_THESE_TOO, former=FORGET),
    ]
