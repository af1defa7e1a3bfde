"""T1: the functions behind the front door. They run as sc_ingest, so the door's own connection can read no tenant's row.

The order inside ingest_accept() carries its promises:
1. identities first, in the order of their key: two processes with the same reports wait for each other, never in a ring;
2. then the work flag of each device, in the order of the devices. Whoever holds a device's flag holds it until commit;
3. only then the receipt number. So for one device numbers become visible in their own order, and the analysis may read
   on from the last number it saw. Over all devices they do not: there is no cursor for that.
"""

from django.db import migrations

from access.rowlevel import DefinerFunction, Lend, Sql

ASKS = "LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public"
ACTS = "LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public"


class ReceiptNumbers(Sql):
    forwards = (
        "CREATE SEQUENCE telemetry_receipt",
        "GRANT USAGE ON SEQUENCE telemetry_receipt, telemetry_devicestay_number TO sc_ingest",
        # The compaction takes rows for its customers only; the policies' own functions decide which those are.
        "GRANT EXECUTE ON FUNCTION app_stays(text), app_kind() TO sc_ingest",
    )
    backwards = (
        "REVOKE EXECUTE ON FUNCTION app_stays(text), app_kind() FROM sc_ingest",
        "REVOKE USAGE ON SEQUENCE telemetry_devicestay_number FROM sc_ingest",
        "DROP SEQUENCE telemetry_receipt",
    )


class RoomForUpdates(Sql):
    """The flag is raised with every report: leave room on its pages, and clean them often."""

    forwards = (
        "ALTER TABLE telemetry_analysisdue SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02,"
        " autovacuum_vacuum_threshold = 1000)",
    )
    backwards = ("ALTER TABLE telemetry_analysisdue RESET (fillfactor, autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold)",)


FIND_KEY = f"""RETURNS TABLE (key uuid, customer uuid, site uuid, sender uuid, collector boolean, channel text, digest bytea,
  refused boolean, custom boolean, device_public_id text, stay bigint, devices bigint, vendor text, serial text, mac text,
  hostname text, address text, model text, no_inventory boolean)
{ASKS} ROWS 1 AS $$
SELECT k.id, k.customer_id, coalesce(d.site_id, c.site_id, k.site_id), coalesce(k.device_id, k.collector_id),
       k.collector_id IS NOT NULL, k.channel::text, k.digest,
       k.revoked_at IS NOT NULL OR d.retired_at IS NOT NULL OR c.retired_at IS NOT NULL OR o.status <> 'active',
       o.allow_custom_metrics, d.public_id::text, d.stay_number,
       CASE WHEN c.id IS NULL THEN 1 ELSE (SELECT count(*) FROM telemetry_device n WHERE n.customer_id = k.customer_id
         AND n.site_id = c.site_id AND n.retired_at IS NULL) END,
       i.vendor::text, i.serial::text, i.mac::text, i.hostname::text, i.address::text, i.model::text, i.facts_hash IS NULL
  FROM telemetry_devicekey k
  JOIN access_organization o ON o.id = k.customer_id
  LEFT JOIN telemetry_device d ON d.id = k.device_id
  LEFT JOIN telemetry_collector c ON c.id = k.collector_id
  LEFT JOIN telemetry_deviceinventory i ON i.device_id = d.id
 WHERE k.key_id = wanted $$"""

KEY_USED = f"""RETURNS void {ACTS} AS $$
BEGIN
  UPDATE telemetry_devicekey SET last_used_at = statement_timestamp()
   WHERE id = wanted AND (last_used_at IS NULL OR last_used_at < statement_timestamp() - interval '10 min');
END $$"""

