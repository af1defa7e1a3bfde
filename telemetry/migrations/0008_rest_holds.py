"""A device that is being given rest stays at rest, however many reports come for it.

ingest_accept() brought `run_at` forward to now with each report: what a device that nobody can analyse was to wait was over
with its next one, and each try of it cost the others a claim of their own. When a flag may be claimed is for the worker to say.
"""

from importlib import import_module

from django.db import migrations

from access.rowlevel import Redefine

accept = import_module("telemetry.migrations.0005_ingest_accept")

HASTENS = """, since = excluded.since,
       run_at = least(telemetry_analysisdue.run_at, excluded.run_at);"""
WAITS = ", since = excluded.since;"


def waiting(body: str) -> str:
    """The function without the line that hastens. Raises ValueError if there is no such line any more."""
    before, found, after = body.partition(HASTENS)
    if not found:
        raise ValueError("ingest_accept() of 0005 has changed: look at what becomes of run_at")
    return before + WAITS + after


class Migration(migrations.Migration):
    dependencies = [("telemetry", "0007_refusals")]

    operations = [
        Redefine(
            f"ingest_accept({accept.ACCEPT_ARGUMENTS})", "sc_ingest", waiting(accept.ACCEPT), former=accept.ACCEPT
        ),
    ]
