"""ingest_accept() looks each key and device up by its index, whatever the planner believes of the tables.

Its plans are generic and live as long as the door's connection. Made while the tables were small or not yet analysed, they read
every key of the installation for every group of reports, which was half of what a report cost the database. A subquery with
OFFSET 0 is asked once for each row and cannot be turned into a join over the whole table.

The work flag tells two things more. How old the news may be, so that the analysis looks into the days that have some and not
into every one. And from when on it may be claimed: analysing one report costs most of what analysing ten does, so a device
that sends a backlog, or more often than anybody should, is analysed at most once in so many seconds, and at a whole second,
so that many are claimed at once; a device that keeps to its interval never waits.

The detectors' state comes compressed, and is kept as it is and in its row.
"""

from importlib import import_module

from django.db import migrations, models

from access.rowlevel import DefinerFunction, Sql

accept = import_module("telemetry.migrations.0005_ingest_accept")
rest = import_module("telemetry.migrations.0008_rest_holds")

ARGUMENTS = f"{accept.ACCEPT_ARGUMENTS}, spacing float8 DEFAULT 0"
CHANGES = (
    (
        "SET plan_cache_mode = force_generic_plan",
        "SET plan_cache_mode = force_generic_plan SET enable_seqscan = off",
    ),
    (
        """      JOIN telemetry_devicekey k ON k.id = i.key AND k.revoked_at IS NULL
      JOIN access_organization o ON o.id = k.customer_id AND o.status = 'active'
      LEFT JOIN telemetry_collector c ON c.id = k.collector_id
     WHERE c.retired_at IS NULL""",
        """     CROSS JOIN LATERAL (
       SELECT q.customer_id, q.device_id, q.collector_id FROM telemetry_devicekey q
        WHERE q.id = i.key AND q.revoked_at IS NULL OFFSET 0) k
     WHERE EXISTS (SELECT FROM access_organization o WHERE o.id = k.customer_id AND o.status = 'active' OFFSET 0)
       AND NOT EXISTS (SELECT FROM telemetry_collector c WHERE c.id = k.collector_id AND c.retired_at IS NOT NULL OFFSET 0)""",
    ),
    (
        "AND d.stay_number = t.stay AND d.retired_at IS NULL)",
        "AND d.stay_number = t.stay AND d.retired_at IS NULL OFFSET 0)",
    ),
    (
        """(device_id, customer_id, touched, since, run_at, attempts, last_error)
    SELECT DISTINCT t.device, r_customer[t.n], 1, statement_timestamp(), statement_timestamp(), 0, ''
      FROM unnest(d_of, d_device) AS t (n, device) WHERE""",
        """(device_id, customer_id, touched, since, run_at, attempts, last_error, oldest)
    SELECT DISTINCT t.device, r_customer[t.n], 1, statement_timestamp(), greatest(statement_timestamp(),
             (SELECT date_trunc('second', h.updated_at) + make_interval(secs => spacing) FROM telemetry_devicehealth h
               WHERE h.device_id = t.device AND h.last_seen_at IS NOT NULL AND spacing > 0)),
           0, '', coalesce(to_timestamp(m.at), statement_timestamp())
      FROM unnest(d_of, d_device, d_stay) AS t (n, device, stay)
      LEFT JOIN (SELECT s.stay, min(s.at) AS at FROM (
             SELECT * FROM unnest(h_stay, h_at) UNION ALL SELECT * FROM unnest(t_stay, t_at)) AS s (stay, at)
           GROUP BY s.stay) m ON m.stay = t.stay
     WHERE""",
    ),
    (
        ", since = excluded.since;",
        """, since = excluded.since,
       oldest = CASE WHEN telemetry_analysisdue.oldest IS NOT NULL THEN least(telemetry_analysisdue.oldest, excluded.oldest) END;""",
    ),
)


class StateInItsRow(Sql):
    """Two kilobytes that do not shrink any more: not tried again at every report, and not put beside the table."""

    forwards = (
        "ALTER TABLE telemetry_detectorstate ALTER COLUMN blob SET STORAGE EXTERNAL",
        "ALTER TABLE telemetry_detectorstate SET (toast_tuple_target = 8160, fillfactor = 60)",
    )
    backwards = (
        "ALTER TABLE telemetry_detectorstate ALTER COLUMN blob SET STORAGE EXTENDED",
        "ALTER TABLE telemetry_detectorstate RESET (toast_tuple_target, fillfactor)",
    )


def by_index(body: str) -> str:
    """The function with the changes. Raises ValueError if a part of it is not found any more."""
    for before, after in CHANGES:
        if body.count(before) != 1:
            raise ValueError(f"ingest_accept() has changed: {before!r}")
        body = body.replace(before, after)
    return body


FORMER = DefinerFunction(f"ingest_accept({accept.ACCEPT_ARGUMENTS})", "sc_ingest", rest.waiting(accept.ACCEPT))


class DropFormer(Sql):
    """A web process of before calls the new function, which has a default for what that does not know."""

    forwards = FORMER.backwards
    backwards = FORMER.forwards


class Migration(migrations.Migration):
    dependencies = [("telemetry", "0008_rest_holds")]

    operations = [
        migrations.AddField("analysisdue", "oldest", models.DateTimeField(null=True, blank=True)),
        StateInItsRow(),
        DropFormer(),
        DefinerFunction(f"ingest_accept({ARGUMENTS})", "sc_ingest", by_index(rest.waiting(accept.ACCEPT))),
    ]
