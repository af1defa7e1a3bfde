"""What the front door settles before it stores: which device is meant, which layout its series have. And what leaves the
hot tables again: the compaction takes rows away in the transaction that writes them into blocks."""

from django.db import migrations

from access.rowlevel import DefinerFunction, Lend

ACTS = "LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public SET lock_timeout = '2s'"

# Version 0 knows every series of the stay. Up to 32 exact sets get a version of their own; rows of odder composition are
# written under version 0, with gaps. `refused`: series beyond the limits; nothing was changed, ask again without them.
LAYOUT = f"""RETURNS TABLE (version integer, universe jsonb, words jsonb, refused jsonb) {ACTS} ROWS 1 AS $$
#variable_conflict use_column
DECLARE
  layouts text := CASE wanted_category WHEN 'health' THEN 'telemetry_healthlayout' WHEN 'traffic' THEN 'telemetry_trafficlayout' END;
  owner uuid; known jsonb; spoken jsonb; promised int; exact int; newest int; fresh jsonb; said jsonb;
  added int; room bigint;
BEGIN
  SELECT k.customer_id INTO owner FROM telemetry_devicekey k
    JOIN telemetry_devicestay s ON s.customer_id = k.customer_id AND s.number = wanted_stay
   WHERE k.id = wanted_key AND k.revoked_at IS NULL;
  IF NOT FOUND THEN RETURN; END IF;
  EXECUTE format('INSERT INTO %I (customer_id, stay, version, series, digest, size, words)'
                 ' VALUES ($1, $2, 0, ''[]'', '''', 0, ''[]'') ON CONFLICT DO NOTHING', layouts) USING owner, wanted_stay;
  EXECUTE format('SELECT series, words, interval_s FROM %I WHERE customer_id = $1 AND stay = $2 AND version = 0 FOR UPDATE', layouts)
     INTO known, spoken, promised USING owner, wanted_stay;
  EXECUTE format('SELECT max(version) FILTER (WHERE digest = $3), max(version) FROM %I WHERE customer_id = $1 AND stay = $2', layouts)
     INTO exact, newest USING owner, wanted_stay, wanted_digest;

  SELECT jsonb_agg(w.e ORDER BY w.o), count(*) FILTER (WHERE w.e ->> 3 <> 'start') INTO fresh, added
    FROM jsonb_array_elements(wanted) WITH ORDINALITY AS w (e, o)
   WHERE exact IS NULL AND NOT EXISTS (SELECT FROM jsonb_array_elements(known) AS u (e) WHERE u.e = w.e);
  IF added > 0 THEN
    SELECT least(most_of_device - sum(l.size) FILTER (WHERE l.stay = wanted_stay), most_of_customer - sum(l.size)) INTO room
      FROM (SELECT stay, size FROM telemetry_healthlayout WHERE customer_id = owner AND version = 0
            UNION ALL SELECT stay, size FROM telemetry_trafficlayout WHERE customer_id = owner AND version = 0) l
      JOIN telemetry_devicestay s ON s.customer_id = owner AND s.number = l.stay AND s.until IS NULL;
    IF room < added THEN
      RETURN QUERY SELECT NULL::int, NULL::jsonb, NULL::jsonb, (SELECT jsonb_agg(x.e) FROM (
        SELECT w.e FROM jsonb_array_elements(fresh) WITH ORDINALITY AS w (e, o) WHERE w.e ->> 3 <> 'start'
         ORDER BY w.o OFFSET greatest(room, 0)) x);
      RETURN;
    END IF;
  END IF;

  SELECT jsonb_agg(w.e) INTO said FROM jsonb_array_elements(wanted_words) AS w (e)
   WHERE NOT spoken @> jsonb_build_array(w.e) AND jsonb_array_length(spoken) + jsonb_array_length(wanted_words) <= 256;
  IF fresh IS NOT NULL OR said IS NOT NULL OR wanted_interval IS DISTINCT FROM coalesce(promised, 0) THEN
    known := known || coalesce(fresh, '[]');
    spoken := spoken || coalesce(said, '[]');
    EXECUTE format('UPDATE %I SET series = $3, words = $4, size = size + $5, interval_s = coalesce(nullif($6, 0), interval_s)'
                   ' WHERE customer_id = $1 AND stay = $2 AND version = 0', layouts)
      USING owner, wanted_stay, known, spoken, added, wanted_interval;
  END IF;
  IF exact IS NULL AND newest < 32 THEN
    exact := newest + 1;
    EXECUTE format('INSERT INTO %I (customer_id, stay, version, series, digest, size, words) VALUES ($1, $2, $3, $4, $5, $6, ''[]'')', layouts)
      USING owner, wanted_stay, exact, wanted, wanted_digest, jsonb_array_length(wanted);
  END IF;
  RETURN QUERY SELECT coalesce(exact, 0), CASE WHEN exact IS NULL THEN known END, spoken, NULL::jsonb;
END $$"""

