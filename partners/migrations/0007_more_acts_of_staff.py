"""What staff did: also partners that they opened, and people whom they switched off and on."""

from django.db import migrations

from access.rowlevel import Redefine

RETURNS = (
    "RETURNS TABLE (at timestamptz, person text, action text, words text, organization text)"
    " LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $${body} $$"
)
ACTS = """
 SELECT e.at, e.actor_name::text, e.action::text, e.object_words::text, o.name::text FROM access_auditentry e
   JOIN access_organization o ON o.id = e.customer_id
  WHERE app_is_staff() AND e.actor_organization = 'SmartCare staff'
    AND (e.object_kind = 'staff_permission' OR e.action IN ({actions}))
  ORDER BY e.at DESC LIMIT wanted_count"""
FORMER = "'organization.suspended', 'organization.resumed', 'organization.verified'"
# Acts that no company can do, whatever it calls itself.
NOW = f"{FORMER}, 'partner.opened', 'person.switched_off', 'person.switched_on'"


class Migration(migrations.Migration):
    dependencies = [("partners", "0006_secrets_sealed_again")]

    operations = [
        Redefine(
            "list_staff_acts(wanted_count integer)",
            "sc_claim",
            RETURNS.format(body=ACTS.format(actions=NOW)),
            former=RETURNS.format(body=ACTS.format(actions=FORMER)),
        ),
    ]