# Generic plans: with every call planned anew for its arrays, planning over the partitions was 3/4 of the cost.
# Returns a row for each report that was not stored: 1 the same was stored before, 2 another one was stored under its id,
# 3 its key is no longer valid, 4 a device of it has moved or left meanwhile, or the key's holder or customer is no more.
ACCEPT = f"""RETURNS TABLE (n bigint, verdict integer, devices integer, samples integer, events integer)
{ACTS} SET lock_timeout = '2s' SET plan_cache_mode = force_generic_plan ROWS 1 AS $$
#variable_conflict use_column
DECLARE
  stored bigint[];
  number bigint;
BEGIN
  WITH incoming AS (
    SELECT i.*, k.customer_id, coalesce(k.device_id, k.collector_id) AS sender_id, k.collector_id IS NOT NULL AS collector
      FROM unnest(r_key, r_id, r_sent_at, r_sha256, r_format, r_devices, r_samples, r_events, r_seq, r_boot, r_adjusted, r_own_id)
           WITH ORDINALITY AS i (key, report_id, sent_at, sha256, format, devices, samples, events, seq, boot, adjusted, own_id, n)
      JOIN telemetry_devicekey k ON k.id = i.key AND k.revoked_at IS NULL
      JOIN access_organization o ON o.id = k.customer_id AND o.status = 'active'
      LEFT JOIN telemetry_collector c ON c.id = k.collector_id
     WHERE c.retired_at IS NULL
  ), moved AS (
    SELECT t.n FROM unnest(d_of, d_device, d_stay) AS t (n, device, stay) JOIN incoming i ON i.n = t.n
     WHERE NOT EXISTS (SELECT FROM telemetry_device d WHERE d.id = t.device AND d.customer_id = i.customer_id
                          AND d.stay_number = t.stay AND d.retired_at IS NULL)
  ), first AS (
    SELECT DISTINCT ON (i.customer_id, i.sender_id, i.report_id) i.* FROM incoming i
     WHERE i.n NOT IN (SELECT m.n FROM moved m)
       AND NOT (i.own_id AND EXISTS (SELECT FROM telemetry_report r WHERE r.customer_id = i.customer_id
             AND r.sender_id = i.sender_id AND r.report_id = i.report_id AND r.sent_at <> i.sent_at))
     ORDER BY i.customer_id, i.sender_id, i.report_id, i.n
  ), put AS (
    INSERT INTO telemetry_report (customer_id, sender_id, report_id, sent_at, received_at, sender_kind, sha256, format,
                                  devices, samples, events, seq, boot_id, clock_adjusted)
    SELECT f.customer_id, f.sender_id, f.report_id, f.sent_at, statement_timestamp(), f.collector::int, f.sha256, f.format,
           f.devices, f.samples, f.events, f.seq, f.boot, f.adjusted FROM first f
    ON CONFLICT (customer_id, sender_id, report_id, sent_at) DO NOTHING
    RETURNING customer_id, sender_id, report_id
  )
  SELECT array_agg(f.n) INTO stored FROM first f JOIN put p
      ON p.customer_id = f.customer_id AND p.sender_id = f.sender_id AND p.report_id = f.report_id;

  IF stored IS NOT NULL THEN
    INSERT INTO telemetry_analysisdue (device_id, customer_id, touched, since, run_at, attempts, last_error)
    SELECT DISTINCT t.device, r_customer[t.n], 1, statement_timestamp(), statement_timestamp(), 0, ''
      FROM unnest(d_of, d_device) AS t (n, device) WHERE t.n = ANY (stored) ORDER BY 1
    ON CONFLICT (device_id) DO UPDATE SET touched = telemetry_analysisdue.touched + 1, since = excluded.since,
       run_at = least(telemetry_analysisdue.run_at, excluded.run_at);

    number := nextval('telemetry_receipt');

    INSERT INTO telemetry_healthsample (stay, at, received, layout, "values", customer_id)
    SELECT s.stay, to_timestamp(s.at), number, s.layout, s.packed, r_customer[s.n]
      FROM unnest(h_of, h_stay, h_at, h_layout, h_values) AS s (n, stay, at, layout, packed) WHERE s.n = ANY (stored);

    INSERT INTO telemetry_trafficsample (stay, at, received, layout, "values", customer_id)
    SELECT s.stay, to_timestamp(s.at), number, s.layout, s.packed, r_customer[s.n]
      FROM unnest(t_of, t_stay, t_at, t_layout, t_values) AS s (n, stay, at, layout, packed) WHERE s.n = ANY (stored);

    IF happened IS NOT NULL THEN
      INSERT INTO telemetry_deviceevent (id, customer_id, site_id, device_id, stay, at, received_at, received, severity, code,
                                         component, text, dedupe_id)
      SELECT gen_random_uuid(), d.customer_id, d.site_id, d.id, d.stay_number, to_timestamp(e.at), statement_timestamp(), number,
             e.severity, e.code, e.component, e.text, e.dedupe
        FROM jsonb_to_recordset(happened) AS e (n bigint, device uuid, at float8, severity int, code text, component text,
                                                text text, dedupe text)
        JOIN telemetry_device d ON d.id = e.device WHERE e.n = ANY (stored)
      ON CONFLICT (customer_id, device_id, dedupe_id) DO NOTHING;
    END IF;

    IF facts IS NOT NULL THEN
      INSERT INTO telemetry_factinbox (id, customer_id, site_id, device_id, received, received_at, digest, facts)
      SELECT gen_random_uuid(), d.customer_id, d.site_id, d.id, number, statement_timestamp(), decode(f.digest, 'hex'), f.facts
        FROM jsonb_to_recordset(facts) AS f (n bigint, device uuid, digest text, facts jsonb)
        JOIN telemetry_device d ON d.id = f.device
       WHERE f.n = ANY (stored) AND decode(f.digest, 'hex') IS DISTINCT FROM coalesce(
         (SELECT b.digest FROM telemetry_factinbox b WHERE b.device_id = d.id ORDER BY b.received DESC LIMIT 1),
         (SELECT v.facts_hash FROM telemetry_deviceinventory v WHERE v.device_id = d.id));
    END IF;
  END IF;

  -- A new statement, so a newer snapshot: it sees the row of whoever won the race for an id.
  IF cardinality(stored) IS DISTINCT FROM cardinality(r_key) THEN
    RETURN QUERY
    SELECT i.n, CASE WHEN k.id IS NULL THEN 3 WHEN r.sha256 = i.sha256 THEN 1 WHEN r.sha256 IS NOT NULL THEN 2 ELSE 4 END,
           r.devices, r.samples, r.events
      FROM unnest(r_key, r_id, r_sha256) WITH ORDINALITY AS i (key, report_id, sha256, n)
      LEFT JOIN telemetry_devicekey k ON k.id = i.key AND k.revoked_at IS NULL
      LEFT JOIN LATERAL (SELECT q.sha256, q.devices, q.samples, q.events FROM telemetry_report q
          WHERE q.customer_id = k.customer_id AND q.sender_id = coalesce(k.device_id, k.collector_id)
            AND q.report_id = i.report_id ORDER BY q.sha256 = i.sha256 DESC LIMIT 1) r ON true
     WHERE stored IS NULL OR i.n <> ALL (stored);
  END IF;
END $$"""

