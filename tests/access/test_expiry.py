"""What the clock ends is booked within a sweep, once, and told."""

import logging
import threading
from datetime import timedelta

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from access import acts, expiry, requests, sharing, tasks
from access.models import AccessRequest, Anchor, AuditEntry, Category, Grant, RequestState, Site
from access.principal import acting, job
from tests.cast import HEALTH, INVENTORY, World


@pytest.fixture
def told(monkeypatch) -> list[tuple[str, str]]:
    heard: list[tuple[str, str]] = []

    def hear(act: str):
        return lambda subject, **facts: heard.append((act, subject.public_id))

    for act in ("grant.ended", "grant.ending_soon", "request.lapsed"):
        monkeypatch.setitem(acts._handlers, act, [hear(act)])
    return heard


def row(world: World, grant: Grant) -> Grant:
    with job(world.acme.pk):
        return Grant.objects.get(pk=grant.pk)


def update(world: World, grant: Grant, **values) -> None:
    with job(world.acme.pk):
        assert Grant.objects.filter(pk=grant.pk).update(**values) == 1


def test_given_an_end_that_has_passed_when_the_sweep_comes_then_it_is_booked_once(world: World, told):
    grant = world.acme.shares("hq", with_=world.northwind, categories={HEALTH})
    world.acme.lets_expire(grant)

    assert (expiry.book_expired(), expiry.book_expired()) == (1, 0)

    booked = row(world, grant)
    assert (booked.revoked_at, booked.generation) == (None, 2)
    assert booked.closed_at is not None
    assert told == [("grant.ended", grant.public_id)]
    with job(world.acme.pk):
        assert AuditEntry.objects.filter(customer=world.acme.pk, action="grant.expired").get().actor_name == "SmartCare"


def test_given_a_live_grant_when_the_sweep_comes_then_it_stays(world: World):
    grant = world.acme.shares("hq", with_=world.northwind, categories={HEALTH})

    assert expiry.book_expired() == 0
    with job(world.acme.pk):
        assert sharing.book_expiry(grant.pk) is None


def test_given_a_closed_grant_when_the_sweep_comes_then_it_is_drained_once(world: World):
    grant = world.acme.shares("hq", with_=world.northwind, categories={HEALTH})
    world.acme.revokes(grant)

    assert (expiry.drain_closed(), expiry.drain_closed()) == (1, 0)
    assert row(world, grant).drained_at is not None


def test_given_a_sending_that_does_not_end_when_a_minute_has_passed_then_there_is_an_alarm(
    lasting_world: World, behind, caplog
):
    world = lasting_world
    grant = world.acme.shares("hq", with_=world.northwind, categories={HEALTH})
    world.acme.revokes(grant)
    behind.execute("SELECT pg_advisory_lock_shared(hashtextextended(%s, 0))", [f"{grant.site_id}:{grant.partner_id}"])
    try:
        with caplog.at_level(logging.ERROR):
            assert expiry.drain_closed() == 0
            quiet = [r for r in caplog.records if "grant.not_drained" in r.getMessage()]
            update(world, grant, closed_at=timezone.now() - timedelta(seconds=61))
            assert expiry.drain_closed() == 0
    finally:
        behind.execute("SELECT pg_advisory_unlock_all()")

    alarms = [r for r in caplog.records if "grant.not_drained" in r.getMessage()]
    assert (len(quiet), len(alarms)) == (0, 1)
    assert str(grant.pk) in alarms[0].getMessage()
    assert expiry.drain_closed() == 1


def test_given_an_end_in_14_days_when_the_sweep_comes_then_both_sides_are_reminded_once(world: World, told):
    soon = world.acme.shares("hq", with_=world.northwind, categories={HEALTH}, days=90)
    world.acme.shares("branch", with_=world.northwind, categories={HEALTH}, days=90)
    update(
        world,
        soon,
        granted_at=timezone.now() - timedelta(days=77),
        expires_at=timezone.now() + timedelta(days=13, hours=23),
    )

    assert (expiry.remind(), expiry.remind()) == (1, 0)
    assert told == [("grant.ending_soon", soon.public_id)]


@pytest.mark.parametrize("given", ["for a week", "changed to end in a week"])
def test_given_an_access_decided_just_now_when_it_ends_within_14_days_then_nobody_is_reminded(
    world: World, told, given
):
    if given == "for a week":
        world.acme.shares("hq", with_=world.northwind, categories={HEALTH}, days=7)
    else:
        grant = world.acme.shares("hq", with_=world.northwind, categories={HEALTH}, days=90)
        update(world, grant, granted_at=timezone.now() - timedelta(days=60))
        world.acme.changes(row_with_partner(world, grant), expires_at=timezone.now() + timedelta(days=7))

    assert expiry.remind() == 0
    assert [act for act, _ in told] == []


def row_with_partner(world: World, grant: Grant) -> Grant:
    with job(world.acme.pk):
        return Grant.objects.select_related("site", "partner").get(pk=grant.pk)


