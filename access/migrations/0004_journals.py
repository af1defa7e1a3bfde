"""Journals: rows are only ever added, audit entries are chained by a trigger, and the cross-tenant questions of the sweeps."""

from django.db import migrations

from access.rowlevel import DefinerFunction, Lend, Sql

FINDS = "LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public"


class Digest(Sql):
    """journal_digest(previous, fields): SHA-256 over the previous hash and each field as 'bytes:text,' (or '-' for null).

    The same three lines of code in any language: access/seal.py and docs/verify_journal.py hold them in Python.
    """

    forwards = [
        """CREATE FUNCTION journal_digest(previous bytea, fields text[]) RETURNS bytea LANGUAGE sql IMMUTABLE
           SET search_path = pg_catalog AS $$
           SELECT sha256(coalesce(previous, '\\x'::bytea) || convert_to(coalesce(string_agg(
             CASE WHEN f IS NULL THEN '-,' ELSE octet_length(f)::text || ':' || f || ',' END, '' ORDER BY n), ''), 'UTF8'))
             FROM unnest(fields) WITH ORDINALITY AS t(f, n) $$""",
        """CREATE FUNCTION journal_time(at timestamptz) RETURNS text LANGUAGE sql STABLE SET search_path = pg_catalog AS
           $$ SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') $$""",
        "GRANT EXECUTE ON FUNCTION journal_digest(bytea, text[]), journal_time(timestamptz) TO sc_app, sc_claim",
    ]
    backwards = ["DROP FUNCTION journal_time(timestamptz)", "DROP FUNCTION journal_digest(bytea, text[])"]


CHAIN = """RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE head record;
BEGIN
  -- The lock first, then the head: two writers of one customer would otherwise read the same head.
  PERFORM pg_advisory_xact_lock(hashtextextended('audit:' || NEW.customer_id::text, 0));
  SELECT seq, hash INTO head FROM access_auditentry WHERE customer_id = NEW.customer_id ORDER BY seq DESC LIMIT 1;
  NEW.seq := coalesce(head.seq, 0) + 1;
  NEW.prev_hash := head.hash;
  NEW.hash := journal_digest(head.hash, ARRAY[NEW.customer_id::text, NEW.seq::text, NEW.id::text, journal_time(NEW.at), NEW.actor_id::text,
    NEW.actor_name, NEW.actor_organization, NEW.action, NEW.object_kind, NEW.object_id, NEW.object_words, NEW.before, NEW.after]);
  RETURN NEW;
END $$"""


class Chains(Sql):
    forwards = [
        "CREATE TRIGGER audit_chain BEFORE INSERT ON access_auditentry FOR EACH ROW EXECUTE FUNCTION audit_chain()",
        """CREATE FUNCTION journal_refuses() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
           BEGIN RAISE EXCEPTION 'entries of % are only ever added', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege'; END $$""",
        *(
            statement
            for table in ("access_auditentry", "access_viewingentry", "access_seal")
            for statement in (
                f"CREATE TRIGGER only_added BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION journal_refuses()",
                f"CREATE TRIGGER never_emptied BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION journal_refuses()",
            )
        ),
        "CREATE SEQUENCE access_viewingentry_number",
        "ALTER TABLE access_viewingentry ALTER COLUMN number SET DEFAULT nextval('access_viewingentry_number')",
        # Read by the sealing sweep: entries in the order of their numbers, by customer.
        "CREATE INDEX looks_to_seal ON access_viewingentry (customer_id, number)",
    ]
    backwards = [
        "DROP INDEX looks_to_seal",
        "ALTER TABLE access_viewingentry ALTER COLUMN number SET DEFAULT 0",
        "DROP SEQUENCE access_viewingentry_number",
        *(
            f"DROP TRIGGER {name} ON {table}"
            for table in ("access_auditentry", "access_viewingentry", "access_seal")
            for name in ("only_added", "never_emptied")
        ),
        "DROP FUNCTION journal_refuses()",
        "DROP TRIGGER audit_chain ON access_auditentry",
    ]


