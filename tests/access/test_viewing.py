"""No look without an entry, and no entry that says more than happened (A16)."""

import hashlib

import pytest
from django.db import DatabaseError, transaction

from access import viewing
from access.models import OwnReadSummary, ViewingEntry
from access.principal import acting, job
from access.viewer import Viewer
from access.viewing import Look
from tests.cast import HEALTH, INVENTORY, TRAFFIC, World


def look(world: World, site: str | None = "hq", category=HEALTH, **more) -> Look:
    pk = world.acme.sites[site].pk if site else None
    return Look(
        **(
            {"customer_id": world.acme.pk, "category": category, "site_id": pk, "kind": "device", "words": "sw-1"}
            | more
        )
    )


def looks(viewer: Viewer, *what: Look, way: str = "page") -> None:
    with acting(viewer):
        viewing.record(viewer, what, way=way)


def log_of(company) -> list[ViewingEntry]:
    viewer = company.viewer()
    with acting(viewer):
        return list(ViewingEntry.objects.visible_to(viewer).order_by("number"))


def test_when_a_partner_looks_then_the_customer_reads_who_what_how_and_under_which_grant(world: World):
    grant = world.acme.shares("hq", with_=world.northwind, categories={HEALTH}, purpose="Care for the firewall")

    looks(world.northwind.viewer(), look(world, ids=["dv-1", "dv-2"], count=2), way="api")

    (entry,) = log_of(world.acme)
    assert (entry.person_name, entry.looker_name, entry.way, entry.category) == ("Nora", "Northwind", "api", "health")
    assert (entry.site_id, entry.object_words, entry.object_ids, entry.count) == (
        world.acme.sites["hq"].pk,
        "sw-1",
        ["dv-1", "dv-2"],
        2,
    )
    assert (entry.grant_id, entry.purpose) == (grant.pk, "Care for the firewall")


def test_when_a_partner_looks_then_the_name_is_covered_by_a_salted_digest(world: World):
    world.acme.shares("hq", with_=world.northwind, categories={HEALTH})

    looks(world.northwind.viewer(), look(world))

    (entry,) = log_of(world.acme)
    assert hashlib.sha256(bytes(entry.person_salt) + b"Nora").digest() == bytes(entry.person_digest)


def test_when_two_looks_are_recorded_then_their_salts_differ(world: World):
    world.acme.shares("hq", with_=world.northwind, categories={HEALTH})
    nora = world.northwind.viewer()

    looks(nora, look(world))
    looks(nora, look(world))

    first, second = log_of(world.acme)
    assert bytes(first.person_digest) != bytes(second.person_digest)


def test_given_a_page_over_many_sites_when_it_is_recorded_then_each_look_names_its_own_grant(world: World):
    one = world.acme.shares("hq", with_=world.northwind, categories={HEALTH}, purpose="one")
    two = world.acme.shares("branch", with_=world.northwind, categories={HEALTH}, purpose="two")

    looks(world.northwind.viewer(), look(world, "hq"), look(world, "branch"))

    assert [(e.grant_id, e.purpose) for e in log_of(world.acme)] == [(one.pk, "one"), (two.pk, "two")]


def test_given_no_grant_when_a_partner_would_say_that_it_looked_then_the_database_refuses(world: World):
    with pytest.raises(DatabaseError, match="row-level security"), transaction.atomic():
        looks(world.rival.viewer(), look(world))


def test_given_access_at_one_site_when_a_partner_would_log_a_look_at_another_then_the_database_refuses(world: World):
    world.acme.shares("hq", with_=world.northwind, categories={HEALTH})

    with pytest.raises(DatabaseError, match="row-level security"), transaction.atomic():
        looks(world.northwind.viewer(), look(world, "branch"))


def test_when_two_partners_look_then_each_reads_its_own_looks_alone(world: World):
    for partner in (world.northwind, world.rival):
        world.acme.shares("hq", with_=partner, categories={HEALTH})
        looks(partner.viewer(), look(world))

    assert [e.looker_name for e in log_of(world.northwind)] == ["Northwind"]
    assert [e.looker_name for e in log_of(world.rival)] == ["Rival"]
    assert {e.looker_name for e in log_of(world.acme)} == {"Northwind", "Rival"}
    assert log_of(world.globex) == []


def test_when_the_customer_itself_reads_then_one_row_per_person_day_and_kind_is_counted(world: World):
    ada = world.acme.viewer()
    looks(ada, look(world), look(world, "branch"))
    looks(ada, look(world), look(world, category=INVENTORY))
    looks(world.acme.viewer("alan"), look(world))

    with acting(ada):
        rows = OwnReadSummary.objects.visible_to(ada).order_by("person_name", "category")
        assert [(r.person_name, r.category, r.reads) for r in rows] == [
            ("Ada", "health", 3),
            ("Ada", "inventory", 1),
            ("Alan", "health", 1),
        ]
    assert log_of(world.acme) == []


def test_when_nothing_was_looked_at_then_nothing_is_asked(world: World, django_assert_num_queries):
    nora = world.northwind.viewer()

    with acting(nora), django_assert_num_queries(0):
        viewing.record(nora, [], way="page")


def test_when_texts_are_longer_than_the_log_has_room_for_then_they_are_cut_and_counted(world: World):
    world.acme.shares("hq", with_=world.northwind, categories={TRAFFIC}, purpose="p" * 300)

    looks(
        world.northwind.viewer(),
        look(world, category=TRAFFIC, words="w" * 400, ids=[f"dv-{n}" for n in range(150)], count=150),
    )

    (entry,) = log_of(world.acme)
    assert (len(entry.object_words), len(entry.object_ids), entry.count) == (300, 100, 150)


def test_given_an_alert_forwarded_without_a_person_when_it_is_recorded_then_the_log_names_the_hand_off(world: World):
    world.acme.shares("hq", with_=world.northwind, categories={HEALTH}, forward_alerts=True)
    push = Viewer(kind="partner", organization=world.northwind.organization, alias="Alert hand-off")

    with job(world.acme.pk, world.northwind.pk):
        viewing.record(push, [look(world)], way="webhook", outcome="delivered")

    (entry,) = log_of(world.acme)
    assert (entry.person_name, entry.person_id, entry.way, entry.outcome) == (
        "Alert hand-off",
        None,
        "webhook",
        "delivered",
    )
