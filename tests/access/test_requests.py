"""Asking and answering: a request shows the partner nothing, an answer never adds."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from access import acts, expiry, requests
from access.errors import Ended, Invalid, NotAllowed
from access.models import AccessRequest, AuditEntry, Category, Grant, RequestState, Site
from access.principal import acting, job
from access.requests import Answer, Paused
from tests.cast import CONFIGURATION, HEALTH, INVENTORY, TRAFFIC, World

REASON = "We want to size the replacement firewall from real use."


@pytest.fixture
def told(monkeypatch) -> list[tuple[str, object]]:
    """A package above that writes mails."""
    heard: list[tuple[str, object]] = []

    def hear(act: str):
        return lambda request, **facts: heard.append((act, request.pk))

    for act in ("request.made", "request.answered", "request.lapsed"):
        monkeypatch.setitem(acts._handlers, act, [hear(act)])
    return heard


def asks(partner, name, categories=(INVENTORY, HEALTH), days=30, **more):
    nora = partner.viewer()
    with acting(nora):
        return requests.ask(
            by=nora,
            customer_name=name,
            categories=set(categories),
            days=days,
            reason=more.pop("reason", REASON),
            **more,
        )


def approves(customer, request, by="", **answer):
    ada = customer.viewer(by)
    with acting(ada):
        return requests.approve(request, Answer(**answer), by=ada)


def declines(customer, request):
    ada = customer.viewer()
    with acting(ada):
        return requests.decline(request, by=ada)


def withdraws(partner, request):
    nora = partner.viewer()
    with acting(nora):
        return requests.withdraw(request, by=nora)


def journal(company):
    with job(company.pk):
        entries = AuditEntry.objects.filter(customer=company.pk, object_kind="request").order_by("seq")
        return [(e.action, e.actor_name) for e in entries]


def seen_by(partner, category: Category) -> set[str]:
    nora = partner.viewer()
    with acting(nora):
        return {s.name for s in Site.objects.visible_to(nora, category)}


def waiting_for(customer) -> list[AccessRequest]:
    ada = customer.viewer()
    with acting(ada):
        return list(AccessRequest.objects.visible_to(ada).waiting())


def as_partner_sees(partner, request) -> dict[str, object]:
    """Everything of the row that the partner could be shown, without what names it or says when."""
    nora = partner.viewer()
    with acting(nora):
        row = AccessRequest.objects.visible_to(nora).filter(pk=request.pk).values().get()
    own = {"id", "public_id", "asked_at", "lapses_at", "answered_at", "customer_name", "customer_id", "pause_until"}
    return {k: v for k, v in row.items() if k not in own}


def test_when_a_partner_asks_by_name_then_the_customer_finds_the_request(world: World):
    request = asks(world.northwind, "  aCME ")

    assert [r.pk for r in waiting_for(world.acme)] == [request.pk]


def test_when_a_partner_asks_then_it_sees_nothing_of_the_customer(world: World):
    asks(world.northwind, "Acme")

    assert seen_by(world.northwind, Category.ANY) == set()


def test_when_a_name_is_nobody_s_then_the_partner_gets_the_same_request(world: World):
    real, unreal = asks(world.northwind, "Acme"), asks(world.northwind, "Nobody AG")

    assert as_partner_sees(world.northwind, real) == as_partner_sees(world.northwind, unreal)


@pytest.mark.parametrize("name", ["Acme", "Nobody AG"])
def test_given_an_open_request_when_the_same_name_is_asked_again_then_it_is_refused(world: World, name):
    asks(world.northwind, name)

    with pytest.raises(Invalid, match="asked this company already"):
        asks(world.northwind, name.lower() + " ")


@pytest.mark.parametrize("name", ["Acme", "Nobody AG"])
def test_given_a_withdrawn_request_when_the_partner_asks_again_then_it_may(world: World, name):
    withdraws(world.northwind, asks(world.northwind, name))

    assert asks(world.northwind, name).state == RequestState.WAITING


@pytest.mark.parametrize("name", ["Acme", "Nobody AG"])
def test_given_a_request_whose_time_is_over_when_the_partner_asks_again_then_no_sweep_is_needed(world: World, name):
    old = asks(world.northwind, name)
    with job(world.northwind.pk, world.acme.pk):
        AccessRequest.objects.filter(pk=old.pk).update(lapses_at=timezone.now() - timedelta(seconds=1))

    asks(world.northwind, name)

    with job(world.northwind.pk):
        assert AccessRequest.objects.get(pk=old.pk).state == RequestState.LAPSED


def test_given_two_partners_when_both_ask_then_neither_stands_in_the_other_s_way(world: World):
    asks(world.northwind, "Acme")
    asks(world.rival, "Acme")

    assert len(waiting_for(world.acme)) == 2


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"reason": "too short"}, "reason"),
        ({"categories": ()}, "categories"),
        ({"categories": (Category.ANY,)}, "categories"),
        ({"categories": (INVENTORY,), "forward_alerts": True}, "forward_alerts"),
        ({"days": 0}, "days"),
        ({"days": 367}, "days"),
        ({"sites": ["st-nobody"]}, "sites"),
    ],
)
def test_when_a_wish_makes_no_sense_then_the_form_says_where(world: World, wish, field):
    with pytest.raises(Invalid) as error:
        asks(world.northwind, "Acme", **wish)

    assert error.value.field == field


def test_when_a_partner_names_a_site_it_cannot_see_then_the_site_is_unknown(world: World):
    with pytest.raises(Invalid) as foreign:
        asks(world.northwind, "Acme", sites=[world.acme.sites["hq"].public_id])
    with pytest.raises(Invalid) as absent:
        asks(world.northwind, "Acme", sites=["st-222222222"])

    assert str(foreign.value) == str(absent.value)


def test_given_a_site_it_sees_in_part_when_the_partner_asks_for_more_then_only_that_site_is_asked_for(world: World):
    world.acme.shares("hq", with_=world.northwind, categories={INVENTORY})

    request = asks(world.northwind, "Acme", categories=(TRAFFIC,), sites=[world.acme.sites["hq"].public_id])

    assert request.sites == [world.acme.sites["hq"].pk]


def test_when_a_request_is_approved_as_asked_then_every_site_is_shared_in_one_decision(world: World):
    grants = approves(world.acme, asks(world.northwind, "Acme"))

    assert {g.site.name for g in grants} == {"hq", "branch", "depot"}
    assert len({g.decision for g in grants}) == 1
    assert seen_by(world.northwind, HEALTH) == {"hq", "branch", "depot"}


def test_when_an_answer_narrows_then_only_what_is_left_is_given(world: World):
    hq = world.acme.sites["hq"]

    (grant,) = approves(
        world.acme,
        asks(world.northwind, "Acme", forward_alerts=True, days=90),
        categories=frozenset({INVENTORY}),
        sites=frozenset({hq.public_id}),
        days=7,
    )

    assert (grant.site, grant.ordered_categories, grant.forward_alerts) == (hq, [INVENTORY], False)
    assert timedelta(days=7) <= grant.expires_at - timezone.now() < timedelta(days=8)


@pytest.mark.parametrize(
    ("answer", "field"),
    [
        ({"categories": frozenset({INVENTORY, CONFIGURATION})}, "categories"),
        ({"categories": frozenset()}, "categories"),
        ({"days": 31}, "days"),
        ({"forward_alerts": True}, "forward_alerts"),
        ({"sites": frozenset({"st-nobody"})}, "sites"),
        ({"sites": frozenset()}, "sites"),
    ],
)
def test_when_an_answer_would_add_then_it_is_refused_and_the_request_waits_on(world: World, answer, field):
    request = asks(world.northwind, "Acme")

    with pytest.raises(Invalid) as error:
        approves(world.acme, request, **answer)

    assert error.value.field == field
    assert [r.pk for r in waiting_for(world.acme)] == [request.pk]


def test_given_access_today_when_more_is_approved_then_what_is_there_stays(world: World):
    world.acme.shares(
        "hq", with_=world.northwind, categories={INVENTORY, HEALTH}, forward_alerts=True, purpose="spares"
    )

    grants = approves(world.acme, asks(world.northwind, "Acme", categories=(TRAFFIC,), days=30))

    merged = next(g for g in grants if g.site.name == "hq")
    assert merged.ordered_categories == [INVENTORY, HEALTH, TRAFFIC]
    assert (merged.forward_alerts, merged.purpose) == (True, "spares")
    assert seen_by(world.northwind, INVENTORY) == {"hq"}


def test_given_access_today_when_the_customer_removes_a_kind_with_its_answer_then_that_one_goes(world: World):
    world.acme.shares("hq", with_=world.northwind, categories={INVENTORY, HEALTH}, forward_alerts=True)

    grants = approves(world.acme, asks(world.northwind, "Acme", categories=(TRAFFIC,)), remove=frozenset({HEALTH}))

    merged = next(g for g in grants if g.site.name == "hq")
    assert (merged.ordered_categories, merged.forward_alerts) == ([INVENTORY, TRAFFIC], False)


def test_given_access_with_another_end_when_more_is_approved_then_the_chosen_day_is_the_end_of_all(world: World):
    world.acme.shares("hq", with_=world.northwind, categories={INVENTORY}, days=7)

    grants = approves(world.acme, asks(world.northwind, "Acme", categories=(TRAFFIC,), days=30))

    assert len({g.expires_at for g in grants}) == 1


def test_when_a_request_is_declined_then_the_partner_may_ask_again_after_a_pause(world: World):
    declines(world.acme, asks(world.northwind, "Acme"))

    with pytest.raises(Paused) as error:
        asks(world.northwind, "acme")
    assert timedelta(days=29) < error.value.until - timezone.now() <= timedelta(days=30)


def test_given_a_pause_that_is_over_when_the_partner_asks_then_it_may(world: World):
    request = declines(world.acme, asks(world.northwind, "Acme"))
    with job(world.acme.pk):
        AccessRequest.objects.filter(pk=request.pk).update(pause_until=timezone.now() - timedelta(seconds=1))

    assert asks(world.northwind, "Acme").customer_id == world.acme.pk


def test_given_a_declined_request_when_the_customer_changes_its_name_then_asking_for_the_new_one_tells_nothing(
    world: World,
):
    declines(world.acme, asks(world.northwind, "Acme"))
    ada = world.acme.viewer()
    with acting(ada):
        world.acme.organization.name = "Acme Renamed"
        world.acme.organization.save(update_fields=["name"])

    request = asks(world.northwind, "Acme Renamed")

    assert (request.state, request.customer_id) == (RequestState.WAITING, None)
    assert waiting_for(world.acme) == []


@pytest.mark.parametrize("end", [approves, declines])
def test_given_an_answered_request_when_it_is_answered_again_then_somebody_was_first(world: World, end):
    request = asks(world.northwind, "Acme")
    end(world.acme, request)

    with pytest.raises(Ended):
        declines(world.acme, request)
    with pytest.raises(Ended):
        approves(world.acme, request)
    with pytest.raises(Ended):
        withdraws(world.northwind, request)


def test_given_a_request_past_its_time_when_it_is_approved_then_it_has_lapsed(world: World):
    request = asks(world.northwind, "Acme")
    with job(world.acme.pk):
        AccessRequest.objects.filter(pk=request.pk).update(lapses_at=timezone.now() - timedelta(seconds=1))

    with pytest.raises(Ended):
        approves(world.acme, request)


def test_when_somebody_who_may_not_decide_answers_then_it_is_refused(world: World):
    request = asks(world.northwind, "Acme")

    for stranger in (world.acme.viewer("alan"), world.globex.viewer(), world.northwind.viewer()):
        with acting(stranger), pytest.raises(NotAllowed):
            requests.approve(request, by=stranger)
        with acting(stranger), pytest.raises(NotAllowed):
            requests.decline(request, by=stranger)
    assert seen_by(world.northwind, Category.ANY) == set()


def test_when_another_partner_withdraws_then_it_is_refused(world: World):
    request = asks(world.northwind, "Acme")

    with pytest.raises(NotAllowed):
        withdraws(world.rival, request)


@pytest.mark.parametrize("sweeps", [False, True])
def test_when_a_request_is_answered_then_both_journals_say_so_and_the_partner_s_names_no_person(world: World, sweeps):
    request = asks(world.northwind, "Acme")
    if sweeps:
        expiry.tell_customers()
    approves(world.acme, request)

    assert expiry.tell_customers() == 0
    assert journal(world.acme) == [("request.made", "Nora"), ("request.allowed", "Ada")]
    assert journal(world.northwind) == [("request.made", "Nora"), ("request.allowed", "Acme")]


def test_when_a_request_is_made_then_the_next_sweep_tells_the_customer_once(world: World, told):
    request = asks(world.northwind, "Acme")
    before = journal(world.acme)

    assert (expiry.tell_customers(), expiry.tell_customers()) == (1, 0)

    assert (before, journal(world.acme)) == ([], [("request.made", "Nora")])
    assert told == [("request.made", request.pk)]


def test_given_a_request_taken_back_at_once_when_the_sweep_comes_then_the_customer_is_not_mailed(world: World, told):
    withdraws(world.northwind, asks(world.northwind, "Acme"))

    expiry.tell_customers()

    assert journal(world.acme) == [("request.withdrawn", "Nora")]
    assert told == []


def test_when_a_customer_says_no_then_its_people_and_the_partner_s_are_told(world: World, told):
    request = asks(world.northwind, "Acme")
    declines(world.acme, request)

    assert told == [("request.made", request.pk), ("request.answered", request.pk)]


def questions(world: World, name: str) -> list[str]:
    nora = world.northwind.viewer()
    with acting(nora), CaptureQueriesContext(connection) as asked:
        requests.ask(by=nora, customer_name=name, categories={INVENTORY}, days=30, reason=REASON)
    return [re.sub(r"'[^']*'(::uuid)?|NULL|\d+", "?", q["sql"]) for q in asked.captured_queries]


def test_when_a_name_is_nobody_s_then_the_database_is_asked_the_same_questions(world: World):
    assert questions(world, "Acme") == questions(world, "Nobody AG")


def test_when_nobody_is_asked_then_no_journal_but_the_partner_s_knows(world: World):
    asks(world.northwind, "Nobody AG")

    assert journal(world.northwind) == [("request.made", "Nora")]
    assert journal(world.acme) == journal(world.globex) == []


def test_when_a_new_request_is_approved_then_its_grants_name_it(world: World):
    request = asks(world.northwind, "Acme")
    approves(world.acme, request)

    with job(world.acme.pk):
        assert Grant.objects.filter(request=request).count() == 3


def test_given_a_request_about_one_site_when_the_answer_names_another_then_it_is_refused(world: World):
    world.acme.shares("hq", with_=world.northwind, categories={HEALTH})
    request = asks(world.northwind, "Acme", categories=(TRAFFIC,), sites=[world.acme.sites["hq"].public_id])

    with pytest.raises(Invalid) as error:
        approves(world.acme, request, sites=frozenset({world.acme.sites["branch"].public_id}))

    assert error.value.field == "sites"
    approves(world.acme, request)
    assert seen_by(world.northwind, TRAFFIC) == {"hq"}
