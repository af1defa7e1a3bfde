"""Who is asking: the functions that policies ask, once per statement. Design: access.md section 4."""

from django.db import migrations

from access.rowlevel import DefinerFunction, Lend, Sql

SETTINGS = "LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public"


class PlainFunctions(Sql):
    """Readings of the transaction's context. After SET LOCAL an unset value is '', not NULL: hence NULLIF everywhere."""

    forwards = [
        "CREATE FUNCTION app_kind() RETURNS text LANGUAGE sql STABLE AS"
        " $$ SELECT coalesce(current_setting('app.kind', true), '') $$",
        "CREATE FUNCTION app_user() RETURNS uuid LANGUAGE sql STABLE AS"
        " $$ SELECT NULLIF(current_setting('app.user', true), '')::uuid $$",
    ]
    backwards = ["DROP FUNCTION app_user()", "DROP FUNCTION app_kind()"]


class RightsOnUnprotected(Sql):
    """Tables without policies, because nobody is anybody before they have been read."""

    forwards = ["GRANT SELECT ON access_user, auth_permission TO sc_policy"]
    backwards = ["REVOKE SELECT ON access_user, auth_permission FROM sc_policy"]


SELF = """
  SELECT o.id FROM access_organization o
   WHERE current_setting('app.kind', true) IN ('customer', 'partner')
     AND o.id = NULLIF(current_setting('app.organization', true), '')::uuid AND o.kind = current_setting('app.kind', true)
     AND o.status = 'active'
     AND (EXISTS (SELECT FROM access_membership m JOIN access_user u ON u.id = m.user_id
                   WHERE m.organization_id = o.id AND u.is_active
                     AND m.user_id = NULLIF(current_setting('app.user', true), '')::uuid)
       OR EXISTS (SELECT FROM access_serviceaccount a
                   WHERE a.organization_id = o.id AND a.id = NULLIF(current_setting('app.account', true), '')::uuid
                     AND a.revoked_at IS NULL AND a.expires_at > statement_timestamp()))
  UNION ALL
  SELECT unnest(string_to_array(NULLIF(current_setting('app.customers', true), ''), ',')::uuid[])
   WHERE current_setting('app.kind', true) = 'job'
"""

HELD = """
  SELECT p.content_object_id FROM access_sitegrouppermission p
    JOIN access_grant g ON g.id = p.grant_id JOIN auth_permission c ON c.id = p.permission_id
   WHERE current_setting('app.kind', true) = 'partner' AND g.partner_id = ANY (ARRAY(SELECT app_self()))
     AND (category = 'any' OR c.codename = category) AND g.revoked_at IS NULL AND g.expires_at > statement_timestamp()
"""

STAFF = """
  SELECT s.id FROM access_site s JOIN access_staffpermission t ON t.customer_id = s.customer_id
    JOIN access_user u ON u.id = t.user_id
   WHERE current_setting('app.kind', true) = 'staff' AND u.is_staff AND u.is_active
     AND t.user_id = NULLIF(current_setting('app.user', true), '')::uuid
     AND (t.all_sites OR s.id = ANY (t.sites)) AND (category = 'any' OR replace(category, 'view_', '') = ANY (t.categories::text[]))
     AND t.starts_at <= statement_timestamp() AND t.expires_at > statement_timestamp() AND t.ended_at IS NULL
"""


class Migration(migrations.Migration):
    dependencies = [("access", "0001_consent"), ("auth", "0012_alter_user_first_name_max_length")]

    operations = [
        PlainFunctions(),
        # What the policy functions read. Under FORCE the role needs a policy of its own, or it would see nothing.
        *(
            Lend(table, "sc_policy")
            for table in (
                "access_organization",
                "access_membership",
                "access_serviceaccount",
                "access_site",
                "access_grant",
                "access_sitegrouppermission",
                "access_staffpermission",
            )
        ),
        RightsOnUnprotected(),
        DefinerFunction("app_self()", "sc_policy", f"RETURNS SETOF uuid {SETTINGS} ROWS 1 AS $${SELF}$$"),
        DefinerFunction(
            "app_owner()",
            "sc_policy",
            f"RETURNS SETOF uuid {SETTINGS} ROWS 1 AS $$ SELECT s FROM app_self() s"
            " WHERE current_setting('app.kind', true) IN ('customer', 'job') $$",
        ),
        DefinerFunction(
            "app_sites(category text)",
            "sc_policy",
            f"RETURNS SETOF uuid {SETTINGS} ROWS 100 AS $$"
            "  SELECT s.id FROM access_site s WHERE s.customer_id = ANY (ARRAY(SELECT app_owner()))"
            f"  UNION ALL {HELD} UNION ALL {STAFF} $$",
        ),
        DefinerFunction(
            "app_sites_owned()",
            "sc_policy",
            f"RETURNS SETOF uuid {SETTINGS} ROWS 20 AS $$"
            "  SELECT s.id FROM access_site s WHERE s.customer_id = ANY (ARRAY(SELECT app_owner())) $$",
        ),
        DefinerFunction(
            "app_sites_answered(category text)",
            "sc_policy",
            f"RETURNS SETOF uuid {SETTINGS} ROWS 100 AS $$"
            "  SELECT s.id FROM access_site s WHERE s.customer_id = ANY (ARRAY(SELECT app_owner()))"
            f"  UNION ALL {HELD} $$",
        ),
        DefinerFunction(
            "app_is_staff()",
            "sc_policy",
            f"RETURNS boolean {SETTINGS} AS $$ SELECT current_setting('app.kind', true) = 'staff' AND EXISTS ("
            " SELECT FROM access_user u WHERE u.id = NULLIF(current_setting('app.user', true), '')::uuid"
            " AND u.is_staff AND u.is_active) $$",
        ),
        DefinerFunction(
            "app_related()",
            "sc_policy",
            # Customers a partner deals or dealt with; partners a job's customers deal with; companies of one who signs in.
            f"RETURNS SETOF uuid {SETTINGS} ROWS 50 AS $$"
            "  SELECT g.customer_id FROM access_grant g"
            "   WHERE current_setting('app.kind', true) = 'partner' AND g.partner_id = ANY (ARRAY(SELECT app_self()))"
            "  UNION ALL SELECT g.partner_id FROM access_grant g WHERE g.customer_id = ANY (ARRAY(SELECT app_owner()))"
            "  UNION ALL SELECT m.organization_id FROM access_membership m"
            "   WHERE current_setting('app.kind', true) <> '' AND m.user_id = NULLIF(current_setting('app.user', true), '')::uuid $$",
        ),
    ]
