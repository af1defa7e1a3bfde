"""The queue of record: claimed with a lease and a token, finished by its owner alone, given up visibly, never stuck."""

import contextlib
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from celery import Celery, current_app
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from access.principal import job
from telemetry import jobs
from telemetry.models import Job
from tests.cast import Company, World
from tests.telemetry.watching import elsewhere

KIND = "test.work"
type Work = Callable[[jobs.Claim], None]


class Handler:
    """What a test's jobs do; `ran` are the jobs that ran, `work` what the next ones do."""

    def __init__(self) -> None:
        self.ran: list[jobs.Claim] = []
        self.work: Work = lambda claim: None

    def __call__(self, claim: jobs.Claim) -> None:
        self.ran.append(claim)
        self.work(claim)


@pytest.fixture
def handler() -> Iterator[Handler]:
    made = Handler()
    jobs.handles(KIND)(made)
    yield made
    del jobs._handlers[KIND]


def queue(company: Company, *, key: str = "", delay: timedelta | None = None, **payload: Any) -> uuid.UUID:
    ref = uuid.uuid4()
    with job(company.pk):
        jobs.enqueue(KIND, customer=company.pk, ref=ref, key=key, payload=payload, delay=delay)
    return ref


def row(company: Company, ref: uuid.UUID) -> Job:
    with job(company.pk):
        return Job.unscoped.get(kind=KIND, ref=ref)


def make_due(company: Company) -> None:
    """Leases lapse and waits are over."""
    past = timezone.now() - timedelta(seconds=1)
    with job(company.pk):
        Job.unscoped.filter(kind=KIND, state="ready").update(run_at=past)
        Job.unscoped.filter(kind=KIND, state="running").update(lease_until=past)


def fail(claim: jobs.Claim) -> None:
    raise ValueError(f"cannot do {claim.ref}")


def test_when_a_job_is_queued_then_it_runs_once_with_what_it_was_given(world: World, handler: Handler):
    ref = queue(world.acme, port=7)

    assert jobs.run_due(KIND) == 1
    assert jobs.run_due(KIND) == 0

    assert [(claim.ref, claim.customer_id, claim.payload) for claim in handler.ran] == [
        (ref, world.acme.pk, {"port": 7})
    ]
    assert row(world.acme, ref).state == "done"


def test_when_the_transaction_that_queued_it_is_undone_then_there_is_no_job(world: World, handler: Handler):
    with transaction.atomic():
        queue(world.acme)
        transaction.set_rollback(True)

    assert jobs.run_due(KIND) == 0


def test_when_the_same_key_is_queued_twice_then_it_is_one_job_for_each_customer(world: World, handler: Handler):
    for company in (world.acme, world.acme, world.globex):
        queue(company, key="once")

    assert jobs.run_due(KIND) == 2
    assert {claim.customer_id for claim in handler.ran} == {world.acme.pk, world.globex.pk}


def test_when_a_job_is_to_wait_then_it_is_not_claimed_before(world: World, handler: Handler):
    ref = queue(world.acme, delay=timedelta(minutes=5))

    assert jobs.run_due(KIND) == 0
    assert KIND not in jobs.kinds_due()

    make_due(world.acme)

    assert KIND in jobs.kinds_due()
    assert jobs.run_due(KIND) == 1
    assert handler.ran[0].ref == ref


def test_given_a_claimed_job_when_its_lease_holds_then_nobody_else_gets_it(lasting_world: World, handler: Handler):
    queue(lasting_world.acme)

    assert len(jobs.claim_due(KIND, 5)) == 1
    assert elsewhere(lambda: jobs.claim_due(KIND, 5)) == []


def test_given_two_workers_when_they_claim_at_once_then_no_job_is_given_twice(lasting_world: World, handler: Handler):
    for _ in range(6):
        queue(lasting_world.acme)

    with transaction.atomic(), connection.cursor() as cursor:  # still uncommitted while the other one claims
        cursor.execute("SELECT id FROM claim_jobs(%s, 4)", [KIND])
        first = {found[0] for found in cursor.fetchall()}
        second = {claim.id for claim in elsewhere(lambda: jobs.claim_due(KIND, 4))}

    assert (len(first), len(second), first & second) == (4, 2, set())


def test_given_a_lapsed_lease_when_another_worker_has_the_job_then_the_first_changes_nothing(
    lasting_world: World, handler: Handler
):
    acme = lasting_world.acme
    ref = queue(acme)
    slow = jobs.claim_due(KIND, 1)[0]
    make_due(acme)
    quick = elsewhere(lambda: jobs.claim_due(KIND, 1))[0]
    handler.work = lambda claim: jobs.enqueue("test.effect", customer=acme.pk, ref=claim.token)

    assert not jobs.run(KIND, slow)
    assert elsewhere(lambda: jobs.run(KIND, quick))

    with job(acme.pk):
        assert list(Job.unscoped.filter(kind="test.effect").values_list("ref", flat=True)) == [quick.token]
    assert (row(acme, ref).state, row(acme, ref).attempts) == ("done", 2)


