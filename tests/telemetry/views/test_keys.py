"""Keys, claim codes, collectors and sites as an owner handles them, with a device at the other end of the wire."""

import json
import re
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from access.models import AuditEntry
from access.principal import acting, job
from telemetry.ingest.memory import forget_everything
from telemetry.models import ClaimCode, Collector, Device, DeviceHealth, DeviceInventory, DeviceKey, DeviceStay
from tests.cast import World
from tests.telemetry.ingest.senders import Sender, cpu, device_key, report

ENROL = "/ingest/v1/enrol"


@pytest.fixture(autouse=True)
def _fresh_memory() -> None:
    forget_everything()


@pytest.fixture
def ada(world: World, browse: Any) -> Client:
    client: Client = browse(world.acme.people["ada"])
    return client


@pytest.fixture
def alan(world: World, browse: Any) -> Client:
    client: Client = browse(world.acme.people["alan"])
    return client


@pytest.fixture
def switch(world: World) -> Device:
    return world.acme.installs("core switch", site="hq", serial="SN1", vendor="Example")


def key_in(page: Any) -> str:
    found = re.search(r"sc[dc]_[a-z0-9]{12}_[\w-]{43}", page.content.decode())
    assert found is not None
    return found[0]


def posts(world: World, key: str) -> int:
    return posts_as(world, key, "SN1")


def posts_as(world: World, key: str, serial: str) -> int:
    return int(Sender(key, world.acme).posts(report(cpu(), serial=serial)).status_code)


def enrols(code: str, **identity: str) -> Any:
    return Client().post(ENROL, json.dumps({"claim_code": code, "identity": identity}), content_type="application/json")


def makes_code(client: Client, world: World, label: str = "Spare") -> str:
    site = world.acme.sites["hq"].public_id
    page = client.post("/devices/new", {"label": label, "kind": "switch", "site": site}).content.decode()
    found = re.search(r"<code>([a-z0-9]{4}(?:-[a-z0-9]{4}){3})</code>", page)
    assert found is not None
    return found[1]


# ---- keys


def test_given_a_key_when_a_second_is_made_then_both_work_and_the_first_can_be_stopped(
    ada: Client, world: World, switch: Device
) -> None:
    first = device_key(world.acme, switch)
    path = f"/devices/{switch.public_id}/keys"

    second = key_in(ada.post(path))

    assert (posts(world, first.key), posts(world, second)) == (202, 202)
    ada.post(path, {"stop": first.row.key_id})
    assert (posts(world, first.key), posts(world, second)) == (403, 202)


def test_given_two_keys_when_a_third_is_made_then_it_says_what_to_do(ada: Client, world: World, switch: Device) -> None:
    path = f"/devices/{switch.public_id}/keys"
    ada.post(path)
    ada.post(path)

    page = ada.post(path).content.decode()

    assert "stop one of them first" in page
    assert "scd_" not in page


def test_given_two_keys_when_all_others_are_stopped_then_the_new_one_alone_works(
    ada: Client, world: World, switch: Device
) -> None:
    old = [device_key(world.acme, switch).key for _ in range(2)]

    new = key_in(ada.post(f"/devices/{switch.public_id}/keys", {"others": "stop"}))

    assert [posts(world, key) for key in (*old, new)] == [403, 403, 202]


def test_given_a_viewer_when_the_keys_are_opened_then_there_is_nothing_to_press(
    alan: Client, world: World, switch: Device
) -> None:
    device_key(world.acme, switch)
    path = f"/devices/{switch.public_id}/keys"

    page = alan.get(path).content.decode()

    assert "Make a key" not in page
    assert 'name="stop"' not in page
    assert alan.post(path).status_code == 403


# ---- claim codes


def test_when_a_code_is_used_then_the_key_comes_once(ada: Client, world: World) -> None:
    code = makes_code(ada, world)

    first, again = enrols(code, serial="SN1"), enrols(code, serial="SN1")

    assert (first.status_code, again.status_code) == (200, 403)
    assert posts(world, first.json()["key"]) == 202


def test_given_an_open_code_when_it_is_withdrawn_then_no_device_can_use_it(ada: Client, world: World) -> None:
    code = makes_code(ada, world)
    with acting(world.acme.viewer()):
        row = ClaimCode.unscoped.get()
    assert "Spare" in ada.get("/devices/new").content.decode()

    ada.post(f"/devices/new/{row.public_id}/withdraw")

    assert enrols(code).status_code == 403
    assert "Spare" not in ada.get("/devices/new").content.decode()


