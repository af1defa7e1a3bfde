"""Row-level security on devices, alerts and jobs; keys that carry the customer; the claim functions of the queue (T2)."""

from django.db import migrations

from access.rowlevel import CompositeKey, DefinerFunction, Lend, Protect, Sql, one_of

OWN = one_of("customer_id", "app_owner()")
OWNED_SITE = one_of("site_id", "app_sites_owned()")


def seen(category: str) -> str:
    return one_of("site_id", f"app_sites('{category}')")


def of_site(table: str, category: str, *, removes: bool = False) -> Protect:
    """Read by category; written by the customer and its jobs at their own sites."""
    return Protect(table, reads=seen(category), adds=OWNED_SITE, changes=OWNED_SITE, removes=OWNED_SITE if removes else "")


# Alerts are the one thing a partner may answer: take, snooze, resolve, comment.
ANSWERED = one_of("site_id", "app_sites_answered('view_health')")
COMMENT_READS = (
    f"{seen('view_health')} AND (audience = 'partners' OR {one_of('author_organization_id', 'app_self()')}"
    f" OR (audience = 'customer' AND {OWN}))"
)

STABLE = "LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public"

AT_SITE = [
    ("telemetry_device", "any"),
    ("telemetry_devicestay", "any"),
    ("telemetry_deviceinventory", "view_inventory"),
    ("telemetry_inventorychange", "view_inventory"),
    ("telemetry_devicealias", "view_inventory"),
    ("telemetry_configurationsnapshot", "view_configuration"),
    ("telemetry_maintenance", "view_health"),
    ("telemetry_trafficfigures", "view_traffic"),
    ("telemetry_forecast", "view_health"),
    ("telemetry_devicehealth", "view_health"),
    ("telemetry_detectorstate", "view_health"),
]
CUSTOMER_ONLY = ["telemetry_collector", "telemetry_devicekey", "telemetry_claimcode"]

SITE_KEYS = [
    *(table for table, _ in AT_SITE),
    *CUSTOMER_ONLY,
    "telemetry_alert",
    "telemetry_alerttransition",
    "telemetry_alertcomment",
]
DEVICE_KEYS = [
    "telemetry_devicestay",
    "telemetry_deviceinventory",
    "telemetry_inventorychange",
    "telemetry_devicealias",
    "telemetry_configurationsnapshot",
    "telemetry_devicekey",
    "telemetry_claimcode",
    "telemetry_maintenance",
    "telemetry_alert",
    "telemetry_forecast",
    "telemetry_devicehealth",
    "telemetry_detectorstate",
    "telemetry_analysisdue",
]
ALERT_KEYS = ["telemetry_alerttransition", "telemetry_alertcomment", "telemetry_trafficfigures", "telemetry_forecast"]

CLAIM_JOBS = """RETURNS TABLE (id uuid, customer_id uuid, ref uuid, payload jsonb, token uuid, attempts smallint)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
UPDATE telemetry_job j SET state = 'running', token = gen_random_uuid(), attempts = j.attempts + 1,
       lease_until = statement_timestamp() + interval '30 s'
 WHERE j.id = ANY (ARRAY(
   SELECT c.id FROM telemetry_job c
    WHERE c.kind = wanted_kind AND ((c.state = 'ready' AND c.run_at <= statement_timestamp())
       OR (c.state = 'running' AND c.lease_until < statement_timestamp()))
    ORDER BY c.run_at FOR UPDATE SKIP LOCKED LIMIT wanted_count))
RETURNING j.id, j.customer_id, j.ref, j.payload, j.token, j.attempts $$"""

CLAIM_DUE = """RETURNS TABLE (device_id uuid, customer_id uuid, touched bigint, token uuid, attempts smallint)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
UPDATE telemetry_analysisdue d SET token = gen_random_uuid(), attempts = d.attempts + 1,
       lease_until = statement_timestamp() + interval '30 s'
 WHERE d.device_id = ANY (ARRAY(
   SELECT c.device_id FROM telemetry_analysisdue c
    WHERE c.run_at <= statement_timestamp() AND (c.lease_until IS NULL OR c.lease_until < statement_timestamp())
    ORDER BY c.run_at FOR UPDATE SKIP LOCKED LIMIT wanted_count))
RETURNING d.device_id, d.customer_id, d.touched, d.token, d.attempts $$"""

AGES = """RETURNS TABLE (kind text, ready bigint, dead bigint, oldest_s double precision)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
SELECT j.kind::text, count(*) FILTER (WHERE j.state IN ('ready', 'running')), count(*) FILTER (WHERE j.state = 'dead'),
       coalesce(extract(epoch FROM statement_timestamp() - min(j.run_at)
         FILTER (WHERE j.state = 'ready' AND j.run_at <= statement_timestamp())), 0)::float8
  FROM telemetry_job j WHERE j.state IN ('ready', 'running', 'dead') GROUP BY j.kind
UNION ALL
SELECT 'analysis', count(*), count(*) FILTER (WHERE d.attempts > 5),
       coalesce(extract(epoch FROM statement_timestamp() - min(d.run_at) FILTER (WHERE d.run_at <= statement_timestamp())), 0)::float8
  FROM telemetry_analysisdue d $$"""


class StayNumbers(Sql):
    forwards = [
        "CREATE SEQUENCE telemetry_devicestay_number",
        "ALTER TABLE telemetry_devicestay ALTER COLUMN number SET DEFAULT nextval('telemetry_devicestay_number')",
    ]
    backwards = [
        "ALTER TABLE telemetry_devicestay ALTER COLUMN number SET DEFAULT 0",
        "DROP SEQUENCE telemetry_devicestay_number",
    ]


