"""Questions about rights: each condition of an answer, with everything else as it should be."""

from typing import Any

import pytest

from access import onboarding, policy
from access.models import SHAREABLE, Category, Grant, Organization, Role, Site
from access.principal import acting, job, principal
from access.viewer import Viewer
from tests.cast import HEALTH, INVENTORY, TRAFFIC, World


def may_share(viewer: Viewer, site: Site) -> bool:
    with acting(viewer):
        return policy.may_share(viewer, site)


def test_when_owners_and_approvers_of_its_customer_ask_then_they_may_share_a_site_and_nobody_else(world: World):
    world.acme.joins("april", Role.APPROVER)
    world.acme.shares("hq", with_=world.northwind, categories=SHAREABLE)
    hq = world.acme.sites["hq"]
    askers = {
        "ada": world.acme.viewer("ada"),
        "april": world.acme.viewer("april"),
        "alan, who only looks": world.acme.viewer("alan"),
        "gwen of globex": world.globex.viewer(),
        "nora of northwind": world.northwind.viewer(),
        "sam of staff": Viewer.of_staff(world.sam),
    }

    assert {name for name, viewer in askers.items() if may_share(viewer, hq)} == {"ada", "april"}


def test_given_a_removed_approver_when_asked_with_the_viewer_of_before_then_nothing_may_be_shared(world: World):
    world.acme.joins("april", Role.APPROVER)
    april = world.acme.viewer("april")

    world.acme.loses("april")

    assert not may_share(april, world.acme.sites["hq"])


def test_given_a_closed_site_when_asked_then_it_may_not_be_shared_though_others_may(world: World):
    ada, hq = world.acme.viewer(), world.acme.sites["hq"]
    with acting(ada):
        onboarding.close_site(hq, by=ada)

    assert (may_share(ada, hq), may_share(ada, world.acme.sites["branch"])) == (False, True)


def test_given_a_site_that_says_it_is_ones_own_when_it_is_not_then_it_may_not_be_shared(world: World):
    ada = world.acme.viewer()
    plant = world.globex.sites["plant"]
    plant.customer_id = world.acme.pk  # only in memory

    assert not may_share(ada, plant)


@pytest.fixture
def nora(world: World) -> Viewer:
    world.acme.shares("hq", with_=world.northwind, categories={INVENTORY, HEALTH})
    world.acme.shares("branch", with_=world.northwind, categories={TRAFFIC})
    return world.northwind.viewer()


def test_a2_when_asked_what_is_held_at_a_site_then_kinds_of_other_sites_do_not_count(world: World, nora: Viewer):
    sites = world.acme.sites

    with acting(nora):
        held = {name: policy.categories_held(nora, sites[name].pk) for name in ("hq", "branch", "depot")}
        one_by_one = {name: {c for c in SHAREABLE if policy.holds(nora, sites[name].pk, c)} for name in held}

    assert held == {"hq": frozenset({INVENTORY, HEALTH}), "branch": frozenset({TRAFFIC}), "depot": frozenset()}
    assert one_by_one == held


def test_a1_when_the_customer_is_asked_about_then_it_holds_every_kind_at_its_own_sites_and_none_elsewhere(world: World):
    ada = world.acme.viewer()

    with acting(ada):
        own = policy.categories_held(ada, world.acme.sites["hq"].pk)
        other = policy.categories_held(ada, world.globex.sites["plant"].pk)

    assert (own, other) == (frozenset(SHAREABLE), frozenset())


@pytest.fixture
def forwarded(world: World) -> Grant:
    return world.acme.shares("hq", with_=world.northwind, categories={HEALTH}, forward_alerts=True)


def forwarding(world: World, site: str = "hq", *more: Category) -> list[Any]:
    with job(world.acme.pk, world.northwind.pk):
        return list(policy.grants_forwarding(world.acme.sites[site].pk, *more).values_list("pk", flat=True))


def test_when_alerts_are_to_be_forwarded_then_under_grants_of_that_site_that_say_so(world: World, forwarded: Grant):
    world.acme.shares("hq", with_=world.rival, categories={HEALTH})
    world.acme.shares("branch", with_=world.third, categories={HEALTH}, forward_alerts=True)

    assert forwarding(world) == [forwarded.pk]
    assert forwarding(world, "hq", TRAFFIC) == []


def test_when_a_grant_has_ended_or_its_partner_is_suspended_then_nothing_is_forwarded_under_it(
    world: World, forwarded: Grant
):
    sam = Viewer.of_staff(world.sam)
    with acting(sam):
        onboarding.suspend(world.northwind.organization, by=sam)
    assert forwarding(world) == []
    with acting(sam):
        onboarding.resume(world.northwind.organization, by=sam)
    assert forwarding(world) == [forwarded.pk]

    world.acme.lets_expire(forwarded)

    assert forwarding(world) == []


def test_when_a_customer_looks_for_a_partner_then_active_partners_are_listed_by_name_and_found_by_a_part_of_it(
    world: World,
):
    sam = Viewer.of_staff(world.sam)
    with acting(sam):
        onboarding.suspend(world.third.organization, by=sam)
    ada = world.acme.viewer()

    with acting(ada):
        names = [p.name for p in policy.directory()]
        found = [p.name for p in policy.directory("VAL")]

    assert names == ["Northwind", "Rival"]
    assert found == ["Rival"]


def test_when_a_customer_is_offered_in_the_place_of_a_partner_then_the_directory_has_no_other_customer(world: World):
    with principal(kind="staff", user=world.sam.pk):  # who sees the names of all companies
        assert {o.kind for o in policy.directory()} == {"partner"}


def test_when_a_customer_reads_the_directory_then_partners_stand_by_name_whoever_came_first(world: World):
    with job(world.third.pk):  # the newest row of all, which no order of the table puts first
        Organization.objects.filter(pk=world.third.pk).update(name="Aardvark")

    with acting(world.acme.viewer()):
        names = list(policy.directory().values_list("name", flat=True))

    assert names == ["Aardvark", "Northwind", "Rival"]
