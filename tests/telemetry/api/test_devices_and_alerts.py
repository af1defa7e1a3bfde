"""Devices, readings, forecasts and alerts at the API: what a kind of data shows, what a filter finds, that each look is written down."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from access.models import ViewingEntry
from access.principal import acting
from telemetry.models import Device
from tests.callers import Caller, person, program
from tests.cast import CONFIGURATION, HEALTH, INVENTORY, TRAFFIC, Company, World


@pytest.fixture
def device(world: World) -> Device:
    found = world.acme.installs("sw-1", site="hq", serial="S-canary", vendor="Edge", model="M1")
    world.acme.raises(found, title="Memory is nearly full")
    return found


@pytest.fixture
def ada(world: World) -> Caller:
    return person(world.acme, "ada")


@pytest.fixture
def nora(world: World) -> Caller:
    return person(world.northwind, "nora")


def looks(world: World, company: Company) -> list[tuple[str, str]]:
    viewer = world.acme.viewer()
    with acting(viewer):
        found = ViewingEntry.objects.visible_to(viewer).filter(looker=company.pk, way="api").order_by("number")
        return list(found.values_list("object_kind", "category"))


def test_given_a_kind_that_is_not_shared_then_its_fields_are_absent_and_not_empty(world, nora, device):
    world.acme.shares("hq", with_=world.northwind, categories={CONFIGURATION})

    shown = nora.reads(f"/devices/{device.public_id}")

    assert set(shown) == {"id", "label", "kind", "site", "customer"}
    assert nora.reads("/devices?search=S-canary") == []
    assert nora.reads("/devices?state=ok") == nora.reads("/devices?state=down") == []
    assert nora.get("/alerts").status_code == 200
    assert nora.reads("/alerts") == []


@pytest.mark.parametrize(("kind", "field"), [(INVENTORY, "inventory"), (HEALTH, "health")])
def test_given_one_kind_then_its_fields_are_there_and_the_other_kind_s_are_not(world, nora, device, kind, field):
    world.acme.shares("hq", with_=world.northwind, categories={kind})

    assert {"inventory", "health"} & set(nora.reads(f"/devices/{device.public_id}")) == {field}


@pytest.mark.parametrize(
    ("path", "kinds"),
    [
        ("/devices", [("devices", "inventory"), ("devices", "health")]),
        ("/devices/{}", [("devices", "inventory"), ("devices", "health")]),
        ("/devices/{}/forecasts", [("device", "health")]),
        ("/devices/{}/readings?metric=device.memory.utilization", [("device", "health")]),
        ("/alerts", [("alerts", "health")]),
    ],
)
def test_a16_when_a_partner_reads_then_each_look_is_written_down_by_its_kind(world, nora, device, path, kinds):
    world.acme.shares("hq", with_=world.northwind, categories={INVENTORY, HEALTH})

    nora.reads(path.format(device.public_id))

    assert looks(world, world.northwind) == kinds


@pytest.mark.parametrize("act", ["acknowledge", "claim"])
def test_a16_when_a_partner_answers_an_alert_then_the_alert_it_reads_back_is_a_look_too(world, nora, device, act):
    world.acme.shares("hq", with_=world.northwind, categories={HEALTH})
    alert = nora.reads("/alerts")[0]["id"]
    before = len(looks(world, world.northwind))

    nora.does("POST", f"/alerts/{alert}/{act}")

    assert len(looks(world, world.northwind)) == before + 1


def test_a16_given_head_then_it_is_a_look_as_get_is(world, nora, device):
    world.acme.shares("hq", with_=world.northwind, categories={HEALTH})

    assert nora("HEAD", f"/devices/{device.public_id}").status_code == 200

    assert looks(world, world.northwind) == [("devices", "health")]


def test_given_traffic_that_is_not_shared_then_its_metric_is_as_unknown_as_one_nobody_knows(world, nora, device):
    world.acme.shares("hq", with_=world.northwind, categories={HEALTH})
    path = f"/devices/{device.public_id}/readings?metric="

    traffic, unknown = nora.get(f"{path}if.io"), nora.get(f"{path}no.such.metric")

    assert traffic.status_code == unknown.status_code == 200
    assert traffic.content.replace(b"if.io", b"M") == unknown.content.replace(b"no.such.metric", b"M")


@pytest.mark.parametrize(
    "query",
    [
        "",
        "metric=",
        "metric=x&step=0",
        "metric=x&step=-1",
        "metric=x&step=1.5",
        "metric=x&step=%C2%B2",
        "metric=x&step=%D9%A3",
        "metric=x&step=" + "9" * 5_000,
        "metric=x&step=99999999",
        "metric=x&from=yesterday",
        "metric=x&from=0001-01-01T00:00:00Z",
        "metric=x&to=0001-01-01T00:00:00Z",
        "metric=x&from=9999-12-31T23:59:59Z&to=9999-12-31T23:59:59Z",
        "metric=x&to=9999-12-31T23:59:59-14:00",
        "metric=x&from=2026-13-01T00:00:00Z",
        "metric=x&from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z",
        "metric=x&from=2024-01-01T00:00:00Z&to=2026-01-01T00:00:00Z",
    ],
)
def test_given_a_question_about_readings_that_cannot_be_then_it_is_a_400_in_words(world, ada, device, query):
    response = ada.get(f"/devices/{device.public_id}/readings?{query}")

    assert response.status_code == 400, response.content
    assert json.loads(response.content)["errors"]


@pytest.mark.parametrize(
    "query", ["/devices?kind=toaster", "/devices?state=bored", "/alerts?state=lost", "/alerts?severity=dreadful"]
)
def test_given_a_word_that_no_filter_knows_then_it_is_refused_and_does_not_mean_all(world, ada, device, query):
    assert ada.get(query).status_code == 400


def test_given_filters_then_they_find_what_they_name(world, ada, device):
    world.acme.installs("ap-1", site="branch")
    hq = world.acme.sites["hq"].public_id

    assert [d["label"] for d in ada.reads(f"/devices?site={hq}")] == ["sw-1"]
    assert [d["label"] for d in ada.reads("/devices?search=S-can")] == ["sw-1"]
    assert [d["label"] for d in ada.reads("/devices?search=AP")] == ["ap-1"]
    assert len(ada.reads("/alerts?state=open")) == len(ada.reads(f"/alerts?device={device.public_id}")) == 1
    assert ada.reads("/alerts?state=resolved") == ada.reads("/alerts?severity=info") == []


def test_when_a_customer_makes_changes_and_retires_a_device_then_the_answers_follow(world, ada):
    made = ada.does(
        "POST",
        "/devices",
        {"label": "fw", "kind": "firewall", "site": world.acme.sites["hq"].public_id, "serial": "S9"},
    )
    changed = ada.does(
        "PATCH", f"/devices/{made['id']}", {"label": "fw-2", "site": world.acme.sites["branch"].public_id}
    )
    ada.does("DELETE", f"/devices/{made['id']}")

    assert (made["kind"], made["inventory"]["serial"]) == ("firewall", "S9")
    assert (changed["label"], changed["site"]) == ("fw-2", world.acme.sites["branch"].public_id)
    assert ada.reads("/devices") == []
    assert ada.reads(f"/devices/{made['id']}")["retired_at"]


def test_when_a_key_is_made_and_stopped_then_it_is_shown_once_and_gone(world, ada, device):
    made = ada.does("POST", f"/devices/{device.public_id}/keys")

    assert made["key"].startswith(f"scd_{made['key_id']}_")
    ada.does("DELETE", f"/devices/{device.public_id}/keys/{made['key_id']}")
    assert made["key"] not in json.dumps(ada.reads(f"/devices/{device.public_id}"))


def test_given_a_device_of_mine_and_a_key_of_another_then_the_key_is_not_there(world, ada, device):
    other = world.acme.installs("sw-2", site="hq")
    made = ada.does("POST", f"/devices/{other.public_id}/keys")

    assert ada("DELETE", f"/devices/{device.public_id}/keys/{made['key_id']}").status_code == 404


def test_when_a_claim_code_is_made_then_it_is_shown_once(world, ada):
    made = ada.does("POST", "/devices/claims", {"site": world.acme.sites["hq"].public_id})

    assert len(made["claim_code"].replace("-", "")) == 16


def test_given_two_companies_then_a_partner_reads_of_the_other_s_claim_only_what_the_customer_chose(
    world, ada, nora, device
):
    for company in (world.northwind, world.rival):
        world.acme.shares("hq", with_=company, categories={HEALTH})
    rita = person(world.rival, "rita")
    alert = rita.reads("/alerts")[0]["id"]

    rita.does("POST", f"/alerts/{alert}/claim")

    assert rita.reads(f"/alerts/{alert}")["taken"] == "You have this"
    assert nora.reads(f"/alerts/{alert}")["taken"] == "Someone has this already"
    assert ada.reads(f"/alerts/{alert}")["taken"] == "Rival has this"


def test_given_somebody_else_has_it_when_claimed_then_it_is_a_conflict_that_names_nobody(world, nora, device):
    for company in (world.northwind, world.rival):
        world.acme.shares("hq", with_=company, categories={HEALTH})
    rita = person(world.rival, "rita")
    alert = rita.reads("/alerts")[0]["id"]
    rita.does("POST", f"/alerts/{alert}/claim")

    response = nora.post(f"/alerts/{alert}/claim")

    said = {"type": "about:blank", "title": "Conflict", "status": 409, "detail": "Someone has this already"}
    assert (response.status_code, response["Content-Type"]) == (409, "application/problem+json")
    assert json.loads(response.content) == said
    assert rita.does("POST", f"/alerts/{alert}/claim")["taken"] == "You have this"  # again, by who has it


def test_given_comments_for_one_s_own_company_then_nobody_else_reads_them(world, ada, nora, device):
    world.acme.shares("hq", with_=world.northwind, categories={HEALTH})
    alert = ada.reads("/alerts")[0]["id"]

    ada.does("POST", f"/alerts/{alert}/comments", {"text": "canary-inside"})
    ada.does("POST", f"/alerts/{alert}/comments", {"text": "Please look", "audience": "partners"})
    nora.does("POST", f"/alerts/{alert}/comments", {"text": "canary-own"})

    assert [c["text"] for c in nora.reads(f"/alerts/{alert}/comments")] == ["Please look", "canary-own"]
    assert [c["text"] for c in ada.reads(f"/alerts/{alert}/comments")] == ["canary-inside", "Please look"]
    assert nora.post(f"/alerts/{alert}/comments", {"text": "x", "audience": "partners"}).status_code == 400


@pytest.mark.parametrize(
    "until", ["never", "2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00", 7, None]
)
def test_given_a_time_that_cannot_be_when_snoozing_then_the_field_is_named(world, ada, device, until):
    alert = ada.reads("/alerts")[0]["id"]

    response = ada.post(f"/alerts/{alert}/snooze", {"until": until})

    assert response.status_code == 400
    assert "until" in json.loads(response.content)["errors"]


def test_when_an_alert_is_snoozed_and_resolved_then_the_answers_follow(world, ada, device):
    alert = ada.reads("/alerts")[0]["id"]
    until = (timezone.now() + timedelta(days=1)).isoformat()

    assert ada.does("POST", f"/alerts/{alert}/snooze", {"until": until})["snoozed_until"]
    assert ada.does("POST", f"/alerts/{alert}/resolve", {"feedback": "real"})["state"] == "resolved"
    assert ada.post(f"/alerts/{alert}/resolve", {}).status_code == 409


def test_given_an_access_that_ends_between_two_calls_then_the_second_finds_nothing(world, device):
    grant = world.acme.shares("hq", with_=world.northwind, categories={HEALTH, TRAFFIC})
    robot = program(world.northwind)
    before: Any = robot.reads("/devices")

    world.acme.lets_expire(grant)

    assert len(before) == 1
    assert robot.reads("/devices") == robot.reads("/alerts") == robot.reads("/sites") == []
    assert robot.get(f"/devices/{device.public_id}").status_code == 404
