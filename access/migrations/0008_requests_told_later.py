"""A customer is told of a request by the sweep, so that asking takes the same time whether the customer exists or not."""

from django.db import migrations, models
from django.db.models import F, Q

from access.rowlevel import DefinerFunction

STATES = [
    ("waiting", "Waiting for an answer"),
    ("allowed", "Allowed"),
    ("declined", "Declined"),
    ("withdrawn", "Withdrawn"),
    ("lapsed", "Lapsed"),
]


class Migration(migrations.Migration):
    dependencies = [("access", "0007_preview")]

    operations = [
        migrations.AddField(
            model_name="accessrequest",
            name="told",
            field=models.CharField(blank=True, choices=STATES, max_length=9, default=""),
            preserve_default=False,
        ),
        migrations.AddIndex(
            model_name="accessrequest",
            index=models.Index(
                condition=Q(("customer__isnull", False), Q(("told", F("state")), _negated=True)),
                fields=["asked_at"],
                name="request_to_be_told",
            ),
        ),
        DefinerFunction(
            "find_untold_requests()",
            "sc_claim",
            "RETURNS TABLE (id uuid, customer_id uuid, partner_id uuid) LANGUAGE sql STABLE SECURITY DEFINER"
            " SET search_path = pg_catalog, public AS $$ SELECT r.id, r.customer_id, r.partner_id FROM access_accessrequest r"
            " WHERE r.customer_id IS NOT NULL AND NOT (r.told = r.state) ORDER BY r.asked_at LIMIT 200 $$",
        ),
    ]
