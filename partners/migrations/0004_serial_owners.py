"""Whose is a device with this serial number? Staff may ask with a complete one; the owner finds the question in its log."""

from django.db import migrations

from access.rowlevel import DefinerFunction, Lend

STABLE = "LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public"


class Migration(migrations.Migration):
    dependencies = [("partners", "0003_unsubscribing_and_staff_facts"), ("telemetry", "0002_policies")]

    operations = [
        Lend("telemetry_deviceinventory", "sc_claim"),
        migrations.RunSQL(
            # The unique key begins with the customer, so it cannot answer for a serial alone.
            "CREATE INDEX inventory_by_serial ON telemetry_deviceinventory (lower(serial)) WHERE serial <> ''",
            "DROP INDEX inventory_by_serial",
        ),
        DefinerFunction(
            "find_serial_owners(wanted text)",
            "sc_claim",
            f"RETURNS SETOF uuid {STABLE} AS $$ SELECT DISTINCT i.customer_id FROM telemetry_deviceinventory i"
            " WHERE i.serial <> '' AND lower(i.serial) = lower(wanted) AND app_is_staff() $$",
        ),
    ]
