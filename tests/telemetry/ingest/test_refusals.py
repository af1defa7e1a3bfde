"""Refused reports: told to the customer whose key was presented, to nobody else, bounded, without bodies and secrets."""

import re
import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from access.models import SHAREABLE
from access.principal import acting, principal
from telemetry import fleet, retention
from telemetry.ingest import doors
from telemetry.ingest.batch import NATIVE
from telemetry.ingest.keys import BadKey
from telemetry.ingest.memory import forget_everything
from telemetry.ingest.refusals import ROOM, ROOM_FOR_GUESSES, Refusals, Told, Which
from telemetry.models import Device, Refusal
from telemetry.models.devices import KeyChannel
from tests.cast import Customer, World
from tests.telemetry.ingest.senders import REPORTS, Sender, collector_key, cpu, device_key, report

WRITE = "/ingest/prometheus/v1/write"


@pytest.fixture(autouse=True)
def _fresh_memory() -> None:
    forget_everything()


@pytest.fixture
def switch(world: World) -> Device:
    return world.acme.installs("core switch", site="hq", serial="SN1")


@pytest.fixture
def sender(world: World, switch: Device) -> Sender:
    return device_key(world.acme, switch)


def told(customer: Customer) -> list[Refusal]:
    """What the customer's owner reads of it."""
    boss = customer.viewer()
    with acting(boss):
        return list(Refusal.objects.visible_to(boss).order_by("-last_at"))


def posts(key: str, path: str = REPORTS) -> int:
    headers = {"HTTP_AUTHORIZATION": f"Bearer {key}"}
    return Client().post(path, b"{}", content_type="application/json", **headers).status_code


def stores(key_id: str, codes: list[str]) -> None:
    """What a round of these reasons keeps."""
    n = len(codes)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT ingest_refused(%s, %s, %s, %s, %s, %s)",
            [[key_id] * n, [NATIVE] * n, codes, [400] * n, [""] * n, [1] * n],
        )


# ---- which reasons


@pytest.mark.parametrize(
    ("body", "code", "place"),
    [
        (b"not json", "malformed", ""),
        (b'{"schema": "smartcare.report/2"}', "unsupported_schema", "schema"),
        (b" " * (1024 * 1024 + 1), "too_large", ""),
        (b'{"schema": "smartcare.report/1", "report_id": "x"}', "bad_value", "report_id"),
    ],
    ids=["malformed", "unknown schema", "too large", "a field"],
)
def test_when_a_body_is_refused_then_the_customer_reads_why(
    world: World, sender: Sender, switch: Device, body: bytes, code: str, place: str
) -> None:
    answer = sender.posts(body)

    (row,) = told(world.acme)
    assert (row.code, row.place, row.status, row.times) == (code, place, answer.status_code, 1)
    assert (row.device_id, row.site_id) == (switch.pk, switch.site_id)


def test_when_a_device_speaks_for_another_then_it_is_told(world: World, sender: Sender) -> None:
    sender.posts(report(cpu(), serial="SN9"))

    assert [row.code for row in told(world.acme)] == ["not_this_device"]


def test_given_a_known_key_when_the_secret_is_wrong_then_its_customer_is_told(world: World, sender: Sender) -> None:
    assert posts(sender.key[:-4] + "AAAA") == 401

    assert [(row.code, row.key_id) for row in told(world.acme)] == [("wrong_secret", sender.row.key_id)]


@pytest.mark.parametrize("kept", [4 + 12, 4 + 12 + 1 + 7, 4 + 12 + 1 + 30], ids=["no secret", "a bit", "most of it"])
def test_given_a_key_that_was_cut_when_its_id_is_whole_then_its_customer_is_told(
    world: World, sender: Sender, kept: int
) -> None:
    assert posts(sender.key[:kept]) == 401

    assert [row.code for row in told(world.acme)] == ["key_cut"]


