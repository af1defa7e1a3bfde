"""Staff see nothing by default; what they are let in for is told, logged and ends by itself (A19)."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from access import acts, expiry, staff, viewing
from access.errors import Ended, Invalid, NotAllowed
from access.models import (
    AuditEntry,
    Category,
    Role,
    Site,
    StaffPermission,
    StaffState,
    ViewingEntry,
    sites_visible_to,
)
from access.principal import acting, job
from access.viewer import Viewer
from access.viewing import Look
from telemetry.models import Alert, Device
from tests.cast import HEALTH, INVENTORY, TRAFFIC, World, make_user

REASON = "You told us that hq shows no readings."
EMERGENCY = "Readings of hq are shown on a public page right now."


@pytest.fixture
def sam(world: World) -> Viewer:
    return Viewer.of_staff(world.sam)


@pytest.fixture
def told(monkeypatch) -> list[tuple[str, str]]:
    """A package above that mails owners: it hears of every act and answers with one notice."""
    heard: list[tuple[str, str]] = []

    def hear(act: str):
        return lambda subject, **facts: heard.append((act, facts.get("reason", ""))) or 1

    for act in ("staff.asked", "staff.answered", "staff.break_glass", "staff.ended"):
        monkeypatch.setitem(acts._handlers, act, [hear(act)])
    return heard


def asks(world: World, by: Viewer, **more) -> StaffPermission:
    wish = {"sites": [world.acme.sites["hq"]], "categories": {HEALTH}, "hours": 24, "reason": REASON, "case": "4821"}
    with acting(by):
        return staff.ask(by=by, customer=world.acme.organization, **(wish | more))


def allows(world: World, permission: StaffPermission, by: str = "", **less) -> StaffPermission:
    ada = world.acme.viewer(by)
    with acting(ada):
        return staff.allow(permission, by=ada, **less)


def breaks_glass(world: World, by: Viewer, **more) -> StaffPermission:
    wish = {"sites": [], "categories": {HEALTH}, "hours": 4, "reason": EMERGENCY}
    with acting(by):
        return staff.break_glass(by=by, customer=world.acme.organization, **(wish | more))


def seen(viewer: Viewer, category: Category = Category.ANY) -> set[str]:
    """Sites through the door; what row-level security alone shows of the devices there must agree."""
    with acting(viewer):
        sites = {s.name for s in sites_visible_to(viewer, category)}
        if category is Category.ANY:
            assert {d.site_id for d in Device.unscoped.all()} <= {s.pk for s in sites_visible_to(viewer, category)}
        return sites


def journal(world: World) -> list[tuple[str, str]]:
    with job(world.acme.pk):
        entries = AuditEntry.objects.filter(customer=world.acme.pk, object_kind="staff_permission").order_by("seq")
        return list(entries.values_list("action", "actor_name"))


def test_given_no_permission_when_staff_look_then_they_see_nothing(world: World, sam: Viewer):
    world.acme.raises(world.acme.installs("switch", site="hq"))

    assert seen(sam) == set()
    with acting(sam):
        assert list(Device.unscoped.all()) == list(Alert.unscoped.all()) == []


def test_given_a_request_that_waits_when_staff_look_then_they_see_nothing(world: World, sam: Viewer):
    asks(world, sam)

    assert seen(sam) == set()


def test_when_the_customer_says_yes_then_staff_see_that_kind_at_that_site(world: World, sam: Viewer):
    for site in ("hq", "branch"):
        world.acme.raises(world.acme.installs(f"switch {site}", site=site))

    allows(world, asks(world, sam))

    assert (seen(sam, HEALTH), seen(sam, INVENTORY), seen(sam)) == ({"hq"}, set(), {"hq"})
    with acting(sam):
        assert [a.site.name for a in Alert.objects.visible_to(sam)] == ["hq"] * Alert.unscoped.count() == ["hq"]


def test_given_permission_for_sam_when_a_colleague_looks_then_it_sees_nothing(world: World, sam: Viewer):
    allows(world, asks(world, sam))

    assert seen(Viewer.of_staff(make_user("mina", is_staff=True))) == set()


def test_given_permission_when_sam_leaves_the_staff_then_nothing_is_seen(world: World, sam: Viewer):
    allows(world, asks(world, sam))
    type(world.sam).objects.filter(pk=world.sam.pk).update(is_staff=False)

    assert seen(sam) == set()


def test_given_permission_when_staff_would_write_then_the_database_changes_nothing(world: World, sam: Viewer):
    device = world.acme.installs("switch", site="hq")
    allows(world, asks(world, sam, sites=[], categories=set(staff.SHAREABLE)))

    with acting(sam):
        assert Device.unscoped.filter(pk=device.pk).update(label="mine") == 0
        assert Site.unscoped.filter(name="hq").update(name="mine") == 0
    assert not sam.may_answer


def test_when_the_customer_narrows_and_shortens_then_only_that_is_allowed(world: World, sam: Viewer):
    wide = asks(world, sam, sites=[], categories={HEALTH, TRAFFIC}, hours=72)

    row = allows(world, wide, hours=1, sites=[world.acme.sites["branch"]], categories={TRAFFIC})

    assert (seen(sam, TRAFFIC), seen(sam, HEALTH)) == ({"branch"}, set())
    assert row.expires_at - row.starts_at == timedelta(hours=1)


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"hours": 25}, "hours"),
        ({"hours": 0}, "hours"),
        ({"categories": {HEALTH, INVENTORY}}, "categories"),
        ({"categories": set()}, "categories"),
        ({"sites": []}, "sites"),
    ],
)
def test_when_an_answer_would_add_then_it_is_refused(world: World, sam: Viewer, more, field):
    permission = asks(world, sam)

    with pytest.raises(Invalid) as error:
        allows(world, permission, **more)

    assert error.value.field == field


def test_when_an_answer_names_another_site_then_it_is_refused(world: World, sam: Viewer):
    permission = asks(world, sam)

    for other in (world.acme.sites["branch"], world.globex.sites["plant"]):
        with pytest.raises(Invalid):
            allows(world, permission, sites=[other])


@pytest.mark.parametrize(
    ("wish", "field"),
    [({"hours": 2}, "hours"), ({"reason": "short"}, "reason"), ({"categories": set()}, "categories")],
)
def test_when_a_request_of_staff_makes_no_sense_then_the_form_says_where(world: World, sam: Viewer, wish, field):
    with pytest.raises(Invalid) as error:
        asks(world, sam, **wish)

    assert error.value.field == field


def test_when_somebody_else_answers_then_it_is_refused(world: World, sam: Viewer):
    permission = asks(world, sam)

    for stranger in (world.acme.viewer("alan"), world.globex.viewer(), world.northwind.viewer(), sam):
        with acting(stranger), pytest.raises(NotAllowed):
            staff.allow(permission, by=stranger)
        with acting(stranger), pytest.raises(NotAllowed):
            staff.decline(permission, by=stranger)


def test_when_a_customer_s_member_asks_like_staff_then_it_is_refused(world: World):
    ada = world.acme.viewer()

    for act in (asks, breaks_glass):
        with pytest.raises(NotAllowed):
            act(world, ada)


def test_given_an_answer_when_it_is_answered_again_then_somebody_was_first(world: World, sam: Viewer):
    permission = asks(world, sam)
    ada = world.acme.viewer()
    with acting(ada):
        staff.decline(permission, by=ada)

    with pytest.raises(Ended):
        allows(world, permission)
    assert seen(sam) == set()


@pytest.mark.parametrize("who", ["customer", "staff"])
def test_given_a_running_permission_when_either_side_ends_it_then_nothing_is_seen(world: World, sam: Viewer, who):
    permission = allows(world, asks(world, sam))
    viewer = world.acme.viewer() if who == "customer" else sam

    with acting(viewer):
        staff.end(permission, by=viewer)

    assert seen(sam) == set()
    with acting(viewer), pytest.raises(Ended):
        staff.end(permission, by=viewer)


def test_when_a_stranger_ends_a_permission_then_it_is_refused(world: World, sam: Viewer):
    permission = allows(world, asks(world, sam))

    for stranger in (world.globex.viewer(), Viewer.of_staff(make_user("mina", is_staff=True))):
        with acting(stranger), pytest.raises(NotAllowed):
            staff.end(permission, by=stranger)


def test_a19_given_hours_that_are_over_when_no_sweep_ever_runs_then_nothing_is_seen(world: World, sam: Viewer):
    permission = allows(world, asks(world, sam))
    hours_pass(world, permission)

    assert seen(sam) == set()


def hours_pass(world: World, permission: StaffPermission) -> None:
    with job(world.acme.pk):
        StaffPermission.objects.filter(pk=permission.pk).update(
            starts_at=timezone.now() - timedelta(hours=24), expires_at=timezone.now() - timedelta(seconds=1)
        )


def test_a19_given_hours_that_are_over_when_the_sweep_comes_twice_then_the_end_is_booked_once(
    world: World, sam: Viewer, told
):
    permission = allows(world, asks(world, sam))
    hours_pass(world, permission)

    assert (expiry.end_staff_permissions(), expiry.end_staff_permissions()) == (1, 0)

    assert journal(world)[-1] == ("staff.ended", "SmartCare")
    assert told == [("staff.asked", ""), ("staff.answered", "staff.allowed"), ("staff.ended", "staff.ended")]


def test_given_a_request_nobody_answers_when_seven_days_pass_then_it_lapses(world: World, sam: Viewer, told):
    permission = asks(world, sam)
    with job(world.acme.pk):
        StaffPermission.objects.filter(pk=permission.pk).update(lapses_at=timezone.now() - timedelta(seconds=1))

    assert expiry.end_staff_permissions() == 1

    with job(world.acme.pk):
        assert StaffPermission.objects.get(pk=permission.pk).state == StaffState.LAPSED
    with pytest.raises(Ended):
        allows(world, permission)


def test_a19_when_glass_is_broken_then_the_owners_are_told_in_the_same_transaction(world: World, sam: Viewer, told):
    breaks_glass(world, sam)

    assert told == [("staff.break_glass", "")]
    assert seen(sam, HEALTH) == {"hq", "branch", "depot"}
    assert journal(world) == [("staff.break_glass", "Sam")]


def test_a19_given_nobody_who_takes_the_notice_when_glass_is_broken_then_nothing_begins(
    world: World, sam: Viewer, monkeypatch
):
    monkeypatch.setitem(acts._handlers, "staff.break_glass", [])

    with pytest.raises(NotAllowed, match="cannot be told"):
        breaks_glass(world, sam)

    assert (seen(sam), journal(world)) == (set(), [])


def test_a19_given_a_notice_that_fails_when_glass_is_broken_then_nothing_begins(world: World, sam: Viewer, monkeypatch):
    def no_mail(subject, **facts):
        raise OSError("the queue is full")

    monkeypatch.setitem(acts._handlers, "staff.break_glass", [no_mail])

    with pytest.raises(OSError, match="queue is full"):
        breaks_glass(world, sam)

    assert (seen(sam), journal(world)) == (set(), [])


@pytest.mark.parametrize(
    ("wish", "field"),
    [({"hours": 5}, "hours"), ({"reason": "Something is wrong at the customer."}, "reason")],
)
def test_when_glass_is_broken_for_too_long_or_without_a_reason_then_it_is_refused(
    world: World, sam: Viewer, told, wish, field
):
    with pytest.raises(Invalid) as error:
        breaks_glass(world, sam, **wish)

    assert (error.value.field, told) == (field, [])


def test_a19_when_a_permission_would_not_end_by_itself_then_the_database_refuses(world: World, sam: Viewer, told):
    permission = breaks_glass(world, sam)

    with job(world.acme.pk), pytest.raises(IntegrityError), transaction.atomic():
        StaffPermission.objects.filter(pk=permission.pk).update(expires_at=timezone.now() + timedelta(hours=5))


def test_when_a_lockbox_would_open_without_an_answer_then_the_database_refuses(world: World, sam: Viewer):
    permission = asks(world, sam)

    with acting(sam), pytest.raises(IntegrityError), transaction.atomic():
        StaffPermission.objects.filter(pk=permission.pk).update(
            starts_at=timezone.now(), expires_at=timezone.now() + timedelta(hours=1), state=StaffState.ALLOWED
        )


def test_given_an_emergency_when_it_is_over_then_a_colleague_reviews_it_once(world: World, sam: Viewer, told):
    permission = breaks_glass(world, sam)
    mina = Viewer.of_staff(make_user("mina", is_staff=True))

    with acting(sam), pytest.raises(NotAllowed):
        staff.review(permission, by=sam, words="All was well")
    with acting(mina):
        staff.review(permission, by=mina, words="Needed, short, and nothing else was looked at.")
        with pytest.raises(Ended):
            staff.review(permission, by=mina, words="Again")

    assert journal(world)[-1] == ("staff.reviewed", "Mina")


def test_a16_given_permission_when_staff_look_then_the_customer_s_log_names_it(world: World, sam: Viewer):
    permission = allows(world, asks(world, sam))
    with acting(sam):
        viewing.record(sam, [Look(world.acme.pk, HEALTH, world.acme.sites["hq"].pk, "site", "hq")], way="page")

    ada = world.acme.viewer()
    with acting(ada):
        (look,) = ViewingEntry.objects.visible_to(ada)
    assert (look.staff_permission_id, look.looker_name, look.person_name) == (permission.pk, "SmartCare staff", "Sam")


def test_when_staff_search_then_they_find_accounts_and_no_data(world: World, sam: Viewer):
    world.acme.installs("switch", site="hq")
    world.acme.installs("router", site="branch")

    with acting(sam):
        found = staff.tenants("acm", by=sam)
        facts = staff.tenant(found[0].public_id, by=sam)

    assert [o.name for o in found] == ["Acme"]
    assert (facts.owners, facts.devices, [name for _, name in facts.sites]) == (("Ada",), 2, ["branch", "depot", "hq"])


def test_when_somebody_else_searches_accounts_then_it_is_refused(world: World):
    ada = world.acme.viewer()

    with acting(ada):
        for question in (lambda: staff.tenants("g", by=ada), lambda: staff.tenant("or-x", by=ada)):
            with pytest.raises(NotAllowed):
                question()


def test_given_permissions_that_run_when_the_banner_asks_then_it_gets_those_that_run(world: World, sam: Viewer):
    allows(world, asks(world, sam))
    over = asks(world, sam)
    allows(world, over)
    hours_pass(world, over)
    asks(world, sam)

    with acting(sam):
        running = staff.running(sam)
        names = [p.customer.name for p in running]

    assert names == ["Acme"]
    assert over.pk not in {p.pk for p in running}


def test_given_one_serial_at_two_customers_when_staff_look_it_up_then_each_owner_finds_the_question_in_its_log(
    world: World, sam: Viewer
):
    world.acme.installs("switch", site="hq", serial="FOC2231X0AB")
    world.globex.installs("switch", site="plant", serial="FOC2231X0AB")

    with acting(sam):
        assert staff.owners_of_serial("FOC2231X0A", by=sam) == []
        assert staff.owners_of_serial(" FOC2231X0AB ", by=sam) == ["Acme", "Globex"]

    for company in (world.acme, world.globex):
        owner = company.viewer()
        with acting(owner):
            (look,) = ViewingEntry.objects.visible_to(owner)
        assert (look.object_kind, look.looker_name) == ("serial", "SmartCare staff")


def test_when_april_the_approver_answers_then_it_counts(world: World, sam: Viewer):
    world.acme.joins("april", Role.APPROVER)

    assert allows(world, asks(world, sam), by="april").answered_by.name == "April"
