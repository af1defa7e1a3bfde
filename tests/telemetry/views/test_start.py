"""Connecting a device: what is shown once, what the waiting page says and how long it asks, refusals, the test from the browser."""

import json
import re
import time
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client

from access.principal import acting
from telemetry import fleet
from telemetry.ingest.memory import forget_everything
from telemetry.models import Device, DeviceKey, KeyChannel
from tests.cast import World

REPORTS = "/ingest/v1/reports"
POLL = {"HTTP_HX_REQUEST": "true"}


@pytest.fixture(autouse=True)
def _fresh_memory() -> None:
    forget_everything()


@pytest.fixture
def ada(world: World, browse: Any) -> Client:
    client: Client = browse(world.acme.people["ada"])
    return client


def connects(client: Client, world: World, **more: str) -> tuple[str, Device, str]:
    """The page, the new device and what is copied first."""
    site = world.acme.sites["hq"].public_id
    page = client.post("/start", {"site": site, "kind": "switch", "label": "Workshop"} | more).content.decode()
    with acting(world.acme.viewer()):
        device = Device.unscoped.get(label="Workshop")
    code = re.search(r"<code>(.*?)</code>", page, re.DOTALL)
    assert code is not None
    return page, device, code[1].replace("&#x27;", "'").replace("&quot;", '"')


def key_in(text: str) -> str:
    found = re.search(r"sc[dc]_[a-z0-9]{12}_[\w-]{43}", text)
    assert found is not None
    return found[0]


def posts(key: str, body: str) -> int:
    answer = Client().post(REPORTS, body, content_type="application/json", HTTP_AUTHORIZATION=f"Bearer {key}")
    return answer.status_code


def polls(client: Client, device: Device, **query: object) -> Any:
    return client.get(f"/start/{device.public_id}/waiting", query, **POLL)


def had(page: Any) -> str:
    found = re.search(r'name="had" value="([^"]*)"', page.content.decode())
    assert found is not None
    return found[1]


# ---- what is copied


def test_when_the_copied_report_is_sent_then_it_is_accepted(ada: Client, world: World) -> None:
    _, _, line = connects(ada, world)
    body = re.search(r"-d '(.*)'$", line, re.DOTALL)

    assert body is not None
    assert posts(key_in(line), body[1]) == 202


def test_when_the_copied_report_is_sent_twice_then_it_is_one_report(ada: Client, world: World) -> None:
    _, _, line = connects(ada, world)
    body = re.search(r"-d '(.*)'$", line, re.DOTALL)[1]  # type: ignore[index]

    posts(key_in(line), body)

    assert posts(key_in(line), body) == 200


def test_when_a_device_is_connected_then_it_has_one_key_and_no_page_shows_it_again(ada: Client, world: World) -> None:
    page, device, line = connects(ada, world)

    with acting(world.acme.viewer()):
        assert DeviceKey.unscoped.filter(device=device).count() == 1
    secret = key_in(line)
    assert secret in page
    for path in (f"/start/{device.public_id}/waiting", f"/devices/{device.public_id}/keys", "/start"):
        assert secret not in ada.get(path).content.decode()


def test_given_call_home_when_a_device_is_connected_then_its_only_key_is_in_the_address(
    ada: Client, world: World
) -> None:
    _, device, line = connects(ada, world, sends="path")

    with acting(world.acme.viewer()):
        assert [key.channel for key in DeviceKey.unscoped.filter(device=device)] == [KeyChannel.PATH]
    address = re.search(r"http\S+/ingest/callhome/v1/\S+", line)
    assert address is not None
    assert Client().post(urlsplit(address[0]).path, b"<x/>", content_type="text/xml").status_code not in {401, 403}


# ---- waiting


def test_given_a_key_that_was_cut_when_it_is_used_then_the_page_says_so(ada: Client, world: World) -> None:
    _, device, line = connects(ada, world)

    posts(key_in(line)[:-20], "{}")
    posts(key_in(line), json.dumps({"schema": "smartcare.report/9"}))

    page = polls(ada, device).content.decode()
    assert "The key is not complete" in page
    assert "The schema is unknown" in page


def test_given_nothing_new_when_the_page_asks_again_then_it_gets_no_words(ada: Client, world: World) -> None:
    _, device, _ = connects(ada, world)
    first = polls(ada, device)

    again = polls(ada, device, since=int(time.time()), had=had(first))

    assert (first.status_code, again.status_code, again.content) == (200, 204, b"")


