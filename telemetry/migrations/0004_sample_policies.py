"""Row-level security on reports, events and samples; day partitions made and dropped by their owner."""

from django.db import migrations

from access.rowlevel import CompositeKey, Protect, one_of
from telemetry.partitioned import MakePartitionsNow, OwnerFunction

OWN = one_of("customer_id", "app_owner()")
PARTITIONED = "ARRAY['telemetry_report:sent_at', 'telemetry_healthsample:at', 'telemetry_trafficsample:at']"


def stays(category: str) -> str:
    return one_of("stay", f"app_stays('{category}')")


def written(category: str) -> str:
    """By jobs of the customer: the analysis and the compaction."""
    return f"app_kind() = 'job' AND {stays(category)}"


# A table of its own first, attached afterwards: that asks for a weaker lock on the parent than CREATE ... PARTITION OF.
MAKE = f"""RETURNS SETOF text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public SET timezone = 'UTC' AS $$
DECLARE
  spec text; parent text; made text; day date;
  today date := (statement_timestamp() AT TIME ZONE 'UTC')::date;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('telemetry day partitions', 0));
  FOREACH spec IN ARRAY {PARTITIONED} LOOP
    parent := split_part(spec, ':', 1);
    FOR day IN SELECT today + g FROM generate_series(-8, least(greatest($1, 1), 30)) g LOOP
      made := parent || to_char(day, '_YYYYMMDD');
      CONTINUE WHEN to_regclass(quote_ident(made)) IS NOT NULL;
      EXECUTE format('CREATE TABLE public.%I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE)', made, parent);
      EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', made);
      EXECUTE format('CREATE POLICY owner_counts ON %I FOR SELECT TO CURRENT_USER USING (true)', made);
      EXECUTE format('REVOKE ALL ON %I FROM sc_app', made);
      IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'sc_backup') THEN
        EXECUTE format('GRANT SELECT ON %I TO sc_backup', made);
      END IF;
      EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                     parent, made, day::timestamptz, (day + 1)::timestamptz);
      RETURN NEXT made;
    END LOOP;
  END LOOP;
END $$"""

# Identities live 30 days, so that no replay falls into a gap behind the 7 days for late reports. A day of samples goes
# when nothing can arrive for it any more, and only once the compaction has emptied it.
DROP = f"""RETURNS SETOF text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public SET timezone = 'UTC' SET lock_timeout = '2s'
AS $$
DECLARE
  spec text; parent text; old text; holds boolean; kept int;
  today date := (statement_timestamp() AT TIME ZONE 'UTC')::date;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('telemetry day partitions', 0));
  FOREACH spec IN ARRAY {PARTITIONED} LOOP
    parent := split_part(spec, ':', 1);
    kept := CASE parent WHEN 'telemetry_report' THEN 30 ELSE 8 END;
    FOR old IN SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
                WHERE i.inhparent = parent::regclass AND right(c.relname, 8) < to_char(today - kept, 'YYYYMMDD') ORDER BY 1 LOOP
      IF parent <> 'telemetry_report' THEN
        EXECUTE format('SELECT EXISTS (SELECT FROM %I)', old) INTO holds;
        CONTINUE WHEN holds;
      END IF;
      EXECUTE format('DROP TABLE %I', old);
      RETURN NEXT old;
    END LOOP;
  END LOOP;
END $$"""

OF_STAY = ("layout", "latest", "block", "rollup")
BOTH = (("health", "view_health"), ("traffic", "view_traffic"))


class Migration(migrations.Migration):
    dependencies = [("telemetry", "0003_reports_and_samples")]

    operations = [
        Protect("telemetry_report", reads=OWN),
        Protect("telemetry_quarantine", reads=OWN, changes=f"app_kind() = 'job' AND {OWN}"),
        Protect("telemetry_factinbox", reads=OWN, removes=f"app_kind() = 'job' AND {OWN}"),
        Protect("telemetry_deviceevent", reads=one_of("site_id", "app_sites('view_health')")),
        *(Protect(f"telemetry_{name}sample", reads=stays(category)) for name, category in BOTH),
        *(Protect(f"telemetry_{name}layout", reads=stays(category)) for name, category in BOTH),
        *(
            Protect(
                f"telemetry_{name}{table}",
                reads=stays(category),
                adds=written(category),
                changes=written(category),
            )
            for name, category in BOTH
            for table in ("latest", "block", "rollup")
        ),
        *(CompositeKey(table, "site_id", "access_site") for table in ("telemetry_deviceevent", "telemetry_factinbox", "telemetry_quarantine")),
        *(CompositeKey(table, "device_id", "telemetry_device") for table in ("telemetry_deviceevent", "telemetry_factinbox")),
        *(
            CompositeKey(f"telemetry_{name}{table}", "stay", "telemetry_devicestay", target_column="number")
            for name, _ in BOTH
            for table in OF_STAY
        ),
        OwnerFunction("make_day_partitions(integer)", MAKE),
        OwnerFunction("drop_old_partitions()", DROP),
        MakePartitionsNow(),
    ]
