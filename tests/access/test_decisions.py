"""A decision is whole or not at all, also when its caller goes on; what it waits for, for how long, and what it locks."""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from time import monotonic
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from access import accounts, acts, sharing
from access.errors import NotAllowed
from access.models import AuditEntry, Grant, Scope
from access.principal import acting, job
from tests.access.test_sharing import guardian_agrees, in_threads, journal, now, terms
from tests.cast import HEALTH, TRAFFIC, World

Act = Callable[[World, Grant], object]


# ---- whole or not at all


def as_ada(act: Callable[..., object]) -> Act:
    def run(world: World, grant: Grant) -> object:
        ada = world.acme.viewer()
        with acting(ada), suppress(OSError):  # as a page does that shows the form again
            return act(world, grant, ada)

    return run


def as_job(act: Callable[..., object]) -> Act:
    def run(world: World, grant: Grant) -> object:
        with job(world.acme.pk), suppress(OSError):
            return act(world, grant)

    return run


ENDS = {
    "revoke": as_ada(lambda w, g, v: sharing.revoke(g, by=v)),
    "stop all": as_ada(lambda w, g, v: sharing.stop_all(by=v)),
    "close": as_job(lambda w, g: sharing.close_for_organization(w.acme.organization, by=None)),
    "expire": as_job(lambda w, g: sharing.book_expiry(g.pk)),
}
ACTS: dict[str, Act] = ENDS | {
    "decide": as_ada(
        lambda w, g, v: sharing.decide(
            partner=w.rival.organization, terms={w.acme.sites["branch"]: terms(HEALTH)}, by=v
        )
    ),
    "change": as_ada(lambda w, g, v: sharing.change(g, terms=terms(TRAFFIC), by=v)),
}


@pytest.mark.parametrize("act", ACTS)
def test_when_a_package_above_fails_then_nothing_is_left_of_the_act_even_if_its_caller_goes_on(
    world: World, monkeypatch: pytest.MonkeyPatch, act: str
):
    grant = world.acme.shares("hq", with_=world.northwind)
    if act == "expire":
        world.acme.lets_expire(grant)
    reached: list[str] = []

    def broken(row: Grant, **facts: Any) -> None:
        reached.append(row.public_id)
        raise OSError("the queue is full")

    for told in ("grant.opened", "grant.narrowed", "grant.ended"):
        monkeypatch.setitem(acts._handlers, told, [broken])

    ACTS[act](world, grant)

    row = now(world, grant)
    assert len(reached) == 1
    assert (row.closed_at, row.generation, row.categories) == (None, 1, ["health"])
    assert journal(world) == ["grant.opened"]
    with job(world.acme.pk):
        assert [g.pk for g in Grant.objects.all()] == [grant.pk]
    assert guardian_agrees(world)


# ---- who may give back


def test_when_an_admin_s_program_or_preview_would_give_access_back_then_it_is_refused(world: World):
    grant = world.acme.shares("hq", with_=world.northwind)
    nora = world.northwind.viewer()
    with acting(nora):
        account, _ = accounts.issue(by=nora, name="script", scope=Scope.WRITE, days=30)

    for other in (replace(nora, account=account), replace(nora, preview_of=world.acme.organization)):
        with pytest.raises(NotAllowed):
            sharing.give_back(grant, by=other)

    assert now(world, grant).closed_at is None


# ---- locks


def locking(queries: CaptureQueriesContext, table: str) -> list[str]:
    return [q["sql"] for q in queries if f'FROM "{table}"' in q["sql"] and "FOR UPDATE" in q["sql"]]


def test_a7_when_access_is_given_back_then_its_site_is_locked_before_its_own_row(world: World):
    grant = world.acme.shares("hq", with_=world.northwind)
    nora = world.northwind.viewer()

    with acting(nora), CaptureQueriesContext(connection) as queries:
        sharing.give_back(grant, by=nora)

    (site,), (row,) = locking(queries, "access_site"), locking(queries, "access_grant")
    statements = [q["sql"] for q in queries]
    assert str(grant.site_id) in site
    assert statements.index(site) < statements.index(row)


