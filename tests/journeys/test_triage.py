"""Journey 7: the morning of a partner, one click and then keys."""

import time
from typing import Any

import pytest

from access.principal import acting
from telemetry.models import Alert
from tests.cast import HEALTH, INVENTORY, Partner, World, customer
from tests.journeys.walk import walking

FEW = 4


def share_and_break(northwind: Partner, number: int) -> Alert:
    """A customer that shares its site with northwind and has an open alert there."""
    owner = customer(f"Customer {number}", f"owner{number}")
    owner.opens("Office")
    device = owner.installs(f"Switch {number}", site="Office")
    owner.shares("Office", with_=northwind, categories={INVENTORY, HEALTH})
    return owner.raises(device, title=f"Memory of switch {number} is nearly full")


@pytest.fixture
def alerts(lasting_world: World) -> list[Alert]:
    return [share_and_break(lasting_world.northwind, n) for n in range(FEW)]


def state_of(world: World, title: str) -> Alert:
    viewer = world.northwind.viewer()
    with acting(viewer):
        return Alert.objects.visible_to(viewer).get(title=title)


def test_journey_7_morning_triage_is_one_click_then_keys(
    lasting_world: World, alerts: list[Alert], address: str, browser: Any, record_property: Any
):
    with walking(browser, address, lasting_world.northwind.people["nora"], js=True) as nora:
        nora.goes("/p/northwind/triage")
        nora.clicks_on("Start triage", role="link")
        first = nora.page.locator("tr.sel a").inner_text()
        nora.presses("e", leaves=True)
        nora.presses("j")
        second = nora.page.locator("tr.sel a").inner_text()
        nora.presses("s", leaves=True)
        third = nora.page.locator("tr.sel a").inner_text()
        nora.presses("Enter", leaves=True)

        assert nora.clicks == 1
        assert nora.page.locator("h1").inner_text() == third
    assert len({first, second, third}) == 3
    assert state_of(lasting_world, first).claimed_by_id == lasting_world.northwind.pk
    assert state_of(lasting_world, second).snoozed_until is not None
    record_property("journey", f"7 morning triage: {nora.clicks} click, 5 keys")


def test_journey_7_without_scripts_the_same_is_done_by_its_buttons(
    lasting_world: World, alerts: list[Alert], address: str, browser: Any
):
    with walking(browser, address, lasting_world.northwind.people["nora"], js=False) as nora:
        nora.goes("/p/northwind/triage")
        first = nora.page.locator("tr[data-row] a").first.inner_text()
        nora.leaves_by(nora.page.locator("tr[data-row]").first.get_by_role("button", name="Take"))
        second = nora.page.locator("tr[data-row] a").nth(1).inner_text()
        nora.leaves_by(nora.page.get_by_role("button", name=f"Snooze for a day: {second}"))

        assert second not in nora.reads()
    assert state_of(lasting_world, first).claimed_by_id == lasting_world.northwind.pk


@pytest.mark.parametrize("key", ["e", "s", "j"])
def test_given_somebody_who_types_when_a_key_is_pressed_then_it_is_a_letter(
    lasting_world: World, alerts: list[Alert], address: str, browser: Any, key: str
):
    with walking(browser, address, lasting_world.northwind.people["nora"], js=True) as nora:
        nora.goes("/p/northwind/triage")
        nora.presses("/")
        nora.presses(key)

        assert nora.page.locator("[data-search]").input_value() == key
        assert nora.page.locator("tr.sel").count() == 0


@pytest.mark.soak
def test_given_200_customers_when_the_morning_begins_then_no_view_takes_longer_than_300_ms(
    lasting_world: World, address: str, browser: Any, record_property: Any
):
    for number in range(200):
        share_and_break(lasting_world.northwind, number)
    with walking(browser, address, lasting_world.northwind.people["nora"], js=True) as nora:
        nora.goes("/p/northwind/triage")
        begun = time.monotonic()
        nora.goes("/p/northwind/triage")
        took = time.monotonic() - begun
        server = nora.page.evaluate("performance.getEntriesByType('navigation')[0].responseEnd")

    record_property("journey", f"7 triage of 200 customers: answered in {server:.0f} ms, shown in {took * 1000:.0f} ms")
    assert server < 300
