"""Give, change, stop: one transaction each, and guardian's rows are never anything but the grants'."""

import random
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.db import IntegrityError, OperationalError, connection, connections, transaction
from django.utils import timezone

from access import acts, sharing
from access.errors import AlreadyGranted, Ended, Invalid, NotAllowed
from access.models import (
    SHAREABLE,
    AuditEntry,
    Category,
    Grant,
    Role,
    Site,
    SiteGroupPermission,
    SiteUserPermission,
    sites_visible_to,
)
from access.principal import acting, job
from access.sharing import Terms
from tests.cast import CONFIGURATION, HEALTH, INVENTORY, TRAFFIC, World


@pytest.fixture
def ended(monkeypatch) -> list[tuple[str, str]]:
    """A package above that cancels what is queued: two deliveries each time."""
    heard: list[tuple[str, str]] = []
    monkeypatch.setitem(
        acts._handlers, "grant.ended", [lambda grant, by, reason: heard.append((grant.public_id, reason)) or 2]
    )
    return heard


def terms(*categories: Category, days: float = 30, forward_alerts: bool = False, purpose: str = "") -> Terms:
    return Terms(frozenset(categories), timezone.now() + timedelta(days=days), forward_alerts, purpose)


def now(world: World, grant: Grant) -> Grant:
    with job(world.acme.pk):
        return Grant.objects.select_related("site", "partner").get(pk=grant.pk)


def seen(world: World, category: Category = Category.ANY) -> set[str]:
    nora = world.northwind.viewer()
    with acting(nora):
        return {s.name for s in sites_visible_to(nora, category)}


def journal(world: World) -> list[str]:
    with job(world.acme.pk):
        entries = AuditEntry.objects.filter(customer=world.acme.pk, object_kind="grant").order_by("seq")
        return list(entries.values_list("action", flat=True))


def guardian_agrees(world: World) -> bool:
    """A6: rows == categories of unclosed grants, each at its grant's site and for its partner's group."""
    with job(world.acme.pk, world.globex.pk):
        rows = {
            (r.grant_id, r.content_object_id, r.group_id, r.permission.codename)
            for r in SiteGroupPermission.objects.select_related("permission")
        }
        wanted = {
            (g.pk, g.site_id, g.partner.group_id, Category(c).codename)
            for g in Grant.objects.filter(closed_at=None).select_related("partner")
            for c in g.categories
        }
    return rows == wanted


def test_when_all_sites_are_shared_then_one_decision_makes_a_grant_for_each(world: World):
    ada = world.acme.viewer()

    with acting(ada):
        grants = sharing.give(
            partner=world.northwind.organization, sites=world.acme.sites.values(), terms=terms(HEALTH), by=ada
        )

    assert [g.site.name for g in grants] == ["branch", "depot", "hq"]
    assert len({g.decision for g in grants}) == 1
    assert seen(world, HEALTH) == {"hq", "branch", "depot"}


def test_a11_given_all_sites_shared_when_a_site_is_opened_then_no_partner_sees_it(world: World):
    for site in ("hq", "branch", "depot"):
        world.acme.shares(site, with_=world.northwind, categories=SHAREABLE)

    world.acme.opens("harbour")

    assert seen(world) == {"hq", "branch", "depot"}


def test_given_a_live_grant_when_it_is_given_again_then_that_grant_is_changed(world: World):
    first = world.acme.shares("hq", with_=world.northwind, categories={INVENTORY})

    again = world.acme.shares("hq", with_=world.northwind, categories={INVENTORY, HEALTH})

    assert again.pk == first.pk
    assert journal(world) == ["grant.opened", "grant.changed"]


def test_given_a_live_grant_when_exactly_one_new_one_is_wanted_then_it_is_refused(world: World):
    world.acme.shares("hq", with_=world.northwind, categories={INVENTORY})
    ada = world.acme.viewer()

    with acting(ada), pytest.raises(AlreadyGranted):
        sharing.grant(partner=world.northwind.organization, site=world.acme.sites["hq"], terms=terms(HEALTH), by=ada)


