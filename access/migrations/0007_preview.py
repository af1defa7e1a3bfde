"""A customer's person may stand in for a partner: app.kind 'preview'. Sees what that partner holds of this customer, no more.

Every other policy knows no 'preview': nothing of the partner itself is shown, and nothing can be written.
"""

from importlib import import_module

from django.db import migrations

from access.rowlevel import DefinerFunction, Redefine, Reprotect, one_of

first = import_module("access.migrations.0002_functions")
SETTINGS = first.SETTINGS
OWN = one_of("customer_id", "app_owner()")

PREVIEW = """
  SELECT c.id FROM access_organization c
   WHERE current_setting('app.kind', true) = 'preview' AND c.kind = 'customer' AND c.status = 'active'
     AND c.id = NULLIF(current_setting('app.preview_of', true), '')::uuid
     AND EXISTS (SELECT FROM access_membership m JOIN access_user u ON u.id = m.user_id
                  WHERE m.organization_id = c.id AND u.is_active AND m.user_id = NULLIF(current_setting('app.user', true), '')::uuid)
"""

# The arm of a partner (0002), with the customer's person in its place and this customer's sites alone.
HELD_IN_PREVIEW = """
  SELECT p.content_object_id FROM access_sitegrouppermission p
    JOIN access_grant g ON g.id = p.grant_id JOIN auth_permission c ON c.id = p.permission_id
    JOIN access_organization o ON o.id = g.partner_id
   WHERE current_setting('app.kind', true) = 'preview' AND g.customer_id = ANY (ARRAY(SELECT app_preview()))
     AND g.partner_id = NULLIF(current_setting('app.organization', true), '')::uuid AND o.kind = 'partner' AND o.status = 'active'
     AND (category = 'any' OR c.codename = category) AND g.revoked_at IS NULL AND g.expires_at > statement_timestamp()
"""

GRANT_READS = f"{OWN} OR {one_of('partner_id', 'app_self()')} OR app_is_staff()"
ITS_OWN_IN_PREVIEW = f"({one_of('customer_id', 'app_preview()')} AND partner_id = NULLIF(current_setting('app.organization', true), '')::uuid)"


def sites(*arms: str) -> str:
    owned = "SELECT s.id FROM access_site s WHERE s.customer_id = ANY (ARRAY(SELECT app_owner()))"
    return f"RETURNS SETOF uuid {SETTINGS} ROWS 100 AS $$ {' UNION ALL '.join([owned, *arms])} $$"


class Migration(migrations.Migration):
    dependencies = [("access", "0006_ends_and_answers")]

    operations = [
        DefinerFunction("app_preview()", "sc_policy", f"RETURNS SETOF uuid {SETTINGS} ROWS 1 AS $${PREVIEW}$$"),
        Redefine(
            "app_sites(category text)",
            "sc_policy",
            sites(first.HELD, first.STAFF, HELD_IN_PREVIEW),
            former=sites(first.HELD, first.STAFF),
        ),
        Reprotect("access_grant", "reads", f"{GRANT_READS} OR {ITS_OWN_IN_PREVIEW}", former=GRANT_READS),
    ]
