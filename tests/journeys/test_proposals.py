"""Journey 8: compare proposals. And the whole way of a tender, from asking to the outcome, with and without scripts."""

from typing import Any

from partners.models import ProposalState
from tests.cast import World
from tests.journeys.walk import walking
from tests.partners.tendering import opened, own, sends

SAME_SIGHT = "Choosing a proposal does not change who can see your data."


def test_journey_8_comparing_three_proposals_is_1_click(
    lasting_world: World, address: str, browser: Any, js: bool, record_property: Any
):
    companies = (lasting_world.northwind, lasting_world.rival, lasting_world.third)
    tender = opened(lasting_world, *companies)
    for company in companies:
        sends(company, tender, price_cents=100_000)

    with walking(browser, address, lasting_world.acme.people["ada"], js=js) as ada:
        ada.goes("/proposals")
        ada.clicks_on("Twelve switches", role="link")

        assert ada.clicks == 1
        names = ada.page.locator(".cmp h2").all_inner_texts()
        assert names == ["Northwind", "Rival", "Third"]
        assert SAME_SIGHT in ada.reads()
    record_property("journey", f"8 compare 3 proposals, {'with' if js else 'without'} scripts: {ada.clicks} click")


def test_given_an_owner_who_asks_when_a_partner_answers_then_the_choice_reaches_it(
    lasting_world: World, address: str, browser: Any, js: bool
):
    acme, northwind = lasting_world.acme, lasting_world.northwind
    with (
        walking(browser, address, acme.people["ada"], js=js) as ada,
        walking(browser, address, northwind.people["nora"], js=js) as nora,
    ):
        ada.goes("/proposals")
        ada.clicks_on("Ask for proposals", role="link")
        ada.types("What is it about?", "A new firewall")
        ada.types("What do you wish for?", "One that lasts five years")
        ada.ticks("Northwind")
        ada.clicks_on("Ask them")
        assert "No proposal yet: A new firewall" in ada.reads()

        nora.goes("/p/northwind/tenders")
        nora.clicks_on("A new firewall", role="link")
        assert "One that lasts five years" in nora.reads()
        nora.types("Ask the customer", "How fast is your line?")
        nora.clicks_on("Ask")
        ada.goes(ada.page.url)
        ada.types("Your answer", "One gigabit")
        ada.leaves_by(ada.page.get_by_role("button", name="Answer all"))
        nora.goes(nora.page.url)
        assert "One gigabit" in nora.reads()

        nora.clicks_on("Answer", role="link")
        nora.page.locator("#id_summary").fill("A firewall with two power supplies")
        nora.page.locator("#id_price").fill("3200")
        nora.clicks_on("Save and read it over")
        assert "3,200.00 EUR" in nora.reads()
        nora.clicks_on("Send")

        ada.goes(ada.page.url)
        ada.clicks_on("Choose Northwind", role="link")
        assert SAME_SIGHT in ada.reads()
        ada.clicks_on("Choose Northwind")
        assert "Your choice" in ada.reads()
        nora.goes(nora.page.url)
        assert "Acme chose your proposal" in nora.reads()


def test_given_a_site_with_more_devices_when_it_is_chosen_in_the_form_then_the_preview_counts_them_by_itself(
    lasting_world: World, address: str, browser: Any
):
    for number in range(3):
        lasting_world.acme.installs(f"Switch {number}", site="hq")
    with walking(browser, address, lasting_world.acme.people["ada"], js=True) as ada:
        ada.goes("/proposals/ask")
        ada.page.locator("#id_site").select_option(label="hq")
        ada.page.locator("#sheet dd").first.get_by_text("3", exact=True).wait_for()

        assert ada.page.locator("#sheet h2").inner_text() == "hq"


def test_when_a_partner_says_that_there_will_be_none_then_one_page_asks_first(
    lasting_world: World, address: str, browser: Any, js: bool
):
    tender = opened(lasting_world, lasting_world.northwind)
    with walking(browser, address, lasting_world.northwind.people["nora"], js=js) as nora:
        nora.goes(f"/p/northwind/proposals/{own(lasting_world.northwind, tender).public_id}")
        nora.clicks_on("Send none", role="link")
        nora.clicks_on("Send none")

        assert "You said that there will be none." in nora.reads()
    assert own(lasting_world.northwind, tender).state == ProposalState.DECLINED