def test_given_a_grant_past_its_end_when_it_is_given_again_then_the_old_one_is_booked_and_a_new_one_opened(
    world: World,
):
    old = world.acme.shares("hq", with_=world.northwind, categories=SHAREABLE)
    world.acme.lets_expire(old)

    new = world.acme.shares("hq", with_=world.northwind, categories={HEALTH})

    assert new.pk != old.pk
    assert now(world, old).closed_at is not None
    assert journal(world) == ["grant.opened", "grant.expired", "grant.opened"]
    assert guardian_agrees(world)
    assert (seen(world, HEALTH), seen(world, TRAFFIC)) == ({"hq"}, set())


@pytest.mark.parametrize(
    ("change", "taken"),
    [
        ({"categories": frozenset({INVENTORY, HEALTH, TRAFFIC})}, False),
        ({"purpose": "new words"}, False),
        ({"expires_at": timezone.now() + timedelta(days=300)}, False),
        ({"categories": frozenset({HEALTH})}, True),
        ({"categories": frozenset({HEALTH, TRAFFIC, CONFIGURATION})}, True),
        ({"expires_at": timezone.now() + timedelta(days=1)}, True),
        ({"forward_alerts": False}, True),
    ],
    ids=["one more", "other words", "longer", "one less", "one for another", "shorter", "no alerts"],
)
def test_a10_when_a_change_takes_something_away_then_the_generation_rises_and_else_it_stays(
    world: World, change, taken
):
    grant = world.acme.shares("hq", with_=world.northwind, categories={INVENTORY, HEALTH}, forward_alerts=True)

    changed = world.acme.changes(grant, **change)

    assert changed.generation == grant.generation + taken
    assert journal(world)[-1] == ("grant.narrowed" if taken else "grant.changed")
    assert guardian_agrees(world)


def test_when_alerts_are_to_be_sent_from_now_on_then_it_is_noted_since_when(world: World):
    grant = world.acme.shares("hq", with_=world.northwind, categories={HEALTH})
    assert grant.forwarding_since is None

    on = world.acme.changes(grant, forward_alerts=True)
    later = world.acme.changes(on, purpose="other words")
    off = world.acme.changes(later, forward_alerts=False)

    assert on.forwarding_since is not None
    assert later.forwarding_since == on.forwarding_since
    assert off.forwarding_since is None


def test_when_a_change_is_made_then_the_journal_keeps_before_and_after(world: World):
    grant = world.acme.shares("hq", with_=world.northwind, categories={INVENTORY})
    world.acme.changes(grant, categories=frozenset({HEALTH}))

    with job(world.acme.pk):
        entry = AuditEntry.objects.filter(customer=world.acme.pk, action="grant.narrowed").get()
    assert '"categories":["inventory"]' in entry.before
    assert '"categories":["health"]' in entry.after


def test_when_an_access_is_stopped_then_nothing_is_seen_and_the_receipt_counts_what_was_cancelled(world: World, ended):
    grant = world.acme.shares("hq", with_=world.northwind, categories=SHAREABLE)

    receipt = world.acme.revokes(grant)

    assert seen(world) == set()
    assert (receipt.cancelled_deliveries, receipt.generation) == (2, 2)
    assert receipt.revoked_at == receipt.closed_at
    assert ended == [(grant.public_id, "grant.revoked")]


def test_given_a_stopped_access_when_it_is_stopped_or_changed_again_then_it_has_ended(world: World):
    grant = world.acme.shares("hq", with_=world.northwind, categories={HEALTH})
    world.acme.revokes(grant)

    with pytest.raises(Ended):
        world.acme.revokes(grant)
    with pytest.raises(Ended):
        world.acme.changes(grant, purpose="x")


