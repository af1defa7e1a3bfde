"""Row-level security on what leaves the house; keys that carry the customer; the claim of deliveries (T4)."""

from django.db import migrations

from access.rowlevel import CompositeKey, DefinerFunction, Lend, Protect, Sql, one_of

OWN = one_of("customer_id", "app_owner()")
OWNER = one_of("owner_id", "app_self()")
PARTNER = one_of("partner_id", "app_self()")
BOTH = f"{OWN} OR {PARTNER}"
JOB = "app_kind() = 'job'"

CLAIM = """RETURNS TABLE (id uuid, customer_id uuid, owner_id uuid, token uuid, attempts smallint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
  RETURN QUERY
  WITH busy AS (
    SELECT d.owner_id FROM partners_delivery d WHERE d.state = 'running' AND d.lease_until >= statement_timestamp()
     GROUP BY d.owner_id HAVING count(*) >= 2
  ), picked AS (
    SELECT c.id FROM partners_delivery c
     WHERE ((c.state = 'ready' AND c.run_at <= statement_timestamp())
         OR (c.state = 'running' AND c.lease_until < statement_timestamp()))
       AND c.owner_id NOT IN (SELECT b.owner_id FROM busy b)
     ORDER BY c.run_at FOR UPDATE SKIP LOCKED LIMIT wanted_count
  ), claimed AS (
    UPDATE partners_delivery d SET state = 'running', token = gen_random_uuid(), attempts = d.attempts + 1,
           lease_until = statement_timestamp() + interval '30 s'
      FROM picked p WHERE d.id = p.id
    RETURNING d.id, d.customer_id, d.owner_id, d.token, d.attempts
  ), started AS (
    -- On record before a byte leaves: an unknown outcome is then known to be unknown.
    INSERT INTO partners_deliveryattempt (id, customer_id, owner_id, delivery_id, number, at, outcome, error)
    SELECT gen_random_uuid(), c.customer_id, c.owner_id, c.id, c.attempts, statement_timestamp(), 'started', '' FROM claimed c
  )
  SELECT c.id, c.customer_id, c.owner_id, c.token, c.attempts FROM claimed c;
END $$"""

STABLE = "LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public"


class MoreRelations(Sql):
    """A customer is also known to a partner that has a contract with it or was invited to a tender."""

    forwards = [
        "CREATE POLICY reads_by_contract ON access_organization FOR SELECT TO sc_app"
        " USING (id = ANY (ARRAY(SELECT app_dealt_with())))",
    ]
    backwards = ["DROP POLICY reads_by_contract ON access_organization"]


class Migration(migrations.Migration):
    dependencies = [("partners", "0001_destinations_and_contracts"), ("telemetry", "0002_policies")]

    operations = [
        # A job of a customer also reads destinations of partners it dealt with: it is the one that sends to them.
        Protect(
            "partners_destination",
            reads=f"{OWNER} OR ({JOB} AND {one_of('owner_id', 'app_related()')})",
            adds=OWNER,
            changes=f"{OWNER} OR ({JOB} AND {one_of('owner_id', 'app_related()')})",
        ),
        Protect("partners_delivery", reads=f"{OWN} OR {OWNER}", adds=f"{OWN} OR {OWNER}", changes=f"{OWN} OR {OWNER}"),
        Protect("partners_deliveryattempt", reads=f"{OWN} OR {OWNER}", adds=f"{OWN} OR {OWNER}", changes=f"{OWN} OR {OWNER}"),
        Protect("partners_contract", reads=BOTH, adds=OWN, changes=OWN),
        Protect(
            "partners_contractcoverage",
            reads=one_of("site_id", "app_sites('view_contracts')"),
            adds=one_of("site_id", "app_sites_owned()"),
            changes=one_of("site_id", "app_sites_owned()"),
            removes=one_of("site_id", "app_sites_owned()"),
        ),
        Protect("partners_proposal", reads=f"({OWN} AND state <> 'draft') OR {PARTNER}", adds=OWN, changes=BOTH),
        Protect(
            "partners_tender",
            reads=f"{OWN} OR {one_of('id', f'tender_id FROM partners_proposal WHERE {PARTNER}')}",
            adds=OWN,
            changes=OWN,
        ),
        Protect(
            "partners_tenderquestion",
            reads=f"{OWN} OR {one_of('tender_id', f'tender_id FROM partners_proposal WHERE {PARTNER}')}",
            adds=f"{one_of('asked_by_id', 'app_self()')} AND {one_of('tender_id', f'tender_id FROM partners_proposal WHERE {PARTNER}')}",
            changes=OWN,
        ),
        Protect("partners_partnernote", reads=OWNER, adds=OWNER, changes=OWNER, removes=OWNER),
        CompositeKey("partners_delivery", "site_id", "access_site"),
        CompositeKey("partners_delivery", "transition_id", "telemetry_alerttransition"),
        CompositeKey("partners_delivery", "grant_id", "access_grant"),
        CompositeKey("partners_delivery", "destination_id", "partners_destination", first="owner_id", target_first="owner_id"),
        CompositeKey("partners_deliveryattempt", "delivery_id", "partners_delivery"),
        CompositeKey("partners_contractcoverage", "site_id", "access_site"),
        CompositeKey("partners_contractcoverage", "contract_id", "partners_contract"),
        CompositeKey("partners_contract", "transferred_to_id", "partners_contract"),
        CompositeKey("partners_tender", "site_id", "access_site"),
        CompositeKey("partners_proposal", "tender_id", "partners_tender"),
        CompositeKey("partners_tenderquestion", "tender_id", "partners_tender"),
        Lend("partners_delivery", "sc_claim", rights="SELECT, UPDATE"),
        Lend("partners_deliveryattempt", "sc_claim", rights="SELECT, INSERT"),
        Lend("partners_contract", "sc_policy"),
        Lend("partners_proposal", "sc_policy"),
        DefinerFunction("claim_deliveries(wanted_count integer)", "sc_claim", CLAIM),
        DefinerFunction(
            "find_deliveries_due()",
            "sc_claim",
            f"RETURNS boolean {STABLE} AS $$ SELECT EXISTS (SELECT FROM partners_delivery d"
            " WHERE (d.state = 'ready' AND d.run_at <= statement_timestamp())"
            " OR (d.state = 'running' AND d.lease_until < statement_timestamp())) $$",
        ),
        DefinerFunction(
            "delivery_ages()",
            "sc_claim",
            f"RETURNS TABLE (state text, deliveries bigint, oldest_s double precision) {STABLE} AS $$"
            " SELECT d.state::text, count(*), coalesce(extract(epoch FROM statement_timestamp() - min(d.run_at)"
            " FILTER (WHERE d.run_at <= statement_timestamp())), 0)::float8 FROM partners_delivery d"
            " WHERE d.state IN ('ready', 'running', 'dead') GROUP BY d.state $$",
        ),
        DefinerFunction(
            "app_dealt_with()",
            "sc_policy",
            f"RETURNS SETOF uuid {STABLE} ROWS 20 AS $$"
            " SELECT c.customer_id FROM partners_contract c WHERE app_kind() = 'partner' AND c.partner_id = ANY (ARRAY(SELECT app_self()))"
            " UNION ALL SELECT p.customer_id FROM partners_proposal p"
            " WHERE app_kind() = 'partner' AND p.partner_id = ANY (ARRAY(SELECT app_self())) $$",
        ),
        MoreRelations(),
    ]
