"""Webhook bodies: thin, and only what the grant covers."""

import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from partners.forwarding import message
from partners.forwarding.message import AccessEvent, AlertEvent, NotCovered
from tests.partners.forwarding.facts import ACCESS, ALERT, ALL, AT, HEALTH


def body(event=AlertEvent.OPENED, facts=ALERT, categories=ALL):
    return json.loads(message.alert_body(event, facts, categories=categories))


@pytest.mark.parametrize("event", ["alert.opened", "alert.updated", "alert.resolved"])
def test_when_an_alert_changes_then_the_body_names_the_change_its_time_and_its_data(event):
    told = body(AlertEvent(event))

    assert list(told) == ["type", "timestamp", "data"]
    assert told["type"] == event
    assert told["timestamp"] == "2026-11-24T03:30:05Z"


def test_when_an_alert_is_told_then_the_payload_is_thin():
    assert body()["data"] == {
        "alert_id": "al-7k2p9m",
        "customer_id": "or-acme",
        "site_id": "si-hq",
        "device_id": "dv-1",
        "rule": "time-to-threshold",
        "severity": "major",
        "sentence": "Lyon firewall: memory full about 14 Dec",
        "figures": [
            {"name": "memory_used", "value": 91.666666, "unit": "%"},
            {"name": "canary_bps", "value": 4711, "unit": "bit/s"},
        ],
        "opened_at": "2026-11-24T03:30:05Z",
        "resolved_at": None,
        "link": "https://smartcare.example/alerts/al-7k2p9m",
    }


def test_given_a_grant_without_traffic_when_an_alert_is_told_then_its_traffic_figures_are_not():
    raw = message.alert_body(AlertEvent.OPENED, ALERT, categories=HEALTH)

    assert b"canary" not in raw
    assert b"4711" not in raw
    assert [figure["name"] for figure in json.loads(raw)["data"]["figures"]] == ["memory_used"]


@pytest.mark.parametrize("categories", [frozenset(), ALL - HEALTH, frozenset({"any"})])
def test_given_a_grant_without_health_when_an_alert_should_be_told_then_nothing_is_made(categories):
    with pytest.raises(NotCovered):
        message.alert_body(AlertEvent.OPENED, ALERT, categories=categories)


def test_given_a_sentence_that_names_the_device_when_told_then_it_is_not_named_twice():
    facts = replace(ALERT, sentence="Fan of Lyon firewall is slowing down")

    assert body(facts=facts)["data"]["sentence"] == "Fan of Lyon firewall is slowing down"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_given_a_figure_that_is_no_number_when_told_then_it_is_unknown_and_the_body_is_json(value):
    facts = replace(ALERT, figures=(replace(ALERT.figures[0], value=value),))

    assert body(facts=facts)["data"]["figures"][0]["value"] is None


def test_given_times_of_another_zone_when_told_then_they_are_utc():
    elsewhere = AT.astimezone(timezone(timedelta(hours=9)))

    assert body(facts=replace(ALERT, at=elsewhere, resolved_at=elsewhere))["timestamp"] == "2026-11-24T03:30:05Z"


def test_given_a_naive_time_when_told_then_it_is_refused():
    with pytest.raises(ValueError, match="aware"):
        body(facts=replace(ALERT, at=datetime(2026, 11, 24)))


@pytest.mark.parametrize(
    "link",
    [
        "javascript:alert(1)",
        "/alerts/1",
        "https://",
        "https://a.example/\r\nX: y",
        "https://a.example/ b",
        "data:,x",
        "",
    ],
)
def test_given_a_link_that_is_no_web_address_when_facts_are_made_then_it_is_refused(link):
    for facts in (ALERT, ACCESS):
        with pytest.raises(ValueError, match="link"):
            replace(facts, link=link)


def test_given_text_of_any_script_when_told_then_it_survives_as_utf8():
    facts = replace(ALERT, sentence='Größe "98 %" \u2028 🔥 </script>')

    raw = message.alert_body(AlertEvent.OPENED, facts, categories=ALL)

    assert "Größe".encode() in raw
    assert json.loads(raw)["data"]["sentence"].endswith('Größe "98 %" \u2028 🔥 </script>')


@pytest.mark.parametrize("event", ["access.granted", "access.revoked"])
def test_when_access_is_given_or_ended_then_the_body_names_the_grant_and_what_it_covers(event):
    told = json.loads(message.access_body(AccessEvent(event), ACCESS))

    assert told["type"] == event
    assert told["data"] == {
        "grant_id": "gr-1",
        "customer_id": "or-acme",
        "partner_id": "or-northwind",
        "site_id": "si-hq",
        "categories": ["health", "inventory"],
        "forward_alerts": True,
        "expires_at": "2026-12-24T22:59:00Z",
        "sentence": ACCESS.sentence,
        "link": ACCESS.link,
    }


def test_when_a_destination_is_to_be_verified_then_the_body_holds_the_challenge_and_nothing_else():
    challenge = message.new_challenge()

    told = json.loads(message.verification_body(challenge, at=AT))

    assert told == {
        "type": "destination.verification",
        "timestamp": "2026-11-24T03:30:05Z",
        "data": {"challenge": challenge},
    }
    assert challenge != message.new_challenge()
    assert len(challenge) >= 32


def test_given_evidence_when_figures_are_taken_then_lists_tables_and_flags_stay_behind():
    evidence = {"slope": 1.5, "word": "temp", "flag": True, "list": [1], "table": {"a": 1}, "none": None}

    figures = message.figures_of(evidence, category="health", units={"slope": "%/day"})

    assert [(f.name, f.value, f.unit, f.category) for f in figures] == [
        ("slope", 1.5, "%/day", "health"),
        ("word", "temp", "", "health"),
    ]