class Migration(migrations.Migration):
    dependencies = [("access", "0003_policies")]

    operations = [
        Digest(),
        Lend("access_auditentry", "sc_claim"),
        Lend("access_viewingentry", "sc_claim"),
        Lend("access_seal", "sc_claim"),
        Lend("access_grant", "sc_claim"),
        Lend("access_accessrequest", "sc_claim"),
        Lend("access_staffpermission", "sc_claim"),
        Lend("access_organization", "sc_claim"),
        Lend("access_serviceaccount", "sc_claim"),
        Lend("access_invitation", "sc_claim"),
        DefinerFunction("audit_chain()", "sc_claim", CHAIN),
        Chains(),
        DefinerFunction(
            "find_expired_grants()",
            "sc_claim",
            f"RETURNS TABLE (id uuid, customer_id uuid) {FINDS} AS $$ SELECT g.id, g.customer_id FROM access_grant g"
            " WHERE g.closed_at IS NULL AND g.expires_at <= statement_timestamp() ORDER BY g.expires_at LIMIT 200 $$",
        ),
        DefinerFunction(
            "find_undrained_grants()",
            "sc_claim",
            f"RETURNS TABLE (id uuid, customer_id uuid, closed_at timestamptz) {FINDS} AS $$"
            " SELECT g.id, g.customer_id, g.closed_at FROM access_grant g"
            " WHERE g.closed_at IS NOT NULL AND g.drained_at IS NULL ORDER BY g.closed_at LIMIT 200 $$",
        ),
        DefinerFunction(
            "find_grants_to_remind()",
            "sc_claim",
            f"RETURNS TABLE (id uuid, customer_id uuid) {FINDS} AS $$ SELECT g.id, g.customer_id FROM access_grant g"
            " WHERE g.closed_at IS NULL AND g.reminded_at IS NULL AND g.expires_at <= statement_timestamp() + interval '14 days'"
            " AND g.expires_at > statement_timestamp() AND g.expires_at - g.granted_at > interval '14 days' LIMIT 200 $$",
        ),
        DefinerFunction(
            "find_lapsed_requests()",
            "sc_claim",
            f"RETURNS TABLE (id uuid, customer_id uuid, partner_id uuid) {FINDS} AS $$"
            " SELECT r.id, r.customer_id, r.partner_id FROM access_accessrequest r"
            " WHERE r.state = 'waiting' AND r.lapses_at <= statement_timestamp() LIMIT 200 $$",
        ),
        DefinerFunction(
            "find_unsealed_customers()",
            "sc_claim",
            f"RETURNS SETOF uuid {FINDS} AS $$ SELECT DISTINCT v.customer_id FROM access_viewingentry v"
            " WHERE v.at > statement_timestamp() - interval '2 days'"
            " AND NOT EXISTS (SELECT FROM access_seal s WHERE s.customer_id = v.customer_id AND s.entry_id = v.id) LIMIT 500 $$",
        ),
        # Questions asked before anybody is anybody: they return ids and digests, never a tenant's text.
        DefinerFunction(
            "find_customer(wanted text)",
            "sc_claim",
            f"RETURNS uuid {FINDS} AS $$ SELECT o.id FROM access_organization o WHERE o.kind = 'customer' AND o.status = 'active'"
            " AND lower(o.name) = lower(trim(wanted)) ORDER BY o.created_at LIMIT 1 $$",
        ),
        DefinerFunction(
            "find_token(wanted text)",
            "sc_claim",
            f"RETURNS TABLE (id uuid, organization_id uuid, kind text, digest bytea) {FINDS} AS $$"
            " SELECT a.id, a.organization_id, o.kind::text, a.digest FROM access_serviceaccount a"
            " JOIN access_organization o ON o.id = a.organization_id WHERE a.key_id = wanted AND a.revoked_at IS NULL"
            " AND a.expires_at > statement_timestamp() AND o.status = 'active' $$",
        ),
        DefinerFunction(
            "find_invitation(wanted bytea)",
            "sc_claim",
            f"RETURNS TABLE (id uuid, organization_id uuid) {FINDS} AS $$ SELECT i.id, i.organization_id FROM access_invitation i"
            " WHERE i.digest = wanted AND i.accepted_at IS NULL AND i.withdrawn_at IS NULL AND i.expires_at > statement_timestamp() $$",
        ),
    ]