LAYOUT_ARGUMENTS = (
    "wanted_key uuid, wanted_stay bigint, wanted_category text, wanted jsonb, wanted_digest bytea, wanted_words jsonb,"
    " wanted_interval integer, most_of_device integer, most_of_customer integer"
)

# For collectors: the device each identity means, made at the collector's site if a serial or hardware address is new to the
# customer. Other customers' devices play no part: the answer for their serials is the same as for free ones.
DEVICES = f"""RETURNS TABLE (n integer, device uuid, stay bigint, verdict text, vendor text, serial text, mac text, hostname text,
  address text, model text, no_inventory boolean) {ACTS} ROWS 10 AS $$
#variable_conflict use_column
DECLARE
  owner uuid; place uuid; said record; met telemetry_device%ROWTYPE; way text; locked boolean := false; number bigint; made uuid;
BEGIN
  SELECT k.customer_id, c.site_id INTO owner, place FROM telemetry_devicekey k JOIN telemetry_collector c ON c.id = k.collector_id
   WHERE k.id = wanted_key AND k.revoked_at IS NULL AND c.retired_at IS NULL;
  IF NOT FOUND THEN RETURN; END IF;
  FOR said IN SELECT * FROM jsonb_to_recordset(wanted) AS w (n int, device_id text, vendor text, serial text, mac text, alias text,
                hostname text, address text, model text, label text, public_id text) ORDER BY n LOOP
    LOOP
      met := NULL; way := 'known';
      IF said.device_id <> '' THEN
        SELECT d.* INTO met FROM telemetry_device d WHERE d.customer_id = owner AND d.public_id = said.device_id;
      END IF;
      IF met.id IS NULL AND said.serial <> '' THEN
        SELECT d.* INTO met FROM telemetry_deviceinventory i JOIN telemetry_device d ON d.id = i.device_id
         WHERE i.customer_id = owner AND i.serial = said.serial
           AND (said.vendor = '' OR i.vendor = '' OR lower(i.vendor) = lower(said.vendor))
         ORDER BY i.vendor = said.vendor DESC, d.created_at LIMIT 1;
      END IF;
      IF met.id IS NULL AND said.mac <> '' THEN
        SELECT d.* INTO met FROM telemetry_deviceinventory i JOIN telemetry_device d ON d.id = i.device_id
         WHERE i.customer_id = owner AND i.mac = said.mac ORDER BY d.created_at LIMIT 1;
      END IF;
      IF met.id IS NULL AND said.alias <> '' THEN
        way := 'alias';
        SELECT d.* INTO met FROM telemetry_devicealias a JOIN telemetry_device d ON d.id = a.device_id
         WHERE a.customer_id = owner AND a.site_id = place AND a.name = said.alias;
      END IF;
      EXIT WHEN met.id IS NOT NULL OR (said.serial = '' AND said.mac = '') OR locked;
      -- Two collectors may meet the same new device at once: look again once nobody else can be making it.
      PERFORM pg_advisory_xact_lock(hashtextextended('devices of ' || owner, 0));
      locked := true;
    END LOOP;
    IF met.id IS NULL AND (said.serial <> '' OR said.mac <> '') THEN
      way := 'created'; made := gen_random_uuid(); number := nextval('telemetry_devicestay_number');
      INSERT INTO telemetry_device (id, customer_id, public_id, stay_number, site_id, label, kind)
      VALUES (made, owner, said.public_id, number, place, said.label, 'other');
      INSERT INTO telemetry_devicestay (id, customer_id, number, device_id, site_id) VALUES (gen_random_uuid(), owner, number, made, place);
      INSERT INTO telemetry_deviceinventory (id, customer_id, device_id, site_id, vendor, model, serial, mac, hostname, address,
                                             software, software_version, notes, components, parent_port)
      VALUES (gen_random_uuid(), owner, made, place, said.vendor, said.model, said.serial, said.mac, said.hostname, said.address,
              '', '', '', '[]', '');
      INSERT INTO telemetry_devicehealth (id, customer_id, device_id, site_id, state, urgency, reasons, interval_s, daily_scores)
      VALUES (gen_random_uuid(), owner, made, place, 'mute', 0, '[]', 300, '[]');
      SELECT d.* INTO met FROM telemetry_device d WHERE d.id = made;
    END IF;
    IF met.id IS NULL THEN
      RETURN QUERY SELECT said.n, NULL::uuid, NULL::bigint, 'unknown', '', '', '', '', '', '', true;
    ELSIF met.site_id <> place OR met.retired_at IS NOT NULL THEN
      RETURN QUERY SELECT said.n, NULL::uuid, NULL::bigint, 'elsewhere', '', '', '', '', '', '', true;
    ELSE
      RETURN QUERY SELECT said.n, met.id, met.stay_number, way, i.vendor::text, i.serial::text, i.mac::text, i.hostname::text,
                          i.address::text, i.model::text, i.facts_hash IS NULL
        FROM (SELECT 1) one LEFT JOIN telemetry_deviceinventory i ON i.device_id = met.id;
    END IF;
  END LOOP;
END $$"""