def test_given_a_device_with_two_keys_when_it_enrols_again_then_it_is_re_keyed_and_its_newest_key_still_works(
    ada: Client, world: World, switch: Device
) -> None:
    old, newer = (device_key(world.acme, switch) for _ in range(2))

    answer = enrols(makes_code(ada, world), vendor="Example", serial="SN1")

    assert answer.json()["device_id"] == switch.public_id
    assert [posts(world, key) for key in (old.key, newer.key, answer.json()["key"])] == [403, 202, 202]


# ---- collectors


def test_when_a_collector_is_retired_then_its_keys_are_refused_and_it_is_off_the_list(
    ada: Client, world: World
) -> None:
    site = world.acme.sites["hq"].public_id
    key = key_in(ada.post("/collectors", {"name": "Cellar", "site": site}))
    with acting(world.acme.viewer()):
        collector = Collector.unscoped.get()
    assert posts(world, key) == 202

    ada.post(f"/collectors/{collector.public_id}/retire")

    assert posts(world, key) == 403
    assert "No collector yet" in ada.get("/collectors").content.decode()


# ---- sites


def test_when_a_site_is_changed_then_it_says_so(ada: Client, world: World) -> None:
    site = world.acme.sites["hq"].public_id

    ada.post(f"/sites/{site}/edit", {"name": "Head office", "city": "Bern", "timezone": "Europe/Zurich"})

    assert "Head office" in ada.get(f"/sites/{site}").content.decode()


def test_when_a_site_is_closed_then_keys_codes_and_collectors_of_it_end(
    ada: Client, world: World, switch: Device
) -> None:
    key, code = device_key(world.acme, switch).key, makes_code(ada, world)
    site = world.acme.sites["hq"]
    ada.post("/collectors", {"name": "Cellar", "site": site.public_id})
    world.acme.shares("hq", with_=world.northwind)
    assert "Northwind" in ada.get(f"/sites/{site.public_id}/close").content.decode()

    ada.post(f"/sites/{site.public_id}/close")

    assert posts(world, key) == 403
    assert enrols(code).status_code == 403
    with acting(world.acme.viewer()):
        assert Collector.unscoped.get().retired_at is not None
        assert not DeviceKey.unscoped.filter(revoked_at=None).exists()


def test_given_a_closed_site_when_a_device_is_to_be_added_there_then_it_is_refused(ada: Client, world: World) -> None:
    site = world.acme.sites["depot"].public_id
    ada.post(f"/sites/{site}/close")

    assert ada.post("/start", {"site": site, "kind": "switch"}).status_code == 404
    assert ada.get(f"/sites/{site}").status_code == 200


# ---- the device itself


def test_when_a_note_is_added_then_the_device_shows_it_and_the_journal_has_it(
    ada: Client, world: World, switch: Device
) -> None:
    site = world.acme.sites["hq"].public_id

    ada.post(
        f"/devices/{switch.public_id}/edit",
        {"label": "core switch", "kind": "switch", "site": site, "notes": "Key of the rack: front desk"},
    )

    assert "front desk" in ada.get(f"/devices/{switch.public_id}").content.decode()
    with acting(world.acme.viewer()):
        assert DeviceInventory.unscoped.get(device=switch).notes == "Key of the rack: front desk"
        entry = AuditEntry.objects.get(action="device.changed")
        assert "front desk" in str(entry.after)


def test_given_a_device_that_never_reported_when_it_is_opened_then_the_page_leads_to_connecting_it(
    ada: Client, switch: Device
) -> None:
    page = ada.get(f"/devices/{switch.public_id}").content.decode()

    assert "has not reported yet" in page
    assert f"/start/{switch.public_id}/waiting" in page


def test_given_reports_that_were_refused_when_the_device_is_opened_then_it_says_why(
    ada: Client, world: World, switch: Device
) -> None:
    device_key(world.acme, switch).posts(b"no json")

    page = ada.get(f"/devices/{switch.public_id}").content.decode()

    assert "The body is no report" in page


def test_given_a_report_that_was_taken_since_when_the_device_is_opened_then_old_refusals_trouble_nobody(
    ada: Client, world: World, switch: Device
) -> None:
    key = device_key(world.acme, switch)
    key.posts(b"no json")
    with job(world.acme.pk):
        DeviceHealth.unscoped.filter(device=switch).update(last_seen_at=timezone.now())

    assert "Reports were refused" not in ada.get(f"/devices/{switch.public_id}").content.decode()