def test_given_an_end_that_has_passed_when_it_is_changed_then_it_has_ended(world: World):
    grant = world.acme.shares("hq", with_=world.northwind, categories={HEALTH})
    world.acme.lets_expire(grant)

    with pytest.raises(Ended):
        world.acme.changes(grant, expires_at=timezone.now() + timedelta(days=30))


def test_when_a_package_above_fails_in_an_act_then_the_act_is_undone(world: World, monkeypatch):
    grant = world.acme.shares("hq", with_=world.northwind, categories={HEALTH})

    def broken(row, **facts):
        raise OSError("the queue is full")

    monkeypatch.setitem(acts._handlers, "grant.ended", [broken])
    with pytest.raises(OSError, match="queue"):
        world.acme.revokes(grant)

    assert seen(world) == {"hq"}
    assert journal(world) == ["grant.opened"]


def test_when_a_partner_gives_access_back_then_it_has_ended_and_says_by_whom(world: World, ended):
    grant = world.acme.shares("hq", with_=world.northwind, categories={HEALTH})
    nora, nils = world.northwind.viewer(), world.northwind.viewer("nils")

    with acting(nils), pytest.raises(NotAllowed):
        sharing.give_back(grant, by=nils)
    with acting(nora):
        sharing.give_back(grant, by=nora)

    assert seen(world) == set()
    row = now(world, grant)
    assert (row.given_back, journal(world)[-1]) == (True, "grant.given_back")


def test_when_another_partner_gives_it_back_then_it_is_refused(world: World):
    grant = world.acme.shares("hq", with_=world.northwind, categories={HEALTH})
    rita = world.rival.viewer()

    with acting(rita), pytest.raises(NotAllowed):
        sharing.give_back(grant, by=rita)
    assert seen(world) == {"hq"}


def test_when_an_owner_stops_all_sharing_then_every_grant_ends_and_those_of_others_stay(world: World, ended):
    for site in ("hq", "branch"):
        world.acme.shares(site, with_=world.northwind, categories={HEALTH})
        world.acme.shares(site, with_=world.rival, categories={HEALTH})
    world.globex.shares("plant", with_=world.northwind, categories={HEALTH})
    ada = world.acme.viewer()

    with acting(ada):
        stopped = sharing.stop_all(by=ada)

    assert (len(stopped), len(ended)) == (4, 4)
    assert seen(world) == {"plant"}


def test_when_an_approver_stops_all_sharing_then_it_is_refused(world: World):
    world.acme.joins("april", Role.APPROVER)
    april = world.acme.viewer("april")

    with acting(april), pytest.raises(NotAllowed):
        sharing.stop_all(by=april)


def test_when_somebody_who_may_not_shares_then_it_is_refused_and_nothing_is_shared(world: World):
    grant = world.acme.shares("hq", with_=world.rival, categories={HEALTH})
    alan, gwen, nora = world.acme.viewer("alan"), world.globex.viewer(), world.northwind.viewer()

    for stranger in (alan, gwen, nora):
        with acting(stranger):
            with pytest.raises(NotAllowed):
                sharing.give(
                    partner=world.northwind.organization,
                    sites=[world.acme.sites["hq"]],
                    terms=terms(HEALTH),
                    by=stranger,
                )
            with pytest.raises(NotAllowed):
                sharing.change(grant, terms=terms(HEALTH, TRAFFIC), by=stranger)
            with pytest.raises(NotAllowed):
                sharing.revoke(grant, by=stranger)
    assert seen(world) == set()
    assert journal(world) == ["grant.opened"]


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        (lambda: terms(), "categories"),
        (lambda: terms(Category.ANY), "categories"),
        (lambda: terms(TRAFFIC, forward_alerts=True), "forward_alerts"),
        (lambda: terms(HEALTH, days=-1), "days"),
        (lambda: terms(HEALTH, days=367), "days"),
    ],
)
def test_when_terms_make_no_sense_then_the_form_says_where(world: World, wanted: Callable[[], Terms], field):
    ada = world.acme.viewer()

    with acting(ada), pytest.raises(Invalid) as error:
        sharing.give(partner=world.northwind.organization, sites=[world.acme.sites["hq"]], terms=wanted(), by=ada)

    assert error.value.field == field


