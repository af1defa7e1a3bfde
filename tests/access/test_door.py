"""The one door: who sees which sites and rows, by fact or by grant."""

from datetime import timedelta

import pytest
from django.utils import timezone

from access.models import Category, Site, UnscopedQuery, sites_visible_to
from access.principal import acting
from telemetry.models import Alert, Device
from tests.cast import HEALTH, INVENTORY, World


def test_when_a_tenant_table_is_read_for_nobody_then_it_refuses(db):
    with pytest.raises(UnscopedQuery):
        Device.objects.all()


def test_a1_given_no_grants_at_all_when_the_customer_looks_then_it_sees_all_its_sites(world: World):
    ada = world.acme.viewer("ada")

    with acting(ada):
        seen = set(Site.objects.visible_to(ada).values_list("name", flat=True))

    assert seen == {"hq", "branch", "depot"}


def test_a2_given_a_grant_for_health_when_the_partner_looks_then_it_sees_that_category_at_that_site_alone(world: World):
    world.acme.shares("hq", with_=world.northwind, categories={HEALTH})
    nora = world.northwind.viewer()

    with acting(nora):
        health = [s.name for s in sites_visible_to(nora, Category.HEALTH)]
        inventory = [s.name for s in sites_visible_to(nora, Category.INVENTORY)]
        anything = [s.name for s in sites_visible_to(nora, Category.ANY)]

    assert (health, inventory, anything) == (["hq"], [], ["hq"])


def test_a8_given_a_grant_whose_end_has_passed_when_no_sweep_ever_runs_then_the_partner_reads_nothing(world: World):
    grant = world.acme.shares("hq", with_=world.northwind)
    world.acme.lets_expire(grant)
    nora = world.northwind.viewer()

    with acting(nora):
        assert list(sites_visible_to(nora, Category.ANY)) == []
        assert list(Site.unscoped.all()) == []  # the database alone says the same


def test_a9_when_the_customer_revokes_then_the_next_statement_reads_nothing(world: World):
    device = world.acme.installs("sw-1", site="hq")
    world.acme.raises(device)
    grant = world.acme.shares("hq", with_=world.northwind)
    nora = world.northwind.viewer()
    with acting(nora):
        assert Alert.objects.visible_to(nora).count() == 1

    world.acme.revokes(grant)

    with acting(nora):
        assert Alert.objects.visible_to(nora).count() == 0


def test_a11_given_a_grant_on_every_site_when_a_site_is_opened_later_then_no_partner_sees_it(world: World):
    for site in ("hq", "branch", "depot"):
        world.acme.shares(site, with_=world.northwind, categories={INVENTORY, HEALTH})

    world.acme.opens("annex")

    nora = world.northwind.viewer()
    with acting(nora):
        assert "annex" not in set(Site.objects.visible_to(nora).values_list("name", flat=True))


def test_a12_given_a_superuser_when_looking_through_the_door_then_he_sees_nothing(world: World):
    user = world.sam
    user.is_superuser = True
    user.save()
    from access.viewer import Viewer

    sam = Viewer.of_staff(user)
    with acting(sam):
        assert list(Site.objects.visible_to(sam)) == []
        assert list(Device.objects.visible_to(sam)) == []


def test_a12_given_a_live_session_when_the_member_was_removed_then_it_sees_nothing(world: World):
    world.acme.shares("hq", with_=world.northwind)
    nils = world.northwind.viewer("nils")

    world.northwind.loses("nils")

    with acting(nils):
        assert list(Site.objects.visible_to(nils)) == []
        assert list(Site.unscoped.all()) == []


def test_when_acme_shares_with_northwind_then_globex_and_rival_see_nothing_of_it(world: World):
    world.acme.shares("hq", with_=world.northwind)

    for company in (world.globex, world.rival, world.third):
        viewer = company.viewer()
        with acting(viewer):
            assert not Site.objects.visible_to(viewer).filter(customer=world.acme.pk).exists()
            assert not Site.unscoped.filter(customer=world.acme.pk).exists()


def test_when_a_grant_is_extended_then_its_generation_stays_and_narrowing_raises_it(world: World):
    grant = world.acme.shares("hq", with_=world.northwind, categories={INVENTORY, HEALTH}, days=30)

    longer = world.acme.changes(grant, expires_at=timezone.now() + timedelta(days=60))
    narrower = world.acme.changes(longer, categories=frozenset({HEALTH}))

    assert (longer.generation, narrower.generation) == (1, 2)