def test_given_a_retired_device_when_a_key_is_wanted_or_it_is_to_move_then_it_is_refused(
    ada: Client, world: World, switch: Device
) -> None:
    path = f"/devices/{switch.public_id}"
    ada.post(f"{path}/retire")

    assert "It is retired" in ada.post(f"{path}/keys").content.decode()
    said = {"label": "core switch", "kind": "switch", "site": world.acme.sites["branch"].public_id}
    assert "what is over stays where it was" in ada.post(f"{path}/edit", said).content.decode()
    with acting(world.acme.viewer()):
        assert not DeviceKey.unscoped.exists()
        assert not DeviceStay.unscoped.filter(device=switch, until=None).exists()


def test_when_a_device_moves_then_its_key_goes_on_and_its_new_reports_are_of_the_new_site(
    ada: Client, world: World, switch: Device
) -> None:
    key = device_key(world.acme, switch).key
    assert posts(world, key) == 202
    said = {"label": "core switch", "kind": "switch", "site": world.acme.sites["branch"].public_id}

    ada.post(f"/devices/{switch.public_id}/edit", said)

    assert posts(world, key) == 202
    with acting(world.acme.viewer()):
        stays = list(DeviceStay.unscoped.filter(device=switch).order_by("number").values_list("site__name", "until"))
        assert [name for name, _ in stays] == ["hq", "branch"]
        assert [until is None for _, until in stays] == [False, True]


# ---- what a code or a new key is for


def test_when_a_code_is_made_then_the_line_beside_it_exchanges_it(ada: Client, world: World) -> None:
    site = world.acme.sites["hq"].public_id
    page = unescape(ada.post("/devices/new", {"label": "Spare", "kind": "switch", "site": site}).content.decode())
    body = re.search(r"/ingest/v1/enrol .*?-d '(.*?)'", page, re.DOTALL)

    assert body is not None
    answer = Client().post(ENROL, body[1].replace("SERIAL-NUMBER", "S7"), content_type="application/json")
    assert answer.status_code == 200
    assert answer.json()["key"].startswith("scd_")


def test_given_a_serial_when_a_code_is_wanted_then_it_says_that_the_device_will_say_it(
    ada: Client, world: World
) -> None:
    said = {"label": "Spare", "kind": "switch", "site": world.acme.sites["hq"].public_id, "serial": "S7"}

    page = unescape(ada.post("/devices/new", said).content.decode())
    with_key = ada.post("/devices/new", said | {"with_key": "1"})

    assert "says it by itself" in page
    assert posts_as(world, key_in(with_key), "S7") == 202
    with acting(world.acme.viewer()):
        assert not ClaimCode.unscoped.exists()


# ---- who may


def test_given_somebody_who_may_only_look_when_anything_is_posted_then_it_is_refused_and_nothing_has_changed(
    ada: Client, alan: Client, world: World, switch: Device
) -> None:
    site = world.acme.sites["hq"].public_id
    code = makes_code(ada, world)
    key = key_in(ada.post("/collectors", {"name": "Cellar", "site": site}))
    with acting(world.acme.viewer()):
        claim, collector = ClaimCode.unscoped.get(), Collector.unscoped.get()
    posts_of = {
        f"/devices/new/{claim.public_id}/withdraw": {},
        f"/collectors/{collector.public_id}/retire": {},
        f"/collectors/{collector.public_id}/keys": {"channel": "header"},
        f"/devices/{switch.public_id}/keys": {"channel": "header"},
        f"/devices/{switch.public_id}/retire": {},
        f"/devices/{switch.public_id}/edit": {"label": "core switch", "kind": "switch", "site": site, "notes": "mine"},
        f"/sites/{site}/edit": {"name": "Mine", "timezone": "UTC"},
        f"/sites/{site}/close": {},
        "/collectors": {"name": "Mine", "site": site},
        "/devices/new": {"label": "Mine", "kind": "switch", "site": site},
        "/devices/import": {"text": "name,site\nMine,hq\n", "confirm": "1"},
    }

    assert {path: alan.post(path, said).status_code for path, said in posts_of.items()} == dict.fromkeys(posts_of, 403)

    assert (posts(world, key), enrols(code, serial="SN9").status_code) == (202, 200)
    with acting(world.acme.viewer()):
        assert DeviceInventory.unscoped.get(device=switch).notes == ""
        assert not Device.unscoped.filter(label="Mine").exists()
        assert DeviceKey.unscoped.filter(device=switch).count() == 0