def test_when_a_key_was_stopped_then_it_is_told(world: World, sender: Sender) -> None:
    sender.loses_its_key()

    assert sender.posts(report(cpu())).status_code == 403
    assert [row.code for row in told(world.acme)] == ["key_revoked"]


def test_when_a_key_comes_over_the_wrong_channel_then_it_is_told(world: World, switch: Device) -> None:
    key = device_key(world.acme, switch, channel=KeyChannel.PATH)

    assert key.posts(report(cpu())).status_code == 403
    assert [row.code for row in told(world.acme)] == ["wrong_channel"]


def test_when_a_key_calls_itself_a_collectors_then_it_is_told(world: World, sender: Sender) -> None:
    assert posts(sender.key.replace("scd_", "scc_")) == 401

    assert [row.code for row in told(world.acme)] == ["wrong_kind"]


def test_given_a_door_that_calls_it_a_success_when_nothing_was_kept_then_it_is_told(
    world: World, sender: Sender
) -> None:
    metrics = {"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"name": "x", "histogram": {"dataPoints": [{}]}}]}]}]}

    answer = sender.posts(metrics, path="/ingest/otlp/v1/metrics")

    assert answer.status_code == 200
    assert [(row.status, row.format) for row in told(world.acme)] == [(200, "otlp.metrics")]


def test_when_a_decoder_breaks_down_then_it_is_told(
    world: World, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: object) -> Any:
        raise ZeroDivisionError

    broken = {**doors.DOORS, "v1/reports": replace(doors.DOORS["v1/reports"], decode=breaks)}
    monkeypatch.setattr(doors, "DOORS", broken)

    assert sender.posts(report(cpu())).status_code == 202
    assert [row.code for row in told(world.acme)] == ["internal_decode_error"]


def test_when_a_report_is_accepted_then_nothing_is_told(world: World, sender: Sender) -> None:
    assert sender.posts(report(cpu())).status_code == 202

    assert told(world.acme) == []


# ---- to whom


def test_given_a_key_of_nobody_when_it_is_refused_then_nothing_is_stored(world: World) -> None:
    assert posts("scd_" + "z" * 12 + "_" + "s" * 43) == 401
    assert posts("") == 401

    assert told(world.acme) == told(world.globex) == []


def test_when_it_is_told_then_neither_a_partner_nor_staff_nor_another_customer_reads_it(
    world: World, sender: Sender
) -> None:
    sender.posts(b"not json")

    assert told(world.acme)
    assert told(world.globex) == []
    world.acme.shares("hq", with_=world.northwind, categories=SHAREABLE)
    nora = world.northwind.viewer()
    for eyes in (acting(nora), principal(kind="staff", user=world.sam)):
        with eyes, connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM telemetry_refusal")
            assert cursor.fetchone()[0] == 0
    with acting(nora):
        assert not Refusal.objects.visible_to(nora).exists()


def test_when_the_application_writes_one_itself_then_the_database_refuses(world: World, sender: Sender) -> None:
    sender.posts(b"not json")
    boss = world.acme.viewer()

    with acting(boss), pytest.raises(Exception, match="permission denied"):
        Refusal.unscoped.update(times=0)


# ---- bounded


def test_when_the_same_is_refused_again_then_it_is_counted(world: World, sender: Sender) -> None:
    for _ in range(5):
        sender.posts(b"not json")

    assert [row.times for row in told(world.acme)] == [5]


def test_when_a_customer_has_many_then_the_newest_500_stay(world: World, sender: Sender) -> None:
    codes = [f"c{n}" for n in range(620)]
    stores(sender.row.key_id, codes[:300])
    stores(sender.row.key_id, codes[300:])

    left = {row.code for row in told(world.acme)}
    assert len(left) == 500
    assert set(codes[300:]) <= left


def test_when_30_days_are_over_then_it_is_forgotten(lasting_world: World, behind: Any) -> None:
    acme = lasting_world.acme
    key_id = device_key(acme, acme.installs("core switch", site="hq", serial="SN1")).row.key_id
    stores(key_id, ["old", "new"])
    behind.execute("UPDATE telemetry_refusal SET last_at = now() - interval '31 days' WHERE code = 'old'")

    retention.forget()

    assert [row.code for row in told(acme)] == ["new"]


def test_when_a_flood_of_reasons_comes_then_a_round_stays_bounded() -> None:
    rounds: list[Mapping[Which, Told]] = []
    refusals = Refusals(rounds.append)

    for n in range(ROOM + 500):
        refusals.tell(f"key{n}", NATIVE, "malformed", 400)
    refusals.flush()

    assert sum(map(len, rounds)) <= ROOM + 500
    assert max(map(len, rounds)) <= ROOM


def test_given_rubbish_by_the_thousand_when_a_true_refusal_comes_then_it_has_room() -> None:
    rounds: list[Mapping[Which, Told]] = []
    started = threading.Event()
    refusals = Refusals(lambda told: (rounds.append(told), started.wait(5)))  # type: ignore[arg-type]

    for n in range(5_000):
        refusals.tell_of_key(BadKey("key_cut", f"k{n:011}"), NATIVE, 401)
    refusals.tell("known", NATIVE, "malformed", 400)
    started.set()
    refusals.flush()

    everything = [which for round_ in rounds for which in round_]
    assert ("known", NATIVE, "malformed") in everything
    assert max(map(len, rounds)) <= ROOM_FOR_GUESSES + 1


# ---- what is kept of it


def test_when_a_place_holds_what_a_body_said_then_it_is_left_out() -> None:
    rounds: list[Mapping[Which, Told]] = []
    refusals = Refusals(rounds.append)

    refusals.tell("k", "prometheus", "bad_value", 204, "timeseries secret_metric")
    refusals.tell("k", NATIVE, "a", 400, "devices[0].samples[12].v")
    refusals.tell("k", NATIVE, "b", 400, "line 12")
    refusals.tell("k", NATIVE, "c", 400, "devices[0].Geheim!")
    refusals.flush()

    places = {which[2]: told.place for round_ in rounds for which, told in round_.items()}
    assert places == {"bad_value": "", "a": "devices[0].samples[12].v", "b": "line 12", "c": ""}


def test_when_anything_is_refused_then_no_column_holds_body_or_secret(world: World, sender: Sender) -> None:
    posts(sender.key[:-4] + "AAAA")
    sender.posts(b'{"schema": "hunter2", "hunter2": 1}')
    sender.posts(report({"m": "hunter2", "v": 1}))

    kept = " ".join(str(value) for row in told(world.acme) for value in vars(row).values())
    assert "hunter2" not in kept
    assert sender.key.rsplit("_", 1)[1][:8] not in kept


def test_given_a_collector_when_its_report_is_refused_then_it_is_the_collectors(world: World) -> None:
    poller = collector_key(world.acme, "hq")

    poller.posts(b"not json")

    (row,) = told(world.acme)
    assert row.collector_id is not None
    assert row.device_id is None


def test_given_a_device_that_moved_when_it_is_refused_then_it_counts_where_it_is(world: World, sender: Sender) -> None:
    boss = world.acme.viewer()
    with acting(boss):
        fleet.move(sender.device, to=world.acme.sites["branch"], by=boss)  # type: ignore[arg-type]

    sender.posts(b"not json")

    assert [row.site_id for row in told(world.acme)] == [world.acme.sites["branch"].pk]


def test_when_nobody_waits_for_a_transaction_then_a_thread_writes_it(lasting_world: World) -> None:
    acme = lasting_world.acme
    sender = device_key(acme, acme.installs("core switch", site="hq", serial="SN1"))
    written = threading.Event()
    rounds: list[Mapping[Which, Told]] = []

    def write(told: Mapping[Which, Told]) -> None:
        rounds.append(told)
        written.set()

    Refusals(write).tell(sender.row.key_id, NATIVE, "malformed", 400)

    assert written.wait(5)
    assert re.fullmatch("[a-z0-9]{12}", next(iter(rounds[0]))[0])
