"""Celery tasks, thin: a wake runs what is due of its kind. What is to be done stands in the database."""

from collections.abc import Callable

from celery import shared_task

from telemetry import jobs

HOUSEKEEPING: tuple[Callable[[], object], ...] = ()


@shared_task(name="telemetry.run")
def run(kind: str) -> None:
    jobs.run_due(kind)


def wake_if_due() -> None:
    pass
