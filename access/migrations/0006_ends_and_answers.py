"""What the clock ends of staff permissions, a reminder that a change postpones, and who answered an invitation."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q

from access.rowlevel import DefinerFunction, Redefine

FINDS = "LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public"


def reminders(since: str) -> str:
    return (
        f"RETURNS TABLE (id uuid, customer_id uuid) {FINDS} AS $$ SELECT g.id, g.customer_id FROM access_grant g"
        " WHERE g.closed_at IS NULL AND g.reminded_at IS NULL AND g.expires_at <= statement_timestamp() + interval '14 days'"
        f" AND g.expires_at > statement_timestamp() AND g.expires_at - {since} > interval '14 days' LIMIT 200 $$"
    )


class Migration(migrations.Migration):
    dependencies = [("access", "0005_anchors_and_waiting_looks")]

    operations = [
        migrations.AddField(
            model_name="invitation",
            name="accepted_for",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="access.organization",
            ),
        ),
        migrations.AddConstraint(
            model_name="staffpermission",
            constraint=models.CheckConstraint(
                condition=Q(
                    ("starts_at", None), ("way", "break_glass"), ("answered_by__isnull", False), _connector="OR"
                ),
                name="a_lockbox_opens_only_with_an_answer",
            ),
        ),
        DefinerFunction(
            "find_staff_permissions_due()",
            "sc_claim",
            f"RETURNS TABLE (id uuid, customer_id uuid) {FINDS} AS $$ SELECT t.id, t.customer_id FROM access_staffpermission t"
            " WHERE t.ended_at IS NULL AND ((t.state = 'waiting' AND t.lapses_at <= statement_timestamp())"
            " OR (t.state = 'allowed' AND t.expires_at <= statement_timestamp())) LIMIT 200 $$",
        ),
        # A grant that was changed to end in a week is no news a moment later.
        Redefine(
            "find_grants_to_remind()",
            "sc_claim",
            reminders("coalesce(g.changed_at, g.granted_at)"),
            former=reminders("g.granted_at"),
        ),
    ]