def test_when_a_customer_is_offered_as_partner_then_it_is_refused(world: World):
    ada = world.acme.viewer()

    with acting(ada), pytest.raises(Invalid):
        sharing.give(partner=world.globex.organization, sites=[world.acme.sites["hq"]], terms=terms(HEALTH), by=ada)


def test_a7_when_the_database_is_asked_for_a_second_open_grant_then_it_refuses(world: World):
    grant = world.acme.shares("hq", with_=world.northwind, categories={HEALTH})

    with job(world.acme.pk), pytest.raises(IntegrityError, match="one_open_grant"), transaction.atomic():
        Grant(
            customer_id=world.acme.pk,
            site_id=grant.site_id,
            partner_id=grant.partner_id,
            categories=["health"],
            expires_at=grant.expires_at,
        ).save(force_insert=True)


def test_a13_when_a_person_would_get_a_permission_of_its_own_then_model_and_database_refuse(world: World):
    permission = Permission.objects.get(codename="view_health")
    nora = world.northwind.people["nora"]
    row = SiteUserPermission(user=nora, permission=permission, content_object=world.acme.sites["hq"])

    with pytest.raises(TypeError):
        row.save()
    with job(world.acme.pk), pytest.raises(Exception, match="row-level security|violates check"), transaction.atomic():
        SiteUserPermission.objects.bulk_create([row])


def test_a6_when_a_row_of_guardian_s_names_another_site_than_its_grant_then_the_database_refuses(lasting_world: World):
    grant = lasting_world.acme.shares("hq", with_=lasting_world.northwind, categories={HEALTH})
    permission = Permission.objects.get(codename="view_traffic")
    row = SiteGroupPermission(
        group_id=lasting_world.northwind.organization.group_id,
        permission=permission,
        content_object=lasting_world.acme.sites["branch"],
        grant=grant,
    )

    with pytest.raises(IntegrityError), job(lasting_world.acme.pk):
        SiteGroupPermission.objects.bulk_create([row])


@pytest.mark.parametrize("seed", range(8))
def test_a6_given_any_sequence_of_acts_then_guardian_s_rows_are_those_of_the_unclosed_grants(world: World, seed):
    chance = random.Random(seed)
    partners, sites = [world.northwind, world.rival], ["hq", "branch"]
    grants: list[Grant] = []
    for _ in range(14):
        kinds = frozenset(chance.sample(SHAREABLE, chance.randint(1, 5)))
        act = chance.choice(["give", "give", "change", "revoke", "expire", "book", "give_back"])
        with suppress(Ended):
            if act == "give" or not grants:
                grants.append(world.acme.shares(chance.choice(sites), with_=chance.choice(partners), categories=kinds))
            elif act == "change":
                world.acme.changes(chance.choice(grants), categories=kinds, forward_alerts=False)
            elif act == "revoke":
                world.acme.revokes(chance.choice(grants))
            elif act == "expire":
                world.acme.lets_expire(chance.choice(grants))
            elif act == "book":
                with job(world.acme.pk):
                    sharing.book_expiry(chance.choice(grants).pk)
            else:
                grant = chance.choice(grants)
                holder = next(p for p in partners if p.pk == grant.partner_id).viewer()
                with acting(holder):
                    sharing.give_back(grant, by=holder)
        assert guardian_agrees(world), act


def in_threads(*works: Callable[[], object]) -> list[object]:
    """Results, or the exceptions, of works that start at the same moment, each on a connection of its own."""
    results: list[object] = [None] * len(works)
    start = threading.Barrier(len(works))

    def run(index: int, work: Callable[[], object]) -> None:
        try:
            start.wait()
            results[index] = work()
        except Exception as error:
            results[index] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.parametrize("_", range(5))
