"""Which webhooks' secrets were sealed with a key that is not today's: asked across tenants, answered with ids alone."""

from django.db import migrations

from access.rowlevel import DefinerFunction

OTHER = "length({0}) > 0 AND substring({0} FROM 1 FOR length(head)) <> head"


class Migration(migrations.Migration):
    dependencies = [("partners", "0005_tenders")]

    operations = [
        DefinerFunction(
            "find_secrets_to_reseal(head bytea)",
            "sc_claim",
            "RETURNS TABLE (id uuid, owner_id uuid) LANGUAGE sql STABLE SECURITY DEFINER"
            " SET search_path = pg_catalog, public AS $$"
            " SELECT d.id, d.owner_id FROM partners_destination d WHERE d.kind = 'webhook' AND d.removed_at IS NULL"
            f" AND ({OTHER.format('d.secret')} OR {OTHER.format('d.old_secret')}) ORDER BY d.id $$",
        ),
    ]