def test_given_a_finished_job_when_a_worker_is_in_doubt_whether_its_commit_came_through_then_it_stays_finished(
    world: World, handler: Handler
):
    ref = queue(world.acme)
    claim = jobs.claim_due(KIND, 1)[0]
    assert jobs.run(KIND, claim)

    jobs._put_back(KIND, claim, OSError("the connection broke while it committed"))

    assert row(world.acme, ref).state == "done"


def test_when_a_job_fails_then_its_effects_are_undone_and_it_comes_again_after_a_while(world: World, handler: Handler):
    ref = queue(world.acme)

    def half(claim: jobs.Claim) -> None:
        jobs.enqueue("test.effect", customer=world.acme.pk, ref=claim.ref)
        fail(claim)

    handler.work = half
    assert jobs.run_due(KIND) == 0

    found = row(world.acme, ref)
    assert (found.state, found.attempts) == ("ready", 1)
    assert found.last_error == f"ValueError: cannot do {ref}"
    assert found.run_at > timezone.now()
    with job(world.acme.pk):
        assert not Job.unscoped.filter(kind="test.effect").exists()


def test_when_a_job_fails_five_times_then_it_is_given_up_and_stays_to_be_seen(world: World, handler: Handler):
    ref = queue(world.acme)
    handler.work = fail

    for _ in range(7):
        jobs.run_due(KIND)
        make_due(world.acme)

    found = row(world.acme, ref)
    assert (found.state, found.attempts, len(handler.ran)) == ("dead", 5, 5)
    assert found.finished_at is not None
    assert found.last_error


def test_given_a_job_that_kills_its_process_when_it_was_claimed_five_times_then_it_is_not_tried_again(
    world: World, handler: Handler
):
    ref = queue(world.acme)
    for _ in range(5):
        assert len(jobs.claim_due(KIND, 1)) == 1  # and then the process is gone
        make_due(world.acme)

    assert jobs.run_due(KIND) == 0

    assert row(world.acme, ref).state == "dead"
    assert handler.ran == []


def test_given_a_job_that_kills_its_process_when_others_wait_behind_it_then_they_lose_neither_time_nor_attempts(
    world: World, handler: Handler
):
    poison = queue(world.acme)
    others = [queue(world.acme) for _ in range(3)]

    class Killed(BaseException):
        """Nothing of ours may run after it, as after a SIGKILL."""

    def kill(claim: jobs.Claim) -> None:
        if claim.ref == poison:
            raise Killed

    handler.work = kill
    with pytest.raises(Killed):
        jobs.run_due(KIND)
    assert jobs.run_due(KIND) == 3  # the next wake, while the poison's lease runs

    assert {(row(world.acme, ref).state, row(world.acme, ref).attempts) for ref in others} == {("done", 1)}
    assert row(world.acme, poison).state == "running"


def test_given_a_job_that_fails_when_others_are_due_then_they_run_in_the_same_round(world: World, handler: Handler):
    poison = queue(world.acme)
    for company in (world.acme, world.globex):
        queue(company)
    handler.work = lambda claim: fail(claim) if claim.ref == poison else None

    assert jobs.run_due(KIND) == 2


def test_when_a_job_runs_then_it_sees_its_own_customer_and_no_other(world: World, handler: Handler):
    seen: dict[uuid.UUID, set[uuid.UUID]] = {}
    for company in (world.acme, world.globex):
        queue(company)

    def look(claim: jobs.Claim) -> None:
        seen[claim.customer_id] = set(Job.unscoped.values_list("customer_id", flat=True))

    handler.work = look
    jobs.run_due(KIND)

    assert seen == {pk: {pk} for pk in (world.acme.pk, world.globex.pk)}


def test_given_no_principal_when_jobs_are_asked_for_then_there_are_none(world: World, handler: Handler):
    queue(world.acme)

    assert not Job.unscoped.filter(kind=KIND).exists()


@contextlib.contextmanager
def broker(url: str) -> Iterator[Celery]:
    """Wakes go there meanwhile."""
    before = current_app._get_current_object()
    app = Celery("test", broker=url, set_as_current=False)
    app.conf.broker_transport_options = settings.CELERY_BROKER_TRANSPORT_OPTIONS if url.startswith("redis") else {}
    app.set_current()
    jobs._last_wake.clear()
    try:
        yield app
    finally:
        before.set_current()
        jobs._last_wake.clear()


def test_given_a_broker_that_is_away_when_work_is_queued_then_it_is_queued_all_the_same(
    lasting_world: World, handler: Handler
):
    with broker("redis+socket:///nowhere/at/all.sock"):
        began = time.monotonic()
        ref = queue(lasting_world.acme)

    assert row(lasting_world.acme, ref).state == "ready"
    assert time.monotonic() - began < 2


def test_when_work_is_queued_in_a_burst_then_its_workers_are_woken_at_most_five_times_a_second(
    lasting_world: World, handler: Handler
):
    with broker("memory://") as app:
        for _ in range(20):
            queue(lasting_world.acme)
        with app.connection_for_read() as connected:
            woken = connected.SimpleQueue(jobs.DEFAULT_QUEUE).qsize()

    assert 1 <= woken <= 4