def test_a7_when_two_approvers_give_at_once_then_there_is_one_grant(lasting_world: World, _):
    world = lasting_world
    world.acme.joins("april", Role.APPROVER)

    results = in_threads(
        lambda: world.acme.shares("hq", with_=world.northwind, categories={HEALTH}),
        lambda: world.acme.shares("hq", with_=world.northwind, categories={INVENTORY}, by="april"),
    )

    with job(world.acme.pk):
        (grant,) = Grant.objects.filter(site=world.acme.sites["hq"])
    assert {r.pk for r in results} == {grant.pk}
    assert guardian_agrees(world)


@pytest.mark.parametrize("_", range(5))
def test_a7_when_one_stops_and_one_widens_at_once_then_one_is_second(lasting_world: World, _):
    world = lasting_world
    grant = world.acme.shares("hq", with_=world.northwind, categories={HEALTH})
    world.acme.joins("april", Role.APPROVER)

    results = in_threads(
        lambda: world.acme.revokes(grant),
        lambda: world.acme.changes(grant, by="april", categories=frozenset(SHAREABLE)),
    )

    assert isinstance(results[0], Grant)  # whoever was first, stopping is never refused
    assert isinstance(results[1], (Grant, Ended))
    assert seen(world) == set()
    assert guardian_agrees(world)


def test_when_two_stop_all_sharing_at_once_then_each_grant_ends_once(lasting_world: World):
    world = lasting_world
    for site in ("hq", "branch", "depot"):
        world.acme.shares(site, with_=world.northwind, categories={HEALTH})
    ada = world.acme.viewer()

    def stop() -> list[Grant]:
        with acting(ada):
            return sharing.stop_all(by=ada)

    results = in_threads(stop, stop)

    assert sum(len(r) for r in results) == 3, results
    assert journal(world).count("grant.revoked") == 3


def test_a9_given_a_sending_under_way_when_access_is_stopped_then_drained_waits_for_it(lasting_world: World, behind):
    world = lasting_world
    grant = world.acme.shares("hq", with_=world.northwind, categories={HEALTH})
    key = f"{grant.site_id}:{grant.partner_id}"
    behind.execute("SELECT pg_advisory_lock_shared(hashtextextended(%s, 0))", [key])  # as gate.passage() holds it
    try:
        receipt = world.acme.revokes(grant)
        under_way = sharing.drain(grant.pk, customer=world.acme.pk, timeout_s=0.1)
    finally:
        behind.execute("SELECT pg_advisory_unlock_all()")

    drained = sharing.drain(grant.pk, customer=world.acme.pk, timeout_s=1)

    assert under_way is None
    assert drained is not None
    assert drained >= receipt.revoked_at
    assert sharing.drain(grant.pk, customer=world.acme.pk) == drained
    assert journal(world) == ["grant.opened", "grant.revoked", "grant.drained"]


def test_given_a_live_grant_when_it_would_be_drained_then_nothing_happens(world: World):
    grant = world.acme.shares("hq", with_=world.northwind, categories={HEALTH})

    assert sharing.drain(grant.pk, customer=world.acme.pk, timeout_s=0.1) is None
    assert now(world, grant).drained_at is None


def test_when_a_database_error_ends_an_inner_principal_then_the_outer_one_goes_on(world: World):
    ada = world.acme.viewer()

    with acting(ada):
        with suppress(OperationalError, IntegrityError), job(world.globex.pk):
            Site(customer_id=world.globex.pk, name="plant").save(force_insert=True)
        with connection.cursor() as cursor:
            cursor.execute("SELECT app_kind(), current_setting('statement_timeout')")
            told = cursor.fetchone()
        names = {s.name for s in Site.objects.visible_to(ada)}

    assert told == ("customer", "5s")
    assert names == {"hq", "branch", "depot"}