# False when the customer's undecoded bodies fill their room: then the sender keeps its copy and comes again.
QUARANTINE = f"""RETURNS boolean {ACTS} AS $$
DECLARE
  owner uuid; place uuid; public_key text; held record;
BEGIN
  SELECT k.customer_id, k.site_id, k.key_id INTO owner, place, public_key FROM telemetry_devicekey k WHERE k.id = wanted_key;
  SELECT count(*) AS bodies, coalesce(sum(octet_length(q.body)), 0) AS bytes INTO held FROM telemetry_quarantine q
   WHERE q.customer_id = owner AND q.decoded_at IS NULL;
  IF held.bodies >= 1000 OR held.bytes + octet_length(said_body) > 268435456 THEN RETURN false; END IF;
  INSERT INTO telemetry_quarantine (id, customer_id, site_id, key_id, format, content_type, source_clock, error, sha256, body, tries)
  VALUES (gen_random_uuid(), owner, place, public_key, said_format, left(said_type, 80), said_clock, left(said_error, 300), said_sha256,
          said_body, 1)
  ON CONFLICT (customer_id, sha256, key_id) DO NOTHING;
  RETURN true;
END $$"""

# Which stays still have hot rows of days that are over. Jumps from stay to stay along the index, oldest day first.
HOT_DAYS = """RETURNS TABLE (customer uuid, category text, day date, stay bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public SET timezone = 'UTC' AS $$
#variable_conflict use_column
DECLARE
  kind text; named text; at_day date; met record; after bigint; left_over int := most;
BEGIN
  FOR named, kind IN
    SELECT right(c.relname, 8), CASE i.inhparent WHEN 'telemetry_healthsample'::regclass THEN 'health' ELSE 'traffic' END
      FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
     WHERE i.inhparent IN ('telemetry_healthsample'::regclass, 'telemetry_trafficsample'::regclass)
       AND right(c.relname, 8) < to_char((statement_timestamp() AT TIME ZONE 'UTC')::date - 2, 'YYYYMMDD') ORDER BY 1, 2 LOOP
    at_day := to_date(named, 'YYYYMMDD'); after := -1;
    LOOP
      EXIT WHEN left_over <= 0;
      EXECUTE format('SELECT h.customer_id, h.stay FROM %I h WHERE h.at >= $1 AND h.at < $2 AND h.stay > $3 ORDER BY h.stay LIMIT 1',
                     'telemetry_' || kind || 'sample')
         INTO met USING at_day::timestamptz, (at_day + 1)::timestamptz, after;
      EXIT WHEN met.stay IS NULL;
      after := met.stay; left_over := left_over - 1;
      RETURN QUERY SELECT met.customer_id, kind, at_day, met.stay;
    END LOOP;
  END LOOP;
END $$"""

