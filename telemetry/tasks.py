"""Celery tasks, thin: a wake runs what is due of its kind. What is to be done stands in the database."""

from collections.abc import Callable

from celery import shared_task
from django.db import connection, transaction

from telemetry import jobs, retention, silence, watch
from telemetry.ingest import quarantine

jobs.runs("analysis", watch.analyse_due)

HOUSEKEEPING: tuple[Callable[[], object], ...] = (*retention.HOUSEKEEPING, quarantine.read_again)


@shared_task(name="telemetry.run")
def run(kind: str) -> None:
    """One wake. Anything left when it ends is found by the sweep, two seconds later at most."""
    jobs.run_due(kind)


@shared_task(name="telemetry.silence")
def watch_for_silence() -> None:
    silence.sweep()


def wake_if_due() -> None:
    """For the sweep: devices with news are claimed by a function of their own, not as jobs."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT find_analysis_due()")
        if cursor.fetchone()[0]:
            jobs.wake("analysis")
