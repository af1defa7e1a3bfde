"""Contracts are papers of both parties; what they cover is the customer's to share; neither opens any data (A5)."""

from datetime import date

import pytest

from access.models import ViewingEntry
from access.principal import acting, job
from partners import contracts
from partners.models import Contract, ContractCoverage
from tests.cast import CONTRACTS, HEALTH, World
from tests.partners.pages import text

SENTENCE = "A contract transfer changes who is paid. It does not change who can see data."


@pytest.fixture
def contract(world: World) -> Contract:
    """Acme's with rival, covering hq and branch."""
    with job(world.acme.pk):
        row = Contract(
            customer=world.acme.organization,
            partner=world.rival.organization,
            title="canary-care",
            starts_on="2026-01-01",
            ends_on="2030-01-01",
            price_cents=125_000,
        )
        row.save(force_insert=True)
        for site in ("hq", "branch"):
            ContractCoverage(
                customer=world.acme.organization,
                contract=row,
                site=world.acme.sites[site],
                what=f"canary-covers-{site}",
            ).save(force_insert=True)
    return row


def rita(world, browse, path):
    return browse(world.rival.people["rita"]).get(f"/p/rival/contracts{path}")


def test_when_the_customer_opens_it_then_paper_and_coverage_are_there(world, browse, contract):
    client = browse(world.acme.people["alan"])

    page, listing = text(client.get(f"/contracts/{contract.public_id}")), text(client.get("/contracts"))

    assert all(
        words in page for words in (SENTENCE, "canary-covers-hq", "canary-covers-branch", "1,250.00 EUR", "Rival")
    )
    assert SENTENCE in listing
    assert "canary-care" in listing


def test_given_a_partner_party_to_it_without_a_grant_then_it_reads_the_paper_and_not_what_it_covers(
    world, browse, contract
):
    page = text(rita(world, browse, f"/{contract.public_id}"))

    assert "canary-care" in page
    assert SENTENCE in page
    assert "canary-covers" not in page
    assert "hq" not in page


def test_given_contracts_are_shared_at_one_site_then_the_partner_reads_the_coverage_of_that_site(
    world, browse, contract
):
    world.acme.shares("hq", with_=world.rival, categories={CONTRACTS})

    page = text(rita(world, browse, f"/{contract.public_id}"))

    assert "canary-covers-hq" in page
    assert "canary-covers-branch" not in page
    ada = world.acme.viewer()
    with acting(ada):
        assert [e.object_words for e in ViewingEntry.objects.visible_to(ada)] == ["hq: canary-care"]


def test_given_another_kind_is_shared_then_the_coverage_stays_closed(world, browse, contract):
    world.acme.shares("hq", with_=world.rival, categories={HEALTH})

    assert "canary-covers" not in text(rita(world, browse, f"/{contract.public_id}"))


def test_a4_given_a_partner_that_is_not_party_to_it_then_it_does_not_exist(world, browse, contract):
    world.acme.shares("hq", with_=world.northwind, categories={CONTRACTS})
    client = browse(world.northwind.people["nora"])

    theirs = client.get(f"/p/northwind/contracts/{contract.public_id}")
    nobodys = client.get("/p/northwind/contracts/ct-2222222222")

    assert (theirs.status_code, theirs.content) == (404, nobodys.content)
    assert "canary" not in text(client.get("/p/northwind/contracts"))


def test_given_another_customer_then_the_contract_does_not_exist(world, browse, contract):
    assert browse(world.globex.people["gwen"]).get(f"/contracts/{contract.public_id}").status_code == 404


def test_given_a_contract_that_moved_then_its_old_party_reads_that_it_ended_and_not_that_somebody_has_it(
    world, browse, contract
):
    ada = world.acme.viewer()
    with acting(ada):
        held = Contract.objects.visible_to(ada).get(pk=contract.pk)
        contracts.transfer(held, to=world.northwind.organization, starts_on=date(2027, 1, 1), by=ada)

    pages = [text(rita(world, browse, path)) for path in ("", f"/{contract.public_id}")]
    own = text(browse(world.acme.people["ada"]).get(f"/contracts/{contract.public_id}"))

    assert all("Ended" in page and "Transferred" not in page and "Northwind" not in page for page in pages)
    assert "Transferred" in own
