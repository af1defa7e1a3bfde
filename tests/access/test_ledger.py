"""The table behind the matrix as a file: all that was asked, given, refused and ended, and how it ended."""

import csv
import io

import pytest

from access import answering, ledger, requests, staff
from access.errors import NotAllowed
from access.expiry import end_staff_permissions
from access.models import AccessRequest, Role, StaffPermission
from access.principal import acting, job
from access.viewer import Viewer
from tests.cast import HEALTH, INVENTORY, TRAFFIC, World
from tests.partners.pages import asked

REASON = "We want to size the replacement firewall."


def of(world: World) -> list[dict]:
    ada = world.acme.viewer()
    with acting(ada):
        return list(ledger.lines(ada))


def asks(world: World, **more) -> AccessRequest:
    nora = world.northwind.viewer()
    with acting(nora):
        return requests.ask(by=nora, customer_name="Acme", categories={TRAFFIC}, days=30, reason=REASON, **more)


def staff_asks(world: World, **more) -> StaffPermission:
    sam = Viewer.of_staff(world.sam)
    with acting(sam):
        return staff.ask(
            by=sam,
            customer=world.acme.organization,
            sites=[world.acme.sites["hq"]],
            categories={HEALTH},
            hours=4,
            reason="You told us that hq shows no readings.",
            **more,
        )


def told(line: dict) -> tuple:
    return line["partner"], line["site"], line["kind"], line["state"], line["why"]


def test_given_what_is_shared_then_there_is_a_line_per_partner_site_and_kind(world: World):
    grant = world.acme.shares(
        "hq", with_=world.northwind, categories={INVENTORY, HEALTH}, forward_alerts=True, purpose="Night watch"
    )

    found = of(world)

    assert [told(line) for line in found] == [
        ("Northwind", "hq", "device list", "shared", ""),
        ("Northwind", "hq", "health and alerts", "shared", ""),
    ]
    assert [line["alerts"] for line in found] == ["", "yes"]
    assert {(line["id"], line["given_by"], line["purpose"]) for line in found} == {
        (grant.public_id, "Ada", "Night watch")
    }
    assert {line["ended"] for line in found} == {None}


@pytest.mark.parametrize("who", ["ada", "april"])
def test_given_access_that_was_stopped_then_the_file_says_by_whom_and_when(world: World, who: str):
    world.acme.joins("april", Role.APPROVER)
    grant = world.acme.revokes(world.acme.shares("hq", with_=world.northwind), by=who)

    (line,) = of(world)

    assert told(line) == ("Northwind", "hq", "health and alerts", "ended", f"Stopped by {who.capitalize()}")
    assert line["ended"] == grant.revoked_at


def test_given_an_end_that_passed_without_a_sweep_then_it_has_ended_by_itself_when_it_was_to(world: World):
    grant = world.acme.shares("hq", with_=world.northwind)
    world.acme.lets_expire(grant)
    with job(world.acme.pk):
        grant.refresh_from_db()

    (line,) = of(world)

    assert (line["state"], line["why"], line["ended"]) == ("ended", "Ended by itself", grant.expires_at)


def test_given_access_that_ended_and_was_given_again_then_both_are_there_what_is_shared_first(world: World):
    world.acme.revokes(world.acme.shares("hq", with_=world.northwind))
    world.acme.shares("hq", with_=world.northwind)

    assert [line["state"] for line in of(world)] == ["shared", "ended"]


def test_given_wishes_then_they_wait_or_were_refused_and_by_whom(world: World):
    world.acme.shares("hq", with_=world.northwind, categories={INVENTORY})
    wish = asks(world, sites=[world.acme.sites["hq"].public_id])
    waiting = of(world)[1]
    ada = world.acme.viewer()
    with acting(ada):
        requests.decline(wish, by=ada)

    refused = of(world)[1]

    assert told(waiting) == ("Northwind", "hq", "traffic totals", "asked", "")
    assert told(refused) == ("Northwind", "hq", "traffic totals", "refused", "Declined by Ada")
    assert refused["purpose"] == REASON
    assert refused["ended"] is not None


def test_given_a_wish_for_no_site_by_name_then_it_is_for_all_sites(world: World):
    asks(world)

    assert [line["site"] for line in of(world)] == ["All sites"]


def test_given_a_wish_that_was_withdrawn_then_the_file_says_so(world: World):
    wish, nora = asks(world), world.northwind.viewer()
    with acting(nora):
        requests.withdraw(wish, by=nora)

    assert [(line["state"], line["why"]) for line in of(world)] == [("refused", "Withdrawn by them")]


def test_given_a_wish_that_was_allowed_then_what_was_given_stands_there_alone(world: World):
    wish, ada = asks(world), world.acme.viewer()
    with acting(ada):
        requests.approve(wish, by=ada, answer=answering.Answer(sites=frozenset({world.acme.sites["hq"].public_id})))

    assert [(line["state"], line["site"]) for line in of(world)] == [("shared", "hq")]


def test_given_staff_that_asked_when_it_ended_then_the_file_says_how(world: World):
    permission, ada = staff_asks(world), world.acme.viewer()
    waiting = of(world)[0]
    with acting(ada):
        staff.allow(permission, by=ada)
    running = of(world)[0]
    with acting(ada):
        staff.end(permission, by=ada)

    ended = of(world)[0]

    assert [line["state"] for line in (waiting, running, ended)] == ["asked", "shared", "ended"]
    assert told(ended) == ("SmartCare staff: Sam", "hq", "health and alerts", "ended", "Stopped early")
    assert ended["given_by"] == "Ada"


def test_given_staff_that_were_refused_then_the_file_says_by_whom(world: World):
    permission, ada = staff_asks(world), world.acme.viewer()
    with acting(ada):
        staff.decline(permission, by=ada)
    end_staff_permissions()

    assert [(line["state"], line["why"]) for line in of(world)] == [("refused", "Declined by Ada")]


def test_when_a_partner_asks_for_it_then_it_is_refused(world: World):
    nora = world.northwind.viewer()

    with acting(nora), pytest.raises(NotAllowed):
        list(ledger.lines(nora))


def test_given_more_of_everything_then_no_more_is_asked(world: World):
    world.acme.shares("hq", with_=world.northwind)
    with asked() as few:
        of(world)
    for site in ("hq", "branch", "depot"):
        world.acme.revokes(world.acme.shares(site, with_=world.rival))
    asks(world)

    with asked() as many:
        of(world)

    assert len(many) == len(few)


def test_when_the_page_is_exported_then_both_files_hold_the_same_lines_in_the_same_columns(world: World, browse):
    world.acme.revokes(world.acme.shares("hq", with_=world.northwind))
    world.acme.shares("hq", with_=world.rival)
    client = browse(world.acme.people["alan"])

    table = list(csv.DictReader(io.StringIO(client.get("/access?format=csv").content.decode())))
    told = client.get("/access?format=json").json()

    assert [tuple(line) for line in (*table, *told)] == [ledger.COLUMNS] * 4
    assert [line["why"] for line in table] == [line["why"] for line in told] == ["Stopped by Ada", ""]


def test_given_nothing_ever_shared_then_the_file_is_a_head_without_lines(world: World, browse):
    client = browse(world.acme.people["ada"])

    assert client.get("/access?format=csv").content.decode().strip() == ",".join(ledger.COLUMNS)
    assert client.get("/access?format=json").json() == []