def test_given_an_access_that_was_extended_when_its_new_end_is_near_then_there_is_another_reminder(world: World, told):
    grant = world.acme.shares("hq", with_=world.northwind, categories={HEALTH}, days=90)
    update(world, grant, granted_at=timezone.now() - timedelta(days=80), reminded_at=timezone.now())
    world.acme.changes(row_with_partner(world, grant), expires_at=timezone.now() + timedelta(days=60))

    assert row(world, grant).reminded_at is None
    assert expiry.remind() == 0
    update(world, grant, changed_at=timezone.now() - timedelta(days=50), expires_at=timezone.now() + timedelta(days=10))
    assert expiry.remind() == 1


@pytest.mark.parametrize("name", ["Acme", "Nobody AG"])
def test_given_a_request_nobody_answered_when_30_days_have_passed_then_it_lapses(world: World, told, name):
    nora = world.northwind.viewer()
    with acting(nora):
        request = requests.ask(
            by=nora,
            customer_name=name,
            categories={INVENTORY},
            days=30,
            reason="We want to size the replacement firewall.",
        )
    assert expiry.lapse_requests() == 0
    with job(world.northwind.pk):
        AccessRequest.objects.filter(pk=request.pk).update(lapses_at=timezone.now() - timedelta(seconds=1))

    assert (expiry.lapse_requests(), expiry.lapse_requests()) == (1, 0)

    with job(world.northwind.pk):
        assert AccessRequest.objects.get(pk=request.pk).state == RequestState.LAPSED
    assert expiry.tell_customers() == (name == "Acme")
    assert told == ([("request.lapsed", request.public_id)] if name == "Acme" else [])


def test_given_nothing_to_do_when_the_sweeps_come_then_each_asks_one_question(world: World):
    for sweep in tasks.SWEEPS:  # the first round anchors the day
        sweep()

    for sweep in tasks.SWEEPS:
        with CaptureQueriesContext(connection) as asked:
            assert sweep() == 0
        assert len(asked) == 1, sweep


def test_when_sweeps_run_for_several_customers_then_each_works_as_its_own(world: World):
    world.acme.lets_expire(world.acme.shares("hq", with_=world.northwind, categories={HEALTH}))
    grant = world.globex.shares("plant", with_=world.northwind, categories={HEALTH})
    with job(world.globex.pk):
        Grant.objects.filter(pk=grant.pk).update(
            granted_at=timezone.now() - timedelta(days=2), expires_at=timezone.now() - timedelta(days=1)
        )

    assert expiry.book_expired() == 2

    nora = world.northwind.viewer()
    with acting(nora):
        assert not Site.objects.visible_to(nora, Category.ANY).exists()


def test_given_one_that_fails_each_time_when_the_sweep_comes_then_those_behind_it_are_booked(world: World, monkeypatch):
    first = world.acme.shares("hq", with_=world.northwind, categories={HEALTH})
    second = world.acme.shares("branch", with_=world.northwind, categories={HEALTH})
    for grant in (first, second):
        world.acme.lets_expire(grant)

    def broken(grant, **facts):
        if grant.pk == first.pk:
            raise OSError("the queue is full")

    monkeypatch.setitem(acts._handlers, "grant.ended", [broken])

    assert expiry.book_expired() == 1
    assert row(world, second).closed_at is not None
    assert row(world, first).closed_at is None


def test_when_two_sweeps_run_at_once_then_everything_is_done_once(lasting_world: World, monkeypatch):
    world = lasting_world
    heard: list[str] = []
    for act in ("grant.ended", "grant.ending_soon", "request.made"):
        monkeypatch.setitem(acts._handlers, act, [lambda subject, _act=act, **facts: heard.append(_act)])
    world.acme.lets_expire(world.acme.shares("hq", with_=world.northwind, categories={HEALTH}))
    soon = world.acme.shares("branch", with_=world.northwind, categories={HEALTH}, days=90)
    update(
        world,
        soon,
        granted_at=timezone.now() - timedelta(days=80),
        expires_at=timezone.now() + timedelta(days=10),
    )
    nora = world.northwind.viewer()
    with acting(nora):
        requests.ask(
            by=nora, customer_name="Acme", categories={INVENTORY}, days=30, reason="We would like to help you."
        )
    start = threading.Barrier(3)

    def sweep() -> None:
        start.wait()
        for step in tasks.SWEEPS:
            step()
        connections.close_all()

    threads = [threading.Thread(target=sweep) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(heard) == ["grant.ended", "grant.ending_soon", "request.made"]
    with job(world.acme.pk):
        days = list(Anchor.objects.filter(customer=world.acme.pk).values_list("number", flat=True))
    assert days == [1]


def test_given_access_that_runs_and_access_that_is_over_when_asked_what_to_book_then_the_latter_alone(world: World):
    """Booking asks again, which would hide a question that names too many."""
    world.acme.shares("hq", with_=world.northwind, categories={HEALTH})
    over = world.acme.shares("branch", with_=world.northwind, categories={HEALTH})
    world.acme.lets_expire(over)

    with connection.cursor() as cursor:
        cursor.execute("SELECT id::text FROM find_expired_grants()")
        assert cursor.fetchall() == [(str(over.pk),)]
