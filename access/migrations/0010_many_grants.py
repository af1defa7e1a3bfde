"""What a partner holds is found from its own side, however many grants others have; and by an index that holds all that is asked.

Measured with a million permission rows (`bench grants`): app_sites() had begun with all rows of a category and took 670 ms.
The meaning stays: a row counts while its grant is the partner's and live; that its group is the partner's is asked as well, as
the door does. A function without arguments in a policy is asked once as a sub-select, and for each row without.
"""

from importlib import import_module

from django.db import migrations, models

from access.rowlevel import DefinerFunction, Redefine, Reprotect, one_of

first = import_module("access.migrations.0002_functions")
third = import_module("access.migrations.0003_policies")
preview = import_module("access.migrations.0007_preview")
SETTINGS, OWN, SOMEBODY = first.SETTINGS, third.OWN, third.SOMEBODY
STAFF_ONCE = "(SELECT app_is_staff())"

# Scalars, not `= ANY (ARRAY(…))`: the planner then knows how few rows one partner and its group have among a million.
PARTNER = "(SELECT s FROM app_self() s LIMIT 1)"
ORGANIZATION = "NULLIF(current_setting('app.organization', true), '')::uuid"
GROUP = f"(SELECT o.group_id FROM access_organization o WHERE o.id = {ORGANIZATION})"
KINDS = "ANY (ARRAY(SELECT c.id FROM auth_permission c WHERE category = 'any' OR c.codename = category))"

HELD = f"""
  SELECT DISTINCT p.content_object_id FROM access_sitegrouppermission p JOIN access_grant g ON g.id = p.grant_id
   WHERE current_setting('app.kind', true) = 'partner' AND g.partner_id = {PARTNER}
     AND p.group_id = {GROUP} AND p.permission_id = {KINDS} AND g.revoked_at IS NULL AND g.expires_at > statement_timestamp()
"""

HELD_IN_PREVIEW = f"""
  SELECT DISTINCT p.content_object_id FROM access_sitegrouppermission p JOIN access_grant g ON g.id = p.grant_id
    JOIN access_organization o ON o.id = g.partner_id
   WHERE current_setting('app.kind', true) = 'preview' AND g.customer_id = (SELECT c FROM app_preview() c LIMIT 1)
     AND g.partner_id = {ORGANIZATION} AND o.kind = 'partner' AND o.status = 'active'
     AND p.group_id = {GROUP} AND p.permission_id = {KINDS} AND g.revoked_at IS NULL AND g.expires_at > statement_timestamp()
"""

OWNED = "SELECT s.id FROM access_site s WHERE s.customer_id = ANY (ARRAY(SELECT app_owner()))"
ANSWERED = f"RETURNS SETOF uuid {SETTINGS} ROWS 100 AS $$ {OWNED} UNION ALL {{held}} $$"

ITS_GROUP = f"""RETURNS SETOF integer {SETTINGS} ROWS 1 AS $$
  SELECT o.group_id FROM access_organization o WHERE o.kind = 'partner' AND o.id = ANY (ARRAY(SELECT app_self())) $$"""
PREVIEWED = f"""RETURNS SETOF uuid {SETTINGS} ROWS 10 AS $$
  SELECT g.id FROM access_grant g WHERE current_setting('app.kind', true) = 'preview' AND g.customer_id = ANY (ARRAY(SELECT app_preview()))
     AND g.partner_id = {ORGANIZATION} $$"""

# guardian's rows of a grant are those at sites of its customer and of its partner's group.
ROW_READS = " OR ".join(
    (
        one_of("group_id", "app_groups()"),
        one_of("content_object_id", "app_sites_owned()"),
        one_of("grant_id", "app_grants_previewed()"),
        STAFF_ONCE,
    )
)


def once(table: str, former: str) -> Reprotect:
    """The same condition for reading, with staff asked once."""
    return Reprotect(table, "reads", former.replace("app_is_staff()", STAFF_ONCE), former=former)


class Migration(migrations.Migration):
    dependencies = [("access", "0009_names_end")]

    operations = [
        migrations.AddIndex(
            model_name="sitegrouppermission",
            index=models.Index(
                fields=["group", "permission"], include=["content_object", "grant"], name="rows_of_a_group"
            ),
        ),
        migrations.AddIndex(
            model_name="grant",
            index=models.Index(
                condition=models.Q(("revoked_at", None)),
                fields=["partner", "expires_at"],
                include=["id", "site", "customer"],
                name="grants_of_a_partner",
            ),
        ),
        DefinerFunction("app_groups()", "sc_policy", ITS_GROUP),
        DefinerFunction("app_grants_previewed()", "sc_policy", PREVIEWED),
        Redefine(
            "app_sites(category text)",
            "sc_policy",
            preview.sites(HELD, first.STAFF, HELD_IN_PREVIEW),
            former=preview.sites(first.HELD, first.STAFF, preview.HELD_IN_PREVIEW),
        ),
        Redefine(
            "app_sites_answered(category text)",
            "sc_policy",
            ANSWERED.format(held=HELD),
            former=ANSWERED.format(held=first.HELD),
        ),
        Reprotect(
            "access_sitegrouppermission", "reads", ROW_READS, former=one_of("grant_id", "id FROM access_grant")
        ),
        once("access_grant", f"{preview.GRANT_READS} OR {preview.ITS_OWN_IN_PREVIEW}"),
        once("access_site", f"{OWN} OR {third.at_site('id')} OR app_is_staff()"),
        once("access_staffpermission", f"{OWN} OR app_is_staff()"),
        once(
            "access_organization",
            f"{one_of('id', 'app_self()')} OR (kind = 'partner' AND {SOMEBODY}) OR {one_of('id', 'app_related()')} OR app_is_staff()",
        ),
        once(
            "access_membership",
            f"{one_of('organization_id', 'app_self()')} OR user_id = app_user() OR app_is_staff()"
            f" OR (app_kind() = 'job' AND {one_of('organization_id', 'app_related()')})",
        ),
    ]
