"""Questions that cross tenants: whose destination an unsubscribe link stops, and the facts of accounts that staff may know."""

from django.db import migrations

from access.rowlevel import DefinerFunction, Lend, Sql

STABLE = "LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public"

# Acts that only staff can do, or that concern staff; a customer that calls itself "SmartCare staff" adds nothing to the list.
STAFF_ACTS = """
 SELECT e.at, e.actor_name::text, e.action::text, e.object_words::text, o.name::text FROM access_auditentry e
   JOIN access_organization o ON o.id = e.customer_id
  WHERE app_is_staff() AND e.actor_organization = 'SmartCare staff'
    AND (e.object_kind = 'staff_permission'
      OR e.action IN ('organization.suspended', 'organization.resumed', 'organization.verified'))
  ORDER BY e.at DESC LIMIT wanted_count"""


class AskWhoIsStaff(Sql):
    """The functions below answer staff alone."""

    forwards = ["GRANT EXECUTE ON FUNCTION app_is_staff() TO sc_claim"]
    backwards = ["REVOKE EXECUTE ON FUNCTION app_is_staff() FROM sc_claim"]


class ActsOfStaff(Sql):
    """As small as what staff do, whatever the journals hold."""

    forwards = [
        "CREATE INDEX audit_of_staff ON access_auditentry (at DESC) WHERE actor_organization = 'SmartCare staff'"
    ]
    backwards = ["DROP INDEX audit_of_staff"]


class Migration(migrations.Migration):
    dependencies = [
        ("partners", "0002_policies"),
        ("access", "0006_ends_and_answers"),
        ("telemetry", "0002_policies"),
    ]

    operations = [
        AskWhoIsStaff(),
        ActsOfStaff(),
        Lend("partners_destination", "sc_claim"),
        DefinerFunction(
            "find_destination(wanted text)",
            "sc_claim",
            # For one-click unsubscribing, which comes without a session: ids alone, for a token that we signed.
            f"RETURNS TABLE (id uuid, owner_id uuid) {STABLE} AS $$ SELECT d.id, d.owner_id FROM partners_destination d"
            " WHERE d.public_id = wanted AND d.kind = 'email' AND d.removed_at IS NULL $$",
        ),
        DefinerFunction(
            "last_report(wanted uuid)",
            "sc_claim",
            # A fact of the account: whether reports arrive, never what they say or from which device.
            f"RETURNS timestamptz {STABLE} AS $$ SELECT max(h.last_seen_at) FROM telemetry_devicehealth h"
            " WHERE h.customer_id = wanted AND app_is_staff() $$",
        ),
        DefinerFunction(
            "count_staff_looks(wanted uuid[])",
            "sc_claim",
            f"RETURNS TABLE (permission uuid, looks bigint) {STABLE} AS $$ SELECT v.staff_permission_id, count(*)"
            " FROM access_viewingentry v WHERE v.staff_permission_id = ANY (wanted) AND app_is_staff()"
            " GROUP BY v.staff_permission_id $$",
        ),
        DefinerFunction(
            "list_staff_acts(wanted_count integer)",
            "sc_claim",
            f"RETURNS TABLE (at timestamptz, person text, action text, words text, organization text) {STABLE}"
            f" AS $${STAFF_ACTS} $$",
        ),
    ]