ACCEPT_ARGUMENTS = (
    "r_key uuid[], r_customer uuid[], r_id uuid[], r_sent_at timestamptz[], r_sha256 bytea[], r_format text[], r_devices int[],"
    " r_samples int[], r_events int[], r_seq bigint[], r_boot text[], r_adjusted boolean[], r_own_id boolean[],"
    " d_of bigint[], d_device uuid[], d_stay bigint[],"
    " h_of bigint[], h_stay bigint[], h_at float8[], h_layout int[], h_values bytea[],"
    " t_of bigint[], t_stay bigint[], t_at float8[], t_layout int[], t_values bytea[],"
    " happened jsonb, facts jsonb"
)

BACKLOG = f"RETURNS bigint {ASKS} AS $$ SELECT count(*) FROM (SELECT FROM telemetry_analysisdue LIMIT most) d $$"


class Migration(migrations.Migration):
    dependencies = [("telemetry", "0004_sample_policies")]

    operations = [
        ReceiptNumbers(),
        RoomForUpdates(),
        Lend("telemetry_devicekey", "sc_ingest", rights="SELECT, UPDATE (last_used_at)"),
        *(Lend(table, "sc_ingest") for table in ("access_organization", "telemetry_collector", "telemetry_devicealias")),
        *(
            Lend(f"telemetry_{table}", "sc_ingest", rights="SELECT, INSERT")
            for table in (
                "device", "devicestay", "deviceinventory", "devicehealth", "report", "deviceevent", "factinbox", "quarantine",
            )
        ),
        *(Lend(f"telemetry_{name}sample", "sc_ingest", rights="SELECT, INSERT, DELETE") for name in ("health", "traffic")),
        *(Lend(f"telemetry_{name}layout", "sc_ingest", rights="SELECT, INSERT, UPDATE") for name in ("health", "traffic")),
        Lend("telemetry_analysisdue", "sc_ingest", rights="SELECT, INSERT, UPDATE"),
        DefinerFunction("ingest_key(wanted text)", "sc_ingest", FIND_KEY),
        DefinerFunction("ingest_key_used(wanted uuid)", "sc_ingest", KEY_USED),
        DefinerFunction(f"ingest_accept({ACCEPT_ARGUMENTS})", "sc_ingest", ACCEPT),
        DefinerFunction("ingest_backlog(most integer)", "sc_ingest", BACKLOG),
    ]