FORGET = """RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public SET timezone = 'UTC' AS $$
DECLARE
  today date := (statement_timestamp() AT TIME ZONE 'UTC')::date;
  gone bigint; total bigint := 0;
BEGIN
  DELETE FROM telemetry_healthblock WHERE day < today - 100; GET DIAGNOSTICS gone = ROW_COUNT; total := total + gone;
  DELETE FROM telemetry_trafficblock WHERE day < today - 100; GET DIAGNOSTICS gone = ROW_COUNT; total := total + gone;
  DELETE FROM telemetry_healthrollup WHERE day < today - 800; GET DIAGNOSTICS gone = ROW_COUNT; total := total + gone;
  DELETE FROM telemetry_trafficrollup WHERE day < today - 800; GET DIAGNOSTICS gone = ROW_COUNT; total := total + gone;
  DELETE FROM telemetry_deviceevent WHERE received_at < today - 400; GET DIAGNOSTICS gone = ROW_COUNT; total := total + gone;
  DELETE FROM telemetry_quarantine WHERE received_at < today - 60; GET DIAGNOSTICS gone = ROW_COUNT; total := total + gone;
  RETURN total;
END $$"""


def take(table: str, category: str) -> DefinerFunction:
    """Rows of one day leave the hot table, in the transaction that keeps them elsewhere; for the job's customers alone."""
    return DefinerFunction(
        f"take_hot_{category}(wanted_stays bigint[], wanted_day date)",
        "sc_ingest",
        f"""RETURNS TABLE (stay bigint, at timestamptz, received bigint, layout integer, "values" bytea)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public SET timezone = 'UTC' AS $$
#variable_conflict use_column
BEGIN
  IF app_kind() <> 'job' THEN RETURN; END IF;
  RETURN QUERY DELETE FROM {table} h WHERE h.at >= wanted_day::timestamptz AND h.at < (wanted_day + 1)::timestamptz
     AND h.stay = ANY (ARRAY(SELECT unnest(wanted_stays) INTERSECT SELECT app_stays('view_{category}')))
  RETURNING h.stay, h.at, h.received, h.layout, h."values";
END $$""",
    )


class Migration(migrations.Migration):
    dependencies = [("telemetry", "0005_ingest_accept")]

    operations = [
        DefinerFunction(f"ingest_layout({LAYOUT_ARGUMENTS})", "sc_ingest", LAYOUT),
        DefinerFunction("ingest_devices(wanted_key uuid, wanted jsonb)", "sc_ingest", DEVICES),
        DefinerFunction(
            "ingest_quarantine(wanted_key uuid, said_format text, said_type text, said_clock timestamptz, said_error text,"
            " said_sha256 bytea, said_body bytea)",
            "sc_ingest",
            QUARANTINE,
        ),
        *(
            Lend(f"telemetry_{table}", "sc_ingest", rights="DELETE")
            for table in ("healthblock", "trafficblock", "healthrollup", "trafficrollup", "deviceevent", "quarantine")
        ),
        *(
            Lend(f"telemetry_{table}", "sc_ingest")  # to find what is old
            for table in ("healthblock", "trafficblock", "healthrollup", "trafficrollup")
        ),
        DefinerFunction("forget_old_rows()", "sc_ingest", FORGET),
        DefinerFunction("find_hot_days(most integer)", "sc_ingest", HOT_DAYS),
        DefinerFunction(
            "find_quarantined(most integer)",
            "sc_ingest",
            # Ever more rarely: a correction comes with a deployment, not with the hour.
            "RETURNS TABLE (id uuid, customer uuid) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$"
            " SELECT q.id, q.customer_id FROM telemetry_quarantine q WHERE q.decoded_at IS NULL"
            " AND q.received_at + interval '1 min' * power(2, least(q.tries, 12)) < statement_timestamp()"
            " ORDER BY q.received_at LIMIT most $$",
        ),
        take("telemetry_healthsample", "health"),
        take("telemetry_trafficsample", "traffic"),
    ]
