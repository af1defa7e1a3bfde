"""The queue of record: rows in PostgreSQL, claimed with a lease and a token. Celery and the broker only carry wake-ups.

Whatever is lost on the way (a wake, a worker, the broker with all its memory) costs at most one sweep: the row is still there.
"""

import json
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from celery import current_app
from django.db import connection, transaction
from django.db.models.functions import Now

from access.failpoints import failpoint
from access.principal import principal
from telemetry.models import Job, JobState

log = structlog.get_logger(__name__)

Handler = Callable[["Claim"], None]
_handlers: dict[str, Handler] = {}
# One queue for each kind of trouble: a slow partner's server must not hold up the analysis.
QUEUES = {"analysis": "analyse", "delivery": "deliver"}
DEFAULT_QUEUE = "maint"
# A task may take 20 s; a job begun before this has its share of them.
BEGIN_WITHIN_S = 8.0


class LeaseLost(Exception):
    """Somebody else has the work: we were too slow, and nothing we did may count."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A job this process owns until its lease ends."""

    id: UUID
    customer_id: UUID
    ref: UUID
    payload: dict[str, Any]
    token: UUID
    attempts: int


def handles(kind: str) -> Callable[[Handler], Handler]:
    """Register the handler of a kind. It runs inside the principal of the job's customer, in the transaction that finishes the job."""

    def register(handler: Handler) -> Handler:
        _handlers[kind] = handler
        return handler

    return register


_runners: dict[str, Callable[[], int]] = {}


def runs(kind: str, runner: Callable[[], int]) -> None:
    """Register work that is claimed in a way of its own (analysis, deliveries): a wake of this kind calls it."""
    _runners[kind] = runner


def enqueue(
    kind: str,
    *,
    customer: UUID,
    ref: UUID,
    key: str = "",
    payload: dict[str, Any] | None = None,
    delay: timedelta | None = None,
) -> None:
    """Queue work inside the transaction that makes it necessary; the wake follows the commit. The same key once."""
    with connection.cursor() as cursor:
        # Raw and without RETURNING: a partner who answers an alert queues work of the customer, which it may not read.
        cursor.execute(
            "INSERT INTO telemetry_job (id, customer_id, kind, ref, dedupe_key, payload, state, run_at, attempts, max_attempts,"
            " last_error, created_at) VALUES (gen_random_uuid(), %s, %s, %s, %s, %s::jsonb, 'ready',"
            " statement_timestamp() + make_interval(secs => %s), 0, 5,"
            " '', statement_timestamp()) ON CONFLICT DO NOTHING",
            [customer, kind, ref, key or str(ref), _json(payload), (delay or timedelta()).total_seconds()],
        )
    if not delay:
        transaction.on_commit(lambda: wake(kind))


def run_due(kind: str) -> int:
    """Claim and run what is due of this kind, until none is or the task's time runs short. Returns how many were finished
    (or claimed, by a runner of its own).

    One at a time: a job that takes its process with it must not use up the attempts of those behind it.
    """
    if kind in _runners:
        return _runners[kind]()
    finished = 0
    stop = time.monotonic() + BEGIN_WITHIN_S
    while time.monotonic() < stop and (claims := claim_due(kind, 1)):
        finished += sum(run(kind, claim) for claim in claims)
    return finished


def claim_due(kind: str, limit: int) -> list[Claim]:
    """In a transaction of its own: attempts rise at the claim, so a job that kills its process is counted."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT id, customer_id, ref, payload, token, attempts FROM claim_jobs(%s, %s)", [kind, limit])
        claims = [Claim(row[0], row[1], row[2], _load(row[3]), row[4], row[5]) for row in cursor.fetchall()]
    if claims:
        failpoint("job.claimed")
    return claims


def run(kind: str, claim: Claim) -> bool:
    """Run one claimed job to its end. A failing one is tried again later, then given up, visibly."""
    handler = _handlers[kind]
    try:
        with principal(kind="job", customers=[claim.customer_id]):
            if _max_attempts(claim) < claim.attempts:
                _settle(claim, state=JobState.DEAD)
                log.error("job.dead", kind=kind, job=str(claim.id), attempts=claim.attempts)
                return False
            handler(claim)
            _settle(claim, state=JobState.DONE)
            failpoint("job.before_commit")
        failpoint("job.committed")
        return True
    except LeaseLost:
        log.warning("job.lease_lost", kind=kind, job=str(claim.id))
    except Exception as error:  # a job must never take the worker with it; the row keeps what happened
        log.exception("job.failed", kind=kind, job=str(claim.id), attempts=claim.attempts)
        _put_back(kind, claim, error)
    return False


def _max_attempts(claim: Claim) -> int:
    most: int = Job.unscoped.values_list("max_attempts", flat=True).get(pk=claim.id)
    return most


def _settle(claim: Claim, *, state: JobState) -> None:
    """Finish only what we still own: a worker whose lease lapsed changes nothing and its effects are rolled back."""
    changed = Job.unscoped.filter(pk=claim.id, token=claim.token, state=JobState.RUNNING).update(
        state=state, finished_at=Now(), lease_until=None
    )
    if changed == 0:
        raise LeaseLost(claim.id)


def _put_back(kind: str, claim: Claim, error: Exception) -> None:
    """Unless it is done: a connection that breaks while it commits leaves the worker in doubt, but not the row."""
    last = "".join(traceback.format_exception_only(error)).strip()[:300]
    wait = timedelta(seconds=min(60, 2**claim.attempts))
    with principal(kind="job", customers=[claim.customer_id]):
        dead = _max_attempts(claim) <= claim.attempts
        changed = Job.unscoped.filter(pk=claim.id, token=claim.token, state=JobState.RUNNING).update(
            state=JobState.DEAD if dead else JobState.READY,
            run_at=Now() + wait,
            lease_until=None,
            last_error=last,
            **({"finished_at": Now()} if dead else {}),
        )
    if dead and changed:
        log.error("job.dead", kind=kind, job=str(claim.id), attempts=claim.attempts)


def kinds_due() -> list[str]:
    """Kinds that have due work, for the sweep."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT find_kinds_due()")
        return [row[0] for row in cursor.fetchall() if row[0] in _handlers]


_last_wake: dict[str, float] = {}
_wake_lock = threading.Lock()
WAKE_EVERY_S = 0.2


def wake(kind: str) -> None:
    """Tell the workers that there is work of this kind. Best effort: never raises, never waits, at most five a second and process."""
    now = time.monotonic()
    with _wake_lock:
        if now - _last_wake.get(kind, -1.0) < WAKE_EVERY_S:
            return
        _last_wake[kind] = now
    try:
        current_app.send_task(
            "telemetry.run",
            args=[kind],
            queue=QUEUES.get(kind, DEFAULT_QUEUE),
            expires=10,
            retry=False,
            ignore_result=True,
        )
    except Exception as error:  # the sweep finds the work; a broker that is away must not cost a report
        log.warning("wake.lost", kind=kind, error=type(error).__name__)


def _json(value: dict[str, Any] | None) -> str:
    return json.dumps(value or {}, separators=(",", ":"), default=str)


def _load(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else json.loads(value or "{}")
