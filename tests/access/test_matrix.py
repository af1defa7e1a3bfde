"""The matrix and the timeline say what the door says, in words, in a constant number of queries."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from access import cells, invitations, matrix, requests, staff, timeline
from access.errors import NotAllowed
from access.models import Role, Site
from access.principal import acting, job
from access.viewer import Viewer
from tests.cast import HEALTH, INVENTORY, TRAFFIC, World, partner


def of(world: World, name: str = "ada", **more) -> matrix.Matrix:
    viewer = world.acme.viewer(name)
    with acting(viewer):
        return matrix.matrix(viewer, **more)


def cell(found: matrix.Matrix, row: str, site: str) -> cells.Cell:
    chosen = found.staff if row == "staff" else next(r for r in found.rows if r.name == row)
    return next(c for c in chosen.cells if c.site == site)


def asks(world: World, **more):
    nora = world.northwind.viewer()
    with acting(nora):
        return requests.ask(
            by=nora,
            customer_name="Acme",
            categories={TRAFFIC},
            days=30,
            reason="We want to size the replacement firewall.",
            **more,
        )


def staff_asks(world: World, **more):
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


def test_given_nothing_shared_when_the_customer_looks_then_there_is_staff_s_row_alone(world: World):
    found = of(world)

    assert (found.rows, found.seeing) == ((), 0)
    assert [c.site for c in found.staff.cells] == ["branch", "depot", "hq"]
    assert cell(found, "staff", "hq").sentence == "SmartCare staff: hq, nothing"


def test_given_a_grant_when_the_customer_looks_then_the_cell_says_what_until_when(world: World):
    grant = world.acme.shares("hq", with_=world.northwind, categories={INVENTORY, TRAFFIC}, days=400 - 35)

    found = cell(of(world), "Northwind", "hq")

    assert (found.state, found.shared, found.alerts, found.grant) == (
        "on",
        ("inventory", "traffic"),
        False,
        grant.public_id,
    )
    assert found.text.startswith("to ")
    assert found.sentence == f"Northwind: hq, device list and traffic totals, {found.text}"


def test_given_an_end_within_14_days_when_the_customer_looks_then_the_days_are_counted(world: World):
    world.acme.shares("hq", with_=world.northwind, categories={HEALTH}, forward_alerts=True, days=9)

    found = cell(of(world), "Northwind", "hq")

    assert (found.state, found.text, found.alerts) == ("soon", "9 days left", True)
    assert found.sentence == "Northwind: hq, health and alerts, 9 days left, alerts are sent"


def test_given_an_end_that_passed_without_a_sweep_when_the_customer_looks_then_nothing_is_shared(world: World):
    world.acme.lets_expire(world.acme.shares("hq", with_=world.northwind, categories={HEALTH}))

    found = of(world)

    assert cell(found, "Northwind", "hq").sentence == "Northwind: hq, nothing"
    assert found.rows[0].note.startswith("Ended by itself on ")
    assert found.seeing == 0


@pytest.mark.parametrize(("who", "note"), [("ada", "Stopped by you on "), ("april", "Stopped by April on ")])
def test_given_a_stopped_access_when_the_customer_looks_then_the_row_says_who_stopped_it(world: World, who, note):
    world.acme.joins("april", Role.APPROVER)
    world.acme.revokes(world.acme.shares("hq", with_=world.northwind, categories={HEALTH}), by=who)

    assert of(world).rows[0].note.startswith(note)


def test_given_a_request_when_the_customer_looks_then_the_asked_cells_wait(world: World):
    world.acme.shares("hq", with_=world.northwind, categories={INVENTORY})
    request = asks(world)

    found = of(world)

    branch, hq = cell(found, "Northwind", "branch"), cell(found, "Northwind", "hq")
    assert (branch.state, branch.text, branch.request) == ("pend", "Asked", request.public_id)
    assert branch.sentence == "Northwind: branch, nothing, asked for traffic totals"
    assert hq.sentence.endswith(", asked for traffic totals")
    assert found.rows[0].asked == request.public_id


def test_given_a_request_for_one_site_when_the_customer_looks_then_only_that_cell_is_asked_for(world: World):
    world.acme.shares("hq", with_=world.northwind, categories={INVENTORY})
    asks(world, sites=[world.acme.sites["hq"].public_id])

    found = of(world)

    assert (cell(found, "Northwind", "branch").request, cell(found, "Northwind", "hq").state) == ("", "on")


def test_given_a_partner_that_accepted_an_invitation_when_the_customer_looks_then_it_has_a_row(world: World):
    ada, rita = world.acme.viewer(), world.rival.viewer()
    with acting(ada):
        _, token = invitations.invite_partner(by=ada, email="rita@example.com")
    with acting(rita):
        invitations.accept_as_partner(token, by=rita)

    assert [(r.name, r.note[:24]) for r in of(world).rows] == [("Rival", "Accepted your invitation")]


def test_given_staff_that_ask_when_the_customer_says_yes_then_the_row_of_staff_shows_it(world: World):
    permission = staff_asks(world)
    waiting = cell(of(world), "staff", "hq")
    ada = world.acme.viewer()
    with acting(ada):
        staff.allow(permission, by=ada)

    running = cell(of(world), "staff", "hq")

    assert (waiting.state, waiting.permission, waiting.shared) == ("pend", permission.public_id, ())
    assert (running.state, running.shared) == ("soon", ("health",))
    assert running.sentence.endswith(", Sam")
    assert cell(of(world), "staff", "branch").state == "none"


def test_when_cells_lead_somewhere_then_the_page_says_where(world: World):
    world.acme.shares("hq", with_=world.northwind, categories={HEALTH})

    found = of(world, url_of=lambda c: f"/access/grant?partner={c.partner}&site={c.site_id}")

    hq = world.acme.sites["hq"].public_id
    assert (
        cell(found, "Northwind", "hq").url
        == f"/access/grant?partner={world.northwind.organization.public_id}&site={hq}"
    )


def test_when_the_door_is_asked_then_the_matrix_has_said_the_same(world: World):
    world.acme.shares("hq", with_=world.northwind, categories={INVENTORY, HEALTH})
    world.acme.shares("branch", with_=world.northwind, categories={TRAFFIC})
    world.acme.revokes(world.acme.shares("depot", with_=world.northwind, categories={HEALTH}))
    found = of(world)

    nora = world.northwind.viewer()
    with acting(nora):
        for kind in (INVENTORY, HEALTH, TRAFFIC):
            seen = {s.name for s in Site.objects.visible_to(nora, kind)}
            assert seen == {c.site for c in found.rows[0].cells if kind.value in c.shared}


def test_when_a_partner_asks_for_the_matrix_then_it_is_refused(world: World):
    nora = world.northwind.viewer()

    for question in (matrix.matrix, timeline.timeline):
        with acting(nora), pytest.raises(NotAllowed):
            question(nora)


def queries(world: World) -> int:
    ada = world.acme.viewer()
    with (
        acting(ada),
        CaptureQueriesContext(
            connection,
        ) as asked,
    ):
        matrix.matrix(ada)
        timeline.timeline(ada)
    return len(asked)


def test_given_more_partners_and_sites_when_the_customer_looks_then_no_more_is_asked(world: World):
    world.acme.shares("hq", with_=world.northwind, categories={HEALTH})
    few = queries(world)
    world.acme.opens("harbour")
    for number in range(3):
        other = partner(f"Partner {number}", f"person{number}")
        for site in ("hq", "branch", "harbour"):
            world.acme.revokes(world.acme.shares(site, with_=other, categories={HEALTH}))
        world.acme.shares("harbour", with_=other, categories={HEALTH})

    assert queries(world) == few
    assert few <= 8


def test_given_accesses_that_ended_in_three_ways_when_the_timeline_is_drawn_then_each_says_how(world: World):
    world.acme.shares("hq", with_=world.northwind, categories={HEALTH}, days=30)
    world.acme.revokes(world.acme.shares("branch", with_=world.rival, categories={HEALTH}))
    world.acme.lets_expire(world.acme.shares("hq", with_=world.third, categories={INVENTORY}))
    ada = world.acme.viewer()

    with acting(ada):
        drawn = timeline.timeline(ada)

    notes = {row["name"]: row["note"].rsplit(" ", 2)[0] for row in drawn.rows}
    assert notes == {"Northwind": "ends", "Rival": "Stopped by you on", "Third": "Ended by itself on"}
    assert [(s["state"], s["label"]) for row in drawn.rows for s in row["spans"]] == [
        ("acc", "hq: health and alerts"),
        ("mute", "branch: health and alerts"),
        ("mute", "hq: device list"),
    ]


def test_given_one_decision_about_two_sites_when_the_timeline_is_drawn_then_it_is_one_bar(world: World):
    for site in ("hq", "branch"):
        world.acme.shares(site, with_=world.northwind, categories={HEALTH}, days=9)
    ada = world.acme.viewer()

    with acting(ada):
        (row,) = timeline.timeline(ada).rows

    assert [(s["label"], s["short"], s["state"]) for s in row["spans"]] == [
        ("branch and hq: health and alerts", "branch and hq", "watch")
    ]


def test_given_accesses_at_once_that_differ_when_the_timeline_is_drawn_then_no_bar_lies_over_another(world: World):
    world.acme.shares("hq", with_=world.northwind, categories={HEALTH}, days=30)
    world.acme.shares("branch", with_=world.northwind, categories={INVENTORY}, days=90)
    ada = world.acme.viewer()

    with acting(ada):
        rows = timeline.timeline(ada).rows

    assert [row["name"] for row in rows] == ["Northwind", "Northwind"]
    assert [len(row["spans"]) for row in rows] == [1, 1]


def test_given_an_expiry_booked_late_when_the_timeline_is_drawn_then_the_bar_ends_when_reading_did(world: World):
    grant = world.acme.shares("hq", with_=world.northwind, categories={HEALTH})
    world.acme.lets_expire(grant)
    ended = timezone.now() - timedelta(days=3)
    with job(world.acme.pk):
        type(grant).objects.filter(pk=grant.pk).update(expires_at=ended, closed_at=timezone.now())
    ada = world.acme.viewer()

    with acting(ada):
        (row,) = timeline.timeline(ada).rows

    assert row["spans"][0]["end"] == ended