class Migration(migrations.Migration):
    dependencies = [("telemetry", "0001_devices_and_alerts"), ("access", "0004_journals")]

    operations = [
        StayNumbers(),
        *(of_site(table, category, removes=table == "telemetry_devicealias") for table, category in AT_SITE),
        *(Protect(table, reads=OWN, adds=OWNED_SITE, changes=OWNED_SITE) for table in CUSTOMER_ONLY),
        Protect("telemetry_alert", reads=seen("view_health"), adds=OWNED_SITE, changes=ANSWERED),
        Protect("telemetry_alerttransition", reads=seen("view_health"), adds=ANSWERED),
        Protect(
            "telemetry_alertcomment",
            reads=COMMENT_READS,
            adds=f"{ANSWERED} AND {one_of('author_organization_id', 'app_self()')}",
        ),
        # An organization's own queue: a customer's work, or a partner's (its destinations). An act of a partner on an alert
        # queues work of the customer whose alert it is.
        Protect(
            "telemetry_job",
            reads=one_of("customer_id", "app_self()"),
            adds=f"{one_of('customer_id', 'app_self()')} OR {one_of('customer_id', 'app_related()')} OR app_is_staff()",
            changes=one_of("customer_id", "app_self()"),
            removes=one_of("customer_id", "app_self()"),
        ),
        Protect("telemetry_silencememory", reads=OWN, adds=OWN, changes=OWN),
        Protect("telemetry_analysisdue", reads=OWN, adds=OWN, changes=OWN, removes=OWN),
        *(CompositeKey(table, "site_id", "access_site") for table in SITE_KEYS),
        *(CompositeKey(table, "device_id", "telemetry_device") for table in DEVICE_KEYS),
        *(CompositeKey(table, "alert_id", "telemetry_alert") for table in ALERT_KEYS),
        CompositeKey("telemetry_alert", "explained_by_id", "telemetry_alert"),
        CompositeKey("telemetry_deviceinventory", "parent_id", "telemetry_device"),
        CompositeKey("telemetry_devicekey", "collector_id", "telemetry_collector"),
        Lend("telemetry_device", "sc_policy"),
        Lend("telemetry_devicestay", "sc_policy"),
        DefinerFunction(
            "app_devices(category text)",
            "sc_policy",
            f"RETURNS SETOF uuid {STABLE} ROWS 1000 AS $$ SELECT d.id FROM telemetry_device d"
            " WHERE d.site_id = ANY (ARRAY(SELECT app_sites(category))) $$",
        ),
        DefinerFunction(
            "app_stays(category text)",
            "sc_policy",
            f"RETURNS SETOF bigint {STABLE} ROWS 1000 AS $$ SELECT t.number FROM telemetry_devicestay t"
            " WHERE t.site_id = ANY (ARRAY(SELECT app_sites(category))) $$",
        ),
        DefinerFunction(
            "count_devices(wanted uuid)",
            "sc_policy",
            # A fact of the account, for staff: how many, never which.
            f"RETURNS bigint {STABLE} AS $$ SELECT count(*) FROM telemetry_device d WHERE d.customer_id = wanted"
            " AND d.retired_at IS NULL AND app_is_staff() $$",
        ),
        Lend("telemetry_job", "sc_claim", rights="SELECT, UPDATE"),
        Lend("telemetry_analysisdue", "sc_claim", rights="SELECT, UPDATE"),
        Lend("telemetry_devicehealth", "sc_claim"),
        Lend("telemetry_claimcode", "sc_claim"),
        DefinerFunction("claim_jobs(wanted_kind text, wanted_count integer)", "sc_claim", CLAIM_JOBS),
        DefinerFunction("claim_analysis(wanted_count integer)", "sc_claim", CLAIM_DUE),
        DefinerFunction("queue_ages()", "sc_claim", AGES),
        DefinerFunction(
            "find_kinds_due()",
            "sc_claim",
            f"RETURNS SETOF text {STABLE} AS $$ SELECT DISTINCT j.kind::text FROM telemetry_job j"
            " WHERE (j.state = 'ready' AND j.run_at <= statement_timestamp())"
            " OR (j.state = 'running' AND j.lease_until < statement_timestamp()) $$",
        ),
        DefinerFunction(
            "find_analysis_due()",
            "sc_claim",
            f"RETURNS boolean {STABLE} AS $$ SELECT EXISTS (SELECT FROM telemetry_analysisdue d"
            " WHERE d.run_at <= statement_timestamp() AND (d.lease_until IS NULL OR d.lease_until < statement_timestamp())) $$",
        ),
        Lend("telemetry_device", "sc_claim"),
        DefinerFunction(
            "find_watched_customers()",
            "sc_claim",
            f"RETURNS SETOF uuid {STABLE} AS $$ SELECT o.id FROM access_organization o WHERE o.kind = 'customer'"
            " AND o.status = 'active' AND EXISTS (SELECT FROM telemetry_device d"
            " WHERE d.customer_id = o.id AND d.retired_at IS NULL) ORDER BY o.id $$",
        ),
        DefinerFunction(
            "find_claim_code(wanted bytea)",
            "sc_claim",
            f"RETURNS TABLE (id uuid, customer_id uuid) {STABLE} AS $$ SELECT c.id, c.customer_id FROM telemetry_claimcode c"
            " WHERE c.digest = wanted AND c.used_at IS NULL AND c.expires_at > statement_timestamp() $$",
        ),
    ]
