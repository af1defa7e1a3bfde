"""A receipt says what the journal says: one for each click, for nobody but the customer, on a page, as JSON and as PDF."""

import json

import pytest

from access import receipts, sharing
from access.lengths import end_after
from access.models import AuditEntry
from access.principal import acting
from access.sharing import Terms
from tests.cast import HEALTH, INVENTORY, TRAFFIC, World

KINDS = frozenset({INVENTORY, HEALTH})


def gives(world: World, *sites: str, categories=KINDS, days: int = 90, purpose: str = ""):
    """Ada decides about these sites with one click."""
    ada = world.acme.viewer()
    with acting(ada):
        return sharing.give(
            partner=world.northwind.organization,
            sites=[world.acme.sites[name] for name in sites],
            terms=Terms(categories, end_after(days, world.acme.organization), purpose=purpose),
            by=ada,
        )


def numbers(world: World, *actions: str) -> list[int]:
    """Of the entries of these actions in acme's journal, oldest first."""
    ada = world.acme.viewer()
    with acting(ada):
        found = AuditEntry.objects.visible_to(ada).filter(action__in=actions).order_by("seq")
        return [e.seq for e in found]


def receipt(world: World, number: int):
    ada = world.acme.viewer()
    with acting(ada):
        return receipts.receipt(ada, number)


def test_given_one_click_for_two_sites_then_each_of_its_entries_has_the_same_receipt(world: World):
    gives(world, "hq", "branch", purpose="Night watch")

    first, second = (receipt(world, n) for n in numbers(world, "grant.opened"))

    assert first.number == second.number
    assert first.what == "Access given"
    assert [line.grant.site.name for line in first.lines] == [line.grant.site.name for line in second.lines]
    assert len(first.sentences) == 1
    assert "Northwind can look at device list, and health and alerts for branch and hq until" in first.sentences[0]
    assert (first.who, first.purpose) == ("Ada", "Night watch")


def test_given_two_clicks_in_a_row_then_each_has_a_receipt_of_its_own(world: World):
    gives(world, "hq")
    gives(world, "branch")

    first, second = (receipt(world, n) for n in numbers(world, "grant.opened"))

    assert [line.grant.site.name for line in first.lines] == ["hq"]
    assert [line.grant.site.name for line in second.lines] == ["branch"]


def test_given_a_site_of_a_decision_that_was_changed_afterwards_then_the_first_receipt_still_says_what_was_decided(
    world: World,
):
    grant = next(g for g in gives(world, "hq", "branch") if g.site.name == "hq")
    world.acme.changes(grant, categories={HEALTH})

    opened = receipt(world, numbers(world, "grant.opened")[0])
    narrowed = receipt(world, numbers(world, "grant.narrowed")[0])

    assert all(line.after.categories == KINDS for line in opened.lines)
    assert [line.grant.site.name for line in narrowed.lines] == ["hq"]
    assert (narrowed.lines[0].before.categories, narrowed.lines[0].after.categories) == (KINDS, frozenset({HEALTH}))
    assert [c.kind for c in narrowed.lines[0].changes] == ["removed", "stays"]


def test_when_all_sharing_is_stopped_then_it_is_one_receipt_with_what_was_shared(world: World):
    gives(world, "hq", "branch")
    ada = world.acme.viewer()
    with acting(ada):
        sharing.stop_all(by=ada)

    found = receipt(world, numbers(world, "grant.revoked")[0])

    assert found.is_end
    assert len(found.lines) == 2
    assert found.sentences == ("Northwind can no longer see branch and hq.",)
    assert all(line.after is None and line.before.categories == KINDS for line in found.lines)


def test_given_stops_one_by_one_then_each_is_a_receipt_of_its_own(world: World):
    for grant in gives(world, "hq", "branch"):
        world.acme.revokes(grant)

    assert [len(receipt(world, n).lines) for n in numbers(world, "grant.revoked")] == [1, 1]


def test_when_the_same_is_decided_twice_then_the_second_changes_nothing_and_has_no_receipt(world: World):
    first, second = gives(world, "hq"), gives(world, "hq")

    assert first[0].pk == second[0].pk
    assert numbers(world, "grant.opened", "grant.changed", "grant.narrowed") == numbers(world, "grant.opened")


def test_given_an_entry_about_something_else_then_it_has_no_receipt(world: World):
    assert all(receipt(world, n) is None for n in numbers(world, "site.opened", "organization.opened"))
    assert receipt(world, 10**25) is None


def test_when_opened_then_page_json_and_pdf_tell_the_same(world: World, browse):
    gives(world, "hq", purpose="=SUM(1) #panic")
    number = numbers(world, "grant.opened")[0]
    alan = browse(world.acme.people["alan"])

    page = alan.get(f"/access/receipts/{number}").content.decode()
    told = json.loads(alan.get(f"/access/receipts/{number}?format=json").content)
    printed = alan.get(f"/access/receipts/{number}?format=pdf")

    assert told["sentences"][0] in page
    assert told["sites"][0]["checksum"] in page
    assert (told["decided_by"], told["purpose"]) == ("Ada", "=SUM(1) #panic")
    assert told["sites"][0]["after"]["categories"] == ["inventory", "health"]
    assert printed.headers["Content-Type"] == "application/pdf"
    assert printed.content.startswith(b"%PDF-")


@pytest.mark.parametrize("company", ["northwind", "globex"])
def test_given_somebody_else_then_the_receipt_is_not_there(world: World, browse, company: str):
    gives(world, "hq")
    number = numbers(world, "grant.opened")[0]
    client = browse(next(iter(getattr(world, company).people.values())))

    assert client.get(f"/access/receipts/{number}").status_code == 404


def test_given_more_than_one_kind_of_change_then_the_receipt_names_before_and_after(world: World):
    gives(world, "hq", days=30)
    gives(world, "hq", "branch", categories=frozenset({HEALTH, TRAFFIC}), days=90)

    found = receipt(world, numbers(world, "grant.narrowed")[0])

    assert {line.grant.site.name for line in found.lines} == {"hq", "branch"}
    hq = next(line for line in found.lines if line.grant.site.name == "hq")
    assert [c.kind for c in hq.changes] == ["removed", "ends later", "new"]
