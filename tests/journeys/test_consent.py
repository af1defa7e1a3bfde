"""Journeys 2 to 6: giving, stopping, asking and answering, in the clicks that were promised."""

from typing import Any

import pytest
from django.core import mail

from access.expiry import tell_customers
from access.models import Grant
from access.principal import acting
from telemetry.jobs import run_due
from tests.browsing import PHONE
from tests.cast import HEALTH, INVENTORY, TRAFFIC, Partner, World
from tests.journeys.walk import Walk, walking

QUESTION = "We want to size the new line by what really flows through it."


@pytest.fixture
def world(lasting_world: World) -> World:
    """Acme shares headquarters with northwind, which makes northwind a row of the matrix."""
    lasting_world.acme.installs("Core switch", site="hq")
    lasting_world.acme.installs("Shop switch", site="branch")
    lasting_world.acme.shares("hq", with_=lasting_world.northwind, categories={INVENTORY, HEALTH})
    return lasting_world


def cell(walk: Walk, partner: str, site: str) -> None:
    """One click into the matrix."""
    walk.leaves_by(walk.page.locator(f'main a.cell[aria-label^="{partner}: {site},"]'))


def live(world: World, partner: Partner) -> dict[str, set[str]]:
    """Kinds of data by site of what the partner holds now."""
    viewer = world.acme.viewer()
    with acting(viewer):
        rows = Grant.objects.visible_to(viewer).live().filter(partner=partner.organization).select_related("site")  # type: ignore[attr-defined]
        return {g.site.name: set(g.categories) for g in rows}


def test_journey_2_let_a_partner_see_a_site_for_90_days_in_4_clicks(
    world: World, address: str, browser: Any, js: bool, record_property: Any
):
    with walking(browser, address, world.acme.people["ada"], js=js) as ada:
        ada.goes("/access")
        cell(ada, "Northwind", "branch")
        ada.ticks("Device list")
        ada.ticks("Health and alerts")
        if js:
            ada.page.get_by_role("button", name="Let Northwind see this").wait_for()  # the button repeats the act
        ada.leaves_by(ada.page.locator("#act button.pri"))

        assert ada.clicks == 4
        assert "Northwind can look at device list, and health and alerts for branch until" in ada.reads()
    assert live(world, world.northwind)["branch"] == {INVENTORY, HEALTH}
    record_property(
        "journey", f"2 let a partner see a site, {'with' if js else 'without'} scripts: {ada.clicks} clicks"
    )


def test_journey_3_stop_a_partner_at_a_site_in_2_clicks(
    world: World, address: str, browser: Any, js: bool, record_property: Any
):
    with walking(browser, address, world.acme.people["ada"], js=js) as ada:
        ada.goes("/access")
        cell(ada, "Northwind", "hq")
        ada.clicks_on("Stop now: hq")

        assert ada.clicks == 2
        assert "This access has ended." in ada.reads()
        assert "Nothing under way since" in ada.reads()
    assert live(world, world.northwind) == {}
    record_property(
        "journey", f"3 stop a partner at a site, {'with' if js else 'without'} scripts: {ada.clicks} clicks"
    )


def test_journey_4_stop_everything_in_2_clicks(
    world: World, address: str, browser: Any, js: bool, record_property: Any
):
    world.acme.shares("branch", with_=world.rival, categories={HEALTH})

    with walking(browser, address, world.acme.people["ada"], js=js) as ada:
        ada.goes("/access")
        ada.clicks_on("Stop all sharing", role="link")
        ada.clicks_on("Stop now")

        assert ada.clicks == 2
        assert "Nobody can see your network. That is the default." in ada.reads()
    assert live(world, world.northwind) == live(world, world.rival) == {}
    record_property("journey", f"4 stop everything, {'with' if js else 'without'} scripts: {ada.clicks} clicks")


def asks_for_traffic(nora: Walk, world: World) -> None:
    nora.goes(f"/p/northwind/customers/{world.acme.organization.public_id}")
    nora.clicks_on("Ask for traffic totals", role="link")
    nora.types("Why?", QUESTION)
    nora.clicks_on("Preview")
    nora.clicks_on("Send")


def test_journey_5_a_partner_asks_for_more_in_3_clicks(
    world: World, address: str, browser: Any, js: bool, record_property: Any
):
    with walking(browser, address, world.northwind.people["nora"], js=js) as nora:
        asks_for_traffic(nora, world)

        assert nora.clicks == 3
        assert "Your request to Acme is sent." in nora.reads()
    record_property(
        "journey", f"5 a partner asks for more, {'with' if js else 'without'} scripts: {nora.clicks} clicks"
    )


def test_journey_6_answer_on_a_phone_in_2_taps(
    world: World, address: str, browser: Any, js: bool, record_property: Any
):
    with walking(browser, address, world.northwind.people["nora"], js=False) as nora:
        asks_for_traffic(nora, world)
    tell_customers()
    run_due("notice.requested")
    told = next(m for m in mail.outbox if "ada@example.com" in m.to and "asks to see" in m.subject)
    link = next(word for word in told.body.split() if word.startswith(f"{address}/access/requests/"))

    with walking(browser, address, world.acme.people["ada"], js=js, size=PHONE, has_touch=True) as ada:
        ada.follows(link)
        assert QUESTION in ada.reads()
        ada.leaves_by(ada.page.get_by_role("button", name="Allow for 90 days"))

        assert ada.clicks == 2
        assert "Allowed" in ada.reads()
    assert TRAFFIC in live(world, world.northwind)["hq"]
    record_property("journey", f"6 answer on a phone, {'with' if js else 'without'} scripts: {ada.clicks} taps")
