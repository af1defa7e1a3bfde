"""The list of devices and one device: pages of the list, what changed, dates of the model, readings from hours to a year."""

import csv
import io
import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from access.principal import job
from telemetry.ingest.memory import forget_everything
from telemetry.models import Device, DeviceInventory, InventoryChange, ModelLifecycle
from telemetry.views.devices import FIRST_CHANGES, PAGE
from telemetry.views.sites import DEVICES_SHOWN
from tests.cast import World
from tests.telemetry.ingest.senders import Report, cpu, device_key, reached
from tests.telemetry.watching import Reporter, analysed


@pytest.fixture(autouse=True)
def _fresh_memory() -> None:
    forget_everything()


@pytest.fixture
def ada(world: World, browse: Any) -> Client:
    client: Client = browse(world.acme.people["ada"])
    return client


@pytest.fixture
def switch(world: World) -> Device:
    return world.acme.installs("core switch", site="hq", serial="SN1", vendor="Example", model="EN-1")


def shows(client: Client, path: str) -> str:
    page = client.get(path)
    assert page.status_code == 200
    return page.content.decode()


# ---- the list


def test_given_more_devices_than_a_page_when_the_list_is_opened_then_the_rest_is_on_the_next_one(
    ada: Client, world: World
) -> None:
    for number in range(PAGE + 3):
        world.acme.installs(f"device {number:03}", site="hq")

    first, second = shows(ada, "/devices?kind=switch"), shows(ada, "/devices?kind=switch&page=2")

    assert (first.count("data-row"), second.count("data-row")) == (PAGE, 3)
    assert f"{PAGE + 3} devices" in first
    assert "kind=switch&amp;page=2" in first
    assert len(json.loads(ada.get("/devices?format=json").content)) == PAGE + 3


def test_given_more_devices_than_fit_when_the_site_is_opened_then_it_says_how_many_and_leads_to_all(
    ada: Client, world: World
) -> None:
    for number in range(DEVICES_SHOWN + 2):
        world.acme.installs(f"device {number:03}", site="hq")
    site = world.acme.sites["hq"].public_id

    page = shows(ada, f"/sites/{site}")

    assert page.count("data-row") == DEVICES_SHOWN
    assert f"{DEVICES_SHOWN} of {DEVICES_SHOWN + 2}" in page
    assert f'href="/devices?site={site}"' in page


def test_when_a_device_is_to_be_changed_then_its_site_is_chosen_and_none_is_no_choice(
    ada: Client, world: World, switch: Device
) -> None:
    page = shows(ada, f"/devices/{switch.public_id}/edit")

    assert f'<option value="{switch.site.public_id}" selected>' in page
    assert '<option value="">' not in page


def test_given_a_filter_that_fits_nothing_when_the_list_is_opened_then_it_says_so(ada: Client, switch: Device) -> None:
    assert "No device fits this filter" in shows(ada, "/devices?q=nothing-like-it")


@pytest.mark.parametrize("words", ["core", "SN1", "EN-1", "hq"])
def test_when_a_name_serial_model_or_site_is_searched_then_the_device_is_found(
    ada: Client, switch: Device, words: str
) -> None:
    assert switch.public_id in shows(ada, f"/devices?q={words}")
    assert switch.public_id in shows(ada, f"/search?q={words}")


def test_given_no_words_when_the_search_is_opened_then_it_says_what_can_be_found(ada: Client, switch: Device) -> None:
    page = shows(ada, "/search")

    assert "Type a part of a name" in page
    assert "Nothing of yours" not in page


def test_given_words_that_fit_nothing_when_they_are_searched_then_it_leads_to_all_devices(ada: Client) -> None:
    page = shows(ada, "/search?q=nothing-like-it")

    assert "Nothing of yours is called that" in page
    assert 'href="/devices"' in page
    assert 'value="nothing-like-it"' in page


# ---- what changed when


def test_when_something_changed_then_the_page_says_what_was_before_and_after(
    ada: Client, world: World, switch: Device
) -> None:
    with job(world.acme.pk):
        for what, before, after in (("software", "EdgeOS 1", "EdgeOS 2"), ("component psu/2", "", "Power supply 2")):
            InventoryChange(
                customer_id=world.acme.pk, device=switch, site=switch.site, what=what, before=before, after=after
            ).save(force_insert=True)

    page = shows(ada, f"/devices/{switch.public_id}")

    assert "EdgeOS 1 → EdgeOS 2" in page
    assert "Power supply 2" in page
    assert "is new" in page


def test_given_many_changes_when_all_are_asked_for_then_all_are_there(
    ada: Client, world: World, switch: Device
) -> None:
    with job(world.acme.pk):
        for number in range(FIRST_CHANGES + 5):
            InventoryChange(
                customer_id=world.acme.pk, device=switch, site=switch.site, what=f"component if/{number}", after="port"
            ).save(force_insert=True)
    path = f"/devices/{switch.public_id}"

    assert "changes=all" in shows(ada, path)
    assert (shows(ada, path).count("Component if/"), shows(ada, f"{path}?changes=all").count("Component if/")) == (
        FIRST_CHANGES,
        FIRST_CHANGES + 5,
    )