def test_a7_when_all_sharing_is_stopped_then_grants_are_locked_in_order_and_none_whose_site_is_not(world: World):
    grants = [world.acme.shares(site, with_=world.northwind) for site in ("hq", "branch")]
    ada = world.acme.viewer()

    with acting(ada), CaptureQueriesContext(connection) as queries:
        sharing.stop_all(by=ada)

    (statement,) = locking(queries, "access_grant")
    assert [g for g in grants if str(g.pk) not in statement] == []
    assert statement.endswith('ORDER BY "access_grant"."id" ASC FOR UPDATE OF "access_grant"')


def test_a7_when_a_company_is_closed_then_what_it_gave_ends_in_the_order_of_the_ids_as_one_decision(world: World):
    for site in ("hq", "branch", "depot"):
        for partner in (world.northwind, world.rival, world.third):
            world.acme.shares(site, with_=partner)

    with job(world.acme.pk):
        closed = sharing.close_for_organization(world.acme.organization, by=None)

    assert len(closed) == 9
    assert [g.pk for g in closed] == sorted(g.pk for g in closed)
    with job(world.acme.pk):
        entries = list(AuditEntry.objects.filter(customer=world.acme.pk, object_kind="grant").order_by("seq"))[9:]
    assert [e.action for e in entries] == ["grant.revoked"] * 9
    assert len({json.loads(e.after)["decision"] for e in entries}) == 1


def test_a7_when_an_end_is_booked_then_the_row_is_locked_so_that_a_second_sweep_waits(world: World):
    grant = world.acme.shares("hq", with_=world.northwind)
    world.acme.lets_expire(grant)

    with job(world.acme.pk), CaptureQueriesContext(connection) as queries:
        sharing.book_expiry(grant.pk)

    (statement,) = locking(queries, "access_grant")
    assert statement.endswith('FOR UPDATE OF "access_grant"')


# ---- how long drained is waited for


@pytest.mark.parametrize(
    ("asked", "lock_ms", "statement_ms"), [({}, 20_000, 21_000), ({"timeout_s": 2.5}, 2_500, 3_500)]
)
def test_a9_when_an_end_is_drained_then_it_waits_as_long_as_asked_and_no_statement_a_second_longer(
    world: World, asked: dict[str, float], lock_ms: int, statement_ms: int
):
    grant = world.acme.shares("hq", with_=world.northwind)
    world.acme.revokes(grant)

    with CaptureQueriesContext(connection) as queries:
        sharing.drain(grant.pk, customer=world.acme.pk, **asked)

    told = next(q["sql"] for q in queries if "set_config" in q["sql"])
    assert f"set_config('lock_timeout', '{lock_ms}', true)" in told
    assert f"set_config('statement_timeout', '{statement_ms}', true)" in told


def test_a9_when_two_wait_for_the_same_end_then_both_say_the_same_moment(lasting_world: World, behind: Any):
    world = lasting_world
    grant = world.acme.shares("hq", with_=world.northwind)
    world.acme.revokes(grant)
    key = f"{grant.site_id}:{grant.partner_id}"
    behind.execute("SELECT pg_advisory_lock_shared(hashtextextended(%s, 0))", [key])  # a sending under way

    def drain() -> object:
        return sharing.drain(grant.pk, customer=world.acme.pk)

    def let_go() -> None:
        until = monotonic() + 10
        waiting = 0
        while waiting < 2 and monotonic() < until:
            behind.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
            ((waiting,),) = behind.fetchall()
        behind.execute("SELECT pg_advisory_unlock_all()")
        assert waiting == 2

    one, other, fault = in_threads(drain, drain, let_go)

    assert fault is None
    assert one is not None
    assert one == other == now(world, grant).drained_at
    with acting(world.acme.viewer()):
        assert AuditEntry.objects.filter(action="grant.drained").count() == 1