def test_given_two_minutes_without_a_report_when_it_asks_then_it_points_to_the_reasons(
    ada: Client, world: World
) -> None:
    _, device, _ = connects(ada, world)

    page = polls(ada, device, since=int(time.time()) - 125, had=had(polls(ada, device)))

    assert page.status_code == 200
    assert "usual reasons" in page.content.decode()


def test_given_ten_minutes_when_it_asks_then_it_is_told_to_stop_asking(ada: Client, world: World) -> None:
    _, device, _ = connects(ada, world)
    since = int(time.time()) - 601

    assert polls(ada, device, since=since).status_code == 286
    assert "every 2s" not in ada.get(f"/start/{device.public_id}/waiting?since={since}").content.decode()


@pytest.mark.parametrize("since", ["", "soon", "-5", "99999999999", "１２", "9" * 400])
def test_when_since_is_nonsense_then_the_wait_begins_now(ada: Client, world: World, since: str) -> None:
    _, device, _ = connects(ada, world)

    assert polls(ada, device, since=since).status_code == 200


def test_when_the_first_report_came_then_the_page_leads_on_and_asks_no_more(ada: Client, world: World) -> None:
    _, device, line = connects(ada, world)
    posts(key_in(line), re.search(r"-d '(.*)'$", line, re.DOTALL)[1])  # type: ignore[index]

    page = polls(ada, device)

    assert page.status_code == 286
    assert "We hear Workshop" in page.content.decode()


# ---- the test from the browser


def test_given_the_right_key_when_it_is_tried_then_it_is_right_and_nothing_was_reported(
    ada: Client, world: World
) -> None:
    _, device, line = connects(ada, world)

    page = ada.post(f"/start/{device.public_id}/try-key", {"key": f" {key_in(line)} "}, **POLL).content.decode()

    assert "the key is right" in page
    assert "Waiting" in polls(ada, device).content.decode()
    with acting(world.acme.viewer()):
        assert DeviceKey.unscoped.get(device=device).last_used_at is None


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda key: key[:-5], "not complete"),
        (lambda key: key[:-5] + "AAAAA", "secret is wrong"),
        (lambda key: key.replace("scd_", "scc_"), "wrong letters"),
        (lambda key: "", "not complete"),
        (lambda key: "scd_" + "z" * 12 + "_" + "s" * 43, "not a key of this device"),
    ],
    ids=["cut", "wrong", "kind", "nothing", "unknown"],
)
def test_given_a_spoilt_key_when_it_is_tried_then_the_page_says_what_is_wrong(
    ada: Client, world: World, spoil: Any, words: str
) -> None:
    _, device, line = connects(ada, world)

    page = ada.post(f"/start/{device.public_id}/try-key", {"key": spoil(key_in(line))}).content.decode()

    assert words in page


def test_given_anothers_key_when_it_is_tried_then_it_is_as_unknown_as_nobodys(ada: Client, world: World) -> None:
    _, device, _ = connects(ada, world)
    theirs = world.globex.key_for(world.globex.installs("router", site="plant"))

    page = ada.post(f"/start/{device.public_id}/try-key", {"key": theirs}).content.decode()

    assert "not a key of this device" in page


def test_given_a_stopped_key_when_it_is_tried_then_it_is_said(ada: Client, world: World) -> None:
    _, device, line = connects(ada, world)
    boss = world.acme.viewer()
    with acting(boss):
        fleet.stop_key(DeviceKey.unscoped.get(device=device), by=boss)

    page = ada.post(f"/start/{device.public_id}/try-key", {"key": key_in(line)}).content.decode()

    assert "The key was stopped" in page


# ---- all refusals


def test_when_reports_were_refused_then_page_and_files_list_the_same(ada: Client, world: World) -> None:
    _, device, line = connects(ada, world)
    for _ in range(3):
        posts(key_in(line), "no json")

    page = ada.get("/devices/refused").content.decode()
    (row,) = json.loads(ada.get("/devices/refused?format=json").content)

    assert "The body is no report" in page
    assert "3 times" in page
    assert (row["sender"], row["code"], row["times"], row["answer"]) == ("Workshop", "malformed", 3, 400)
    assert ada.get(f"/devices/refused?format=csv&device={device.public_id}").content.count(b"\r\n") == 2
    assert "The body is no report" in ada.get("/start").content.decode()


def test_when_one_device_is_asked_for_then_others_are_left_out(ada: Client, world: World) -> None:
    _, _, line = connects(ada, world)
    other = world.acme.installs("other", site="hq")
    posts(key_in(line), "no json")

    assert json.loads(ada.get(f"/devices/refused?format=json&device={other.public_id}").content) == []
    assert ada.get("/devices/refused?format=json&device=dv-nobody").status_code == 404
