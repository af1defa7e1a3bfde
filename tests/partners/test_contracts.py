"""Contracts say who is paid. A5: whatever happens to one, nobody sees a row more or less of anybody's data."""

import ast
from datetime import date, timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from access.errors import Ended, Invalid, NotAllowed
from access.models import SHAREABLE, Grant, Role, Site, SiteGroupPermission
from access.principal import acting
from partners import contracts, relations
from partners.contracts import Cover, Paper
from partners.models import Contract, ContractCoverage
from telemetry.models import Alert, Device, DeviceInventory
from tests.cast import CONTRACTS, HEALTH, INVENTORY, World

ROOT = Path(__file__).resolve().parents[2]
WRITES_GRANTS = {
    "access.sharing",
    "access.requests",
    "access.answering",
    "access.expiry",
    "access.onboarding",
    "partners.tenders",
}


def paper(**changes: object) -> Paper:
    today = timezone.localdate()
    facts = {
        "title": "Care",
        "starts_on": today - timedelta(days=30),
        "ends_on": today + timedelta(days=330),
        "price_cents": 125_000,
    }
    return Paper(**facts | changes)  # type: ignore[arg-type]


def filed(world: World, *, by: str = "", sites: tuple[str, ...] = ("hq", "branch"), **changes: object) -> Contract:
    viewer = world.acme.viewer(by)
    with acting(viewer):
        covers = [Cover(world.acme.sites[s], f"All of {s}") for s in sites]
        return contracts.open(partner=world.rival.organization, paper=paper(**changes), covers=covers, by=viewer)


def transferred(world: World, contract: Contract, *, by: str = "") -> Contract:
    viewer = world.acme.viewer(by)
    with acting(viewer):
        return contracts.transfer(contract, to=world.northwind.organization, starts_on=timezone.localdate(), by=viewer)


def seen(world: World) -> dict[str, list[int]]:
    """How many rows of every kind each company of the world sees, through the door and row-level security."""
    found = {}
    for company in (world.acme, world.globex, world.northwind, world.rival, world.third):
        viewer = company.viewer()
        with acting(viewer):
            tables = (Site, Device, DeviceInventory, Alert)
            found[company.slug] = [t.objects.visible_to(viewer).count() for t in tables]
            found[company.slug] += [Site.objects.visible_to(viewer, c).count() for c in SHAREABLE]
            found[company.slug].append(Grant.objects.visible_to(viewer).live().count())
    return found


@pytest.fixture
def shared(world: World) -> World:
    device = world.acme.installs("sw", site="hq", serial="S1")
    world.acme.raises(device)
    world.acme.installs("ap", site="branch")
    world.acme.shares("hq", with_=world.northwind, categories={HEALTH, INVENTORY}, forward_alerts=True)
    world.acme.shares("branch", with_=world.rival, categories={INVENTORY})
    return world