# ---- the model's dates


def test_given_a_model_in_the_catalogue_when_a_date_is_missing_then_that_date_is_unknown(
    ada: Client, switch: Device
) -> None:
    ModelLifecycle.objects.create(
        vendor="example", model="en-1", end_of_support=timezone.now().date(), source="a notice"
    )

    page = shows(ada, f"/devices/{switch.public_id}")

    assert "Without support since" in page
    assert page.count(">unknown<") == 2
    assert "a notice" in page


@pytest.mark.parametrize(("model", "words"), [("EN-1", "not in the catalogue"), ("", "has not named its model")])
def test_given_a_model_nobody_knows_when_the_page_is_opened_then_unknown_is_said(
    ada: Client, world: World, switch: Device, model: str, words: str
) -> None:
    with job(world.acme.pk):
        DeviceInventory.unscoped.filter(device=switch).update(model=model)

    assert words in shows(ada, f"/devices/{switch.public_id}")


# ---- readings


def test_when_a_year_of_readings_is_looked_at_then_each_range_is_a_link_and_a_file(
    ada: Client, world: World, switch: Device
) -> None:
    key = device_key(world.acme, switch)
    now = timezone.now().replace(microsecond=0)
    samples = [cpu(0.2 + n / 100, t=(now - timedelta(minutes=5 * n)).isoformat()) for n in range(1, 24)]
    assert key.posts(Report().of(*samples)()).status_code == 202
    path = f"/devices/{switch.public_id}"

    for span in ("6h", "24h", "7d", "30d", "1y"):
        page = shows(ada, f"{path}?range={span}")
        assert "Processor" in page
        assert f'<a href="?range={span}" aria-current="true">' in page
    rows = list(csv.DictReader(io.StringIO(ada.get(f"{path}/readings?metric=device.cpu.utilization").content.decode())))
    assert len(rows) == 23
    coarse = json.loads(ada.get(f"{path}/readings?metric=device.cpu.utilization&step=3600&format=json").content)
    assert 1 <= len(coarse) <= 3
    assert coarse[0]["least"] <= coarse[0]["value"] <= coarse[0]["most"]


@pytest.mark.parametrize(
    ("span", "tier"), [(timedelta(hours=6), "samples"), (timedelta(days=90), "hours"), (timedelta(days=366), "hours")]
)
def test_when_no_step_is_named_then_the_tier_suits_the_span(
    ada: Client, world: World, switch: Device, span: timedelta, tier: str
) -> None:
    assert device_key(world.acme, switch).posts(Report().of(cpu())()).status_code == 202
    until = timezone.now() + timedelta(minutes=1)
    query = {"metric": "device.cpu.utilization", "from": (until - span).isoformat(), "to": until.isoformat()}

    answer = ada.get(f"/api/v1/devices/{switch.public_id}/readings", query)

    assert answer.status_code == 200
    assert answer.json()["tier"] == tier


def test_given_a_range_nobody_knows_when_the_page_is_opened_then_it_shows_a_day(ada: Client, switch: Device) -> None:
    assert '<a href="?range=24h" aria-current="true">' in shows(ada, f"/devices/{switch.public_id}?range=century")


def test_when_a_call_home_test_has_come_then_the_page_says_that_the_connection_works(
    ada: Client, world: World, switch: Device
) -> None:
    said = {"at": timezone.now().isoformat(), "code": "callhome.test", "text": "hello", "severity": "info"}
    assert device_key(world.acme, switch).posts(Report().of(events=[said])()).status_code == 202

    page = shows(ada, f"/devices/{switch.public_id}")

    assert "Connection works" in page
    assert "callhome.test" not in page


def test_given_no_reading_when_the_owner_opens_the_device_then_nobody_hides_anything(
    ada: Client, switch: Device
) -> None:
    page = shows(ada, f"/devices/{switch.public_id}")

    assert "No readings in this time." in page
    assert "shared with you" not in page


# ---- the word for it


def test_given_a_device_not_reached_at_its_last_report_when_shown_then_nothing_calls_it_healthy(
    ada: Client, world: World
) -> None:
    reporter = Reporter.at(world.acme, "hq", "core")
    reporter.says(cpu(), reached(True))
    analysed()
    assert "Nothing is wrong with this device" in shows(ada, f"/devices/{reporter.device.public_id}")

    reporter.says(reached(False))
    analysed()

    page = shows(ada, f"/devices/{reporter.device.public_id}")
    assert "Not reached at its last report" in page
    assert "Healthy" not in page
    assert "Nothing is wrong" not in page
    assert [row["state"] for row in json.loads(ada.get("/devices?format=json").content)] == ["Watch"]
    health = ada.get(f"/api/v1/devices/{reporter.device.public_id}").json()["health"]
    assert (health["state"], health["reasons"]) == ("watch", [{"text": "Not reached at its last report", "points": 0}])
