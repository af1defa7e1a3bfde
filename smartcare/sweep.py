"""The round every two seconds that makes every loss of a wake harmless."""

from collections.abc import Callable

import structlog
from celery import shared_task

from access import tasks as access_tasks
from partners import tasks as partners_tasks
from telemetry import jobs
from telemetry import tasks as telemetry_tasks

log = structlog.get_logger(__name__)


@shared_task(name="smartcare.sweep")
def sweep() -> None:
    """Wake whoever has due work, and do access's own small rounds."""
    for step in (_wake_kinds, telemetry_tasks.wake_if_due, partners_tasks.wake_if_due, *access_tasks.SWEEPS):
        _survive(step)


@shared_task(name="smartcare.housekeeping")
def housekeeping() -> None:
    """Every ten minutes: partitions made ahead and dropped, hot samples compacted, finished jobs forgotten."""
    for step in (*telemetry_tasks.HOUSEKEEPING, *partners_tasks.HOUSEKEEPING):
        _survive(step)


def _wake_kinds() -> None:
    for kind in jobs.kinds_due():
        jobs.wake(kind)


def _survive(step: Callable[[], object]) -> None:
    """One step's failure must not keep the others from running: expiry is booked even when a mailbox is broken."""
    try:
        step()
    except Exception:
        log.exception("sweep.failed", step=step.__name__)