def test_given_the_module_then_it_imports_nothing_that_writes_a_grant():
    tree = ast.parse((ROOT / "partners" / "contracts.py").read_text())
    imported = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported |= {a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported |= {f"{node.module}.{a.name}" for a in node.names} | {str(node.module)}

    assert not imported & WRITES_GRANTS
    assert not any(name.endswith((".Grant", ".SiteGroupPermission")) for name in imported)


def test_a5_given_a_contract_when_it_is_opened_transferred_and_ended_then_nobody_sees_a_row_more_or_less(shared):
    before = seen(shared)

    contract = filed(shared)
    opened = seen(shared)
    successor = transferred(shared, contract)
    moved = seen(shared)
    viewer = shared.acme.viewer()
    with acting(viewer):
        contracts.end(successor, by=viewer)

    assert before == opened == moved == seen(shared)


def test_a5_when_a_contract_is_transferred_then_no_permission_row_changes(shared):
    contract = filed(shared)
    viewer = shared.acme.viewer()
    with acting(viewer):
        before = set(SiteGroupPermission.objects.values_list("pk", "grant_id", "permission_id"))

    transferred(shared, contract)

    with acting(viewer):
        assert set(SiteGroupPermission.objects.values_list("pk", "grant_id", "permission_id")) == before


def test_when_a_contract_is_filed_then_both_its_parties_read_it_and_nobody_else(world):
    contract = filed(world)

    for company, reads in ((world.acme, True), (world.rival, True), (world.northwind, False), (world.globex, False)):
        viewer = company.viewer()
        with acting(viewer):
            assert relations.contracts(viewer).filter(pk=contract.pk).exists() is reads


def test_given_a_party_without_the_kind_contracts_then_what_it_covers_stays_hidden(world):
    filed(world)
    viewer = world.rival.viewer()

    with acting(viewer):
        without = ContractCoverage.objects.visible_to(viewer).count()
    world.acme.shares("hq", with_=world.rival, categories={CONTRACTS})

    with acting(viewer):
        assert (without, [c.what for c in ContractCoverage.objects.visible_to(viewer)]) == (0, ["All of hq"])


def test_when_it_is_transferred_then_a_new_one_with_the_same_words_begins_and_the_old_one_ends(world):
    contract = filed(world)

    successor = transferred(world, contract)

    viewer = world.acme.viewer()
    with acting(viewer):
        contract.refresh_from_db()
        covered = ContractCoverage.objects.visible_to(viewer).filter(contract=successor)
        assert sorted(covered.values_list("what", flat=True)) == ["All of branch", "All of hq"]
    assert contract.ended_at is not None
    assert contract.transferred_to_id == successor.pk
    assert (successor.partner_id, successor.title, successor.price_cents) == (world.northwind.pk, "Care", 125_000)
    assert (successor.starts_on, successor.ends_on) == (timezone.localdate(), contract.ends_on)


def test_given_an_ended_contract_when_ended_or_transferred_then_somebody_was_first(world):
    contract = filed(world)
    viewer = world.acme.viewer()
    with acting(viewer):
        contracts.end(contract, by=viewer)

        with pytest.raises(Ended):
            contracts.end(contract, by=viewer)
    with pytest.raises(Ended):
        transferred(world, contract)


@pytest.mark.parametrize("person", ["alan", "rita", "gwen"])
def test_given_somebody_who_does_not_decide_when_ending_or_transferring_then_it_is_refused(world, person):
    contract = filed(world)
    company = {"alan": world.acme, "rita": world.rival, "gwen": world.globex}[person]
    viewer = company.viewer(person)

    with acting(viewer), pytest.raises(NotAllowed):
        contracts.end(contract, by=viewer)
    with acting(viewer), pytest.raises(NotAllowed):
        contracts.transfer(contract, to=world.third.organization, starts_on=timezone.localdate(), by=viewer)


@pytest.mark.parametrize("person", ["alan", "rita"])
def test_given_somebody_who_does_not_decide_when_filing_then_it_is_refused(world, person):
    viewer = {"alan": world.acme, "rita": world.rival}[person].viewer(person)

    with acting(viewer), pytest.raises(NotAllowed):
        contracts.open(partner=world.rival.organization, paper=paper(), by=viewer)


def test_given_an_approver_when_filing_a_contract_then_it_is_filed(world):
    world.acme.joins("april", Role.APPROVER)

    assert filed(world, by="april").partner_id == world.rival.pk


def test_given_a_site_of_another_customer_when_filing_then_it_is_unknown(world):
    viewer = world.acme.viewer()

    with acting(viewer), pytest.raises(Invalid) as no:
        contracts.open(
            partner=world.rival.organization,
            paper=paper(),
            covers=[Cover(world.globex.sites["plant"], "All")],
            by=viewer,
        )

    assert no.value.field == "covers"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"title": " "}, "title"),
        ({"ends_on": date(2020, 1, 1)}, "ends_on"),
        ({"ends_on": date(2099, 1, 1)}, "ends_on"),
        ({"price_cents": -1}, "price_cents"),
        ({"price_cents": 10**13}, "price_cents"),
    ],
)
def test_given_a_paper_that_cannot_be_when_filing_then_the_field_is_named(world, changes, field):
    with pytest.raises(Invalid) as no:
        filed(world, **changes)

    assert no.value.field == field


def test_given_the_partner_that_holds_it_when_transferring_to_it_then_that_is_no_transfer(world):
    contract = filed(world)
    viewer = world.acme.viewer()

    with acting(viewer), pytest.raises(Invalid):
        contracts.transfer(contract, to=world.rival.organization, starts_on=timezone.localdate(), by=viewer)


def test_given_a_customer_when_named_as_partner_then_no_partner_has_this_id(world):
    viewer = world.acme.viewer()

    with acting(viewer), pytest.raises(Invalid) as no:
        contracts.open(partner=world.globex.organization, paper=paper(), by=viewer)

    assert no.value.field == "partner"
