"""A suspended partner: nothing more goes out to it, and its journal says when nothing was under way any more (T6, T7)."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from access import principal, sharing
from access.models import AuditEntry, Grant
from access.principal import job
from access.viewer import Viewer
from partners.models import Delivery, Destination
from smartcare.staff import accounts
from telemetry import jobs
from telemetry.models import Job
from tests.cast import HEALTH, World
from tests.conftest import owner_connection
from tests.partners.hooks import Hook, hook_of, sent

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def world(lasting_world: World, settings: Any) -> World:
    settings.EGRESS_ALLOW = ["127.0.0.1"]
    with job(lasting_world.acme.pk, lasting_world.northwind.pk):
        Destination.objects.update(enabled=False)
    return lasting_world


@pytest.fixture
def grant(world: World) -> Grant:
    return world.acme.shares("hq", with_=world.northwind, categories={HEALTH}, forward_alerts=True)


@pytest.fixture
def under_way(grant: Grant) -> Iterator[Any]:
    """A connection that is just sending: it holds the shared lock of the pair. `.commit()` ends it."""
    connection = owner_connection(connections["default"].settings_dict["NAME"])
    with connection.cursor() as cursor:
        pair = f"{grant.site_id}:{grant.partner_id}"
        cursor.execute("SELECT pg_advisory_xact_lock_shared(hashtextextended(%s, 0))", [pair])
    yield connection
    connection.close()


def suspended(world: World) -> None:
    sam = Viewer.of_staff(world.sam)
    with principal.acting(sam):
        accounts.suspend(world.northwind.organization, by=sam)


def let_go_on(world: World) -> None:
    sam = Viewer.of_staff(world.sam)
    with principal.acting(sam):
        accounts.resume(world.northwind.organization, by=sam)


def drained(world: World) -> list[dict[str, Any]]:
    with job(world.northwind.pk):
        found = AuditEntry.objects.filter(customer=world.northwind.pk, action="organization.drained")
        return [entry.after for entry in found]


def due_now(world: World) -> None:
    with job(world.northwind.pk):
        Job.unscoped.filter(kind="partner.drain").update(run_at=timezone.now() - timedelta(seconds=1))


def test_when_a_partner_is_suspended_then_its_pairs_are_drained_and_its_grants_stay(world: World, grant: Grant):
    world.globex.shares("plant", with_=world.northwind, categories={HEALTH})
    suspended(world)

    jobs.run_due("partner.drain")

    assert len(drained(world)) == 1
    assert '"sites":2' in str(drained(world)[0]).replace(" ", "").replace("'", '"')
    with job(world.acme.pk):
        row = Grant.objects.get(pk=grant.pk)
    assert (row.closed_at, row.revoked_at, row.generation) == (None, None, grant.generation)


def test_given_something_under_way_when_it_is_suspended_then_drained_is_said_only_when_that_has_ended(
    world: World, under_way: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(principal, "JOB_LOCK_MS", 100)
    suspended(world)

    jobs.run_due("partner.drain")
    while_under_way = drained(world)
    under_way.commit()
    due_now(world)
    jobs.run_due("partner.drain")

    assert (while_under_way, len(drained(world))) == ([], 1)


def test_given_a_partner_that_was_let_go_on_before_the_work_ran_then_nothing_is_said(world: World, grant: Grant):
    suspended(world)
    let_go_on(world)

    jobs.run_due("partner.drain")

    assert drained(world) == []


def test_when_it_is_suspended_a_second_time_then_it_is_drained_a_second_time(world: World, grant: Grant):
    for _ in range(2):
        suspended(world)
        jobs.run_due("partner.drain")
        let_go_on(world)

    assert len(drained(world)) == 2


@pytest.fixture
def hook(world: World, grant: Grant) -> Iterator[Hook]:
    with hook_of(world.northwind) as made:
        yield made


def test_given_a_suspended_partner_when_its_access_ends_then_its_webhook_is_not_told(
    world: World, grant: Grant, hook: Hook
):
    suspended(world)
    world.acme.revokes(grant)

    sent()

    with job(world.acme.pk):
        told = Delivery.objects.filter(destination=hook.destination, event="access.revoked")
        assert set(told.values_list("state", "reason")) == {("cancelled", "partner_inactive")}
    assert hook.received == []


def test_given_a_suspended_partner_when_it_waits_for_a_challenge_then_none_is_sent(world: World):
    with hook_of(world.northwind) as hook:
        with job(world.northwind.pk):
            Delivery.objects.filter(event="destination.verification").update(state="ready")
        hook.changes(verified_at=None)
        suspended(world)
        with job(world.northwind.pk):
            Delivery.objects.filter(event="destination.verification").update(state="ready", reason="")

        sent()

        assert hook.received == []


def test_given_a_pair_drained_by_suspending_when_its_access_is_stopped_then_that_is_drained_too(
    world: World, grant: Grant
):
    suspended(world)
    jobs.run_due("partner.drain")
    world.acme.revokes(grant)

    assert sharing.drain(grant.pk, customer=world.acme.pk) is not None
