"""The staff console: facts of accounts always; network data only under a permission; everything ends, everything is logged."""

from datetime import timedelta

import pytest
import time_machine
from allauth.account.internal.flows.login import record_authentication
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.http import HttpRequest
from django.test import Client
from django.utils import timezone

from access import staff
from access.models import StaffPermission, StaffState, ViewingEntry
from access.principal import acting, job
from access.viewer import Viewer
from telemetry.models import DeviceHealth, Job
from tests.cast import HEALTH, INVENTORY, PASSWORD, World, make_user
from tests.partners.pages import QUERIES_A_PAGE, Many, asked, text
from tests.signing_in import sign_in

EMERGENCY = "Their firewall takes the whole building offline every minute, and nobody answers the phone."
ASK = {"cat": ["inventory"], "hours": "4", "reason": "You told us that the switch shows no readings.", "case": "4907"}


@pytest.fixture
def sam(world: World):
    """Signed in an hour ago."""
    return sign_in(Client(), world.sam, ago_s=3600)


@pytest.fixture
def fitted(world: World):
    for site in ("hq", "branch"):
        device = world.acme.installs(
            f"canary-{site}", site=site, serial=f"CANARY{site}", vendor="Acme", model="canary-model"
        )
        world.acme.raises(device, title=f"canary-{site}-title")
    return world.acme


def confirms(client) -> None:
    """On the page that asks for the password again."""
    answer = client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    assert answer.status_code == 302, text(answer)


def allowed(world: World, *, site: str = "hq", categories=(INVENTORY,), user=None) -> StaffPermission:
    """Sam asked and Ada said yes."""
    viewer, ada = Viewer.of_staff(user or world.sam), world.acme.viewer()
    with acting(viewer):
        row = staff.ask(
            by=viewer,
            customer=world.acme.organization,
            sites=[world.acme.sites[site]],
            categories=categories,
            hours=4,
            reason=ASK["reason"],
        )
    with acting(ada):
        return staff.allow(row, by=ada)


def tenant(world: World, rest: str = "", company: str = "acme") -> str:
    return f"/staff/tenants/{getattr(world, company).organization.public_id}{rest}"


def looks(world: World) -> list[tuple]:
    ada = world.acme.viewer()
    with acting(ada):
        return [
            (e.person_name, e.object_words, e.category, e.staff_permission_id)
            for e in ViewingEntry.objects.visible_to(ada)
        ]


PAGES = ["/staff/", "/staff/search", "/staff/permissions", "/staff/partners", "/staff/jobs", "/staff/audit"]


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("stranger", ["ada", "nora"])
def test_given_somebody_who_is_not_staff_then_the_console_does_not_exist(world, browse, path, stranger):
    user = world.acme.people.get(stranger) or world.northwind.people[stranger]

    assert browse(user).get(path).status_code == 404


def test_given_nobody_signed_in_then_one_is_sent_to_sign_in(world, client):
    assert client.get("/staff/search").status_code == 302


def test_when_searching_by_name_then_accounts_are_found_and_no_data(world, sam, fitted):
    page = text(sam.get("/staff/search?q=acme"))

    assert world.acme.organization.public_id in page
    assert "canary" not in page
    assert "Globex" not in page


def test_when_a_complete_serial_is_searched_then_the_owner_is_named_and_finds_it_in_its_log(world, sam, fitted):
    page = text(sam.get("/staff/search?q=CANARYhq"))

    assert "belongs to <b>Acme</b>" in page
    assert "canary-hq" not in page
    assert [(person, words) for person, words, _, _ in looks(world)] == [("Sam", "serial number CANARYhq")]


def test_when_a_part_of_a_serial_is_searched_then_nothing_is_found_and_nothing_logged(world, sam, fitted):
    assert "Nothing found. A serial must be complete." in text(sam.get("/staff/search?q=CANARYh"))
    assert looks(world) == []


def test_when_an_account_is_opened_then_facts_are_there_and_the_network_is_closed(world, sam, fitted):
    page = text(sam.get(tenant(world)))

    assert all(words in page for words in ("Ada", "hq", "branch", "Network data closed", "Never"))
    assert "canary" not in page
    assert "<dt>Devices</dt><dd>2</dd>" in page
    assert looks(world) == []


def test_given_a_device_reported_lately_then_the_account_says_that_reports_arrive(world, sam, fitted):
    with job(world.acme.pk):
        DeviceHealth.unscoped.filter(device=fitted.devices["canary-hq"]).update(
            last_seen_at=timezone.now() - timedelta(minutes=2)
        )

    page = text(sam.get(tenant(world)))

    assert "2 min ago" in page
    assert "canary" not in page


def test_given_reports_stopped_then_the_account_says_since_when(world, sam, fitted):
    with job(world.acme.pk):
        DeviceHealth.unscoped.filter(device=fitted.devices["canary-hq"]).update(
            last_seen_at=timezone.now() - timedelta(hours=9)
        )

    assert "last 9 h ago" in text(sam.get(tenant(world)))


@pytest.mark.parametrize("rest", ["/devices", "/devices/{device}", "/alerts/{alert}"])
def test_given_no_permission_then_devices_and_alerts_do_not_exist(world, sam, fitted, rest):
    assert sam.get(tenant(world, filled(world, rest))).status_code == 404


def filled(world: World, rest: str) -> str:
    from telemetry.models import Alert

    device = world.acme.devices["canary-hq"]
    with job(world.acme.pk):
        alert = Alert.unscoped.get(device=device.pk)
    return rest.format(device=device.public_id, alert=alert.public_id)


def test_when_asking_with_preview_then_the_customers_sentence_is_shown_and_nobody_is_asked(world, sam):
    page = text(sam.post(tenant(world, "/lockbox"), ASK | {"preview": "1", "site": [world.acme.sites["hq"].public_id]}))

    assert "Sam of SmartCare could look at device list for hq for 4 hours, starting when you say yes." in page
    assert not StaffPermission.unscoped.filter(customer=world.acme.pk).exists()


def test_when_asked_then_the_customer_has_the_question_word_for_word(world, sam):
    sam.post(tenant(world, "/lockbox"), ASK | {"site": [world.acme.sites["hq"].public_id]})

    ada = world.acme.viewer()
    with acting(ada):
        row = StaffPermission.objects.get(customer=world.acme.pk)
    assert (row.reason, row.case, row.hours, row.categories, row.sites) == (
        ASK["reason"],
        "4907",
        4,
        ["inventory"],
        [world.acme.sites["hq"].pk],
    )
    assert row.state == StaffState.WAITING


def test_given_a_question_that_waits_then_nothing_is_open_yet(world, sam, fitted):
    sam.post(tenant(world, "/lockbox"), ASK)

    assert sam.get(tenant(world, "/devices")).status_code == 404


def test_given_a_yes_for_one_site_and_kind_then_that_is_seen_and_nothing_else(world, sam, fitted):
    allowed(world)

    page = text(sam.get(tenant(world, "/devices")))

    assert "canary-hq" in page
    assert "canary-model" in page
    assert "canary-branch" not in page
    assert "canary-hq-title" not in text(sam.get(tenant(world, filled(world, "/devices/{device}"))))


def test_given_a_yes_then_each_look_is_logged_under_the_permission(world, sam, fitted):
    permission = allowed(world)

    sam.get(tenant(world, "/devices"))
    sam.get(tenant(world, filled(world, "/devices/{device}")))

    assert looks(world) == [
        ("Sam", "hq: 1 device", "inventory", permission.pk),
        ("Sam", "canary-hq", "inventory", permission.pk),
    ]


def test_given_health_was_allowed_then_the_alert_is_read_only(world, sam, fitted):
    allowed(world, categories=(INVENTORY, HEALTH))

    page = text(sam.get(tenant(world, filled(world, "/alerts/{alert}"))))

    assert "canary-hq-title" in page
    assert "Mark handled" not in page
    assert "Add a comment" not in page


def test_given_a_running_permission_then_its_countdown_stands_on_every_page(world, sam):
    allowed(world)

    for path in ("/staff/search", "/staff/partners", tenant(world), tenant(world, "/devices")):
        page = text(sam.get(path))
        assert "You can look at data of Acme" in page, path
        assert "data-until" in page, path


def test_given_a_yes_for_a_colleague_then_it_is_not_mine(world, browse, fitted):
    allowed(world)
    bea = browse(make_user("bea", is_staff=True))

    assert bea.get(tenant(world, "/devices")).status_code == 404


def test_given_a_yes_of_one_customer_then_another_stays_closed(world, sam, fitted):
    allowed(world)

    assert sam.get(tenant(world, "/devices", company="globex")).status_code == 404


def test_when_ended_early_then_nothing_is_seen_any_more(world, sam, fitted):
    permission = allowed(world)

    sam.post(f"/staff/permissions/{permission.public_id}/end")

    assert sam.get(tenant(world, "/devices")).status_code == 404
    assert "You can look at data" not in text(sam.get("/staff/search"))


def test_a19_when_the_hours_are_over_then_nothing_is_seen_though_no_sweep_ran(world, sam, fitted):
    permission = allowed(world)
    past = timezone.now() - timedelta(hours=5)
    with job(world.acme.pk):
        StaffPermission.objects.filter(pk=permission.pk).update(starts_at=past, expires_at=past + timedelta(hours=4))

    assert sam.get(tenant(world, "/devices")).status_code == 404


def test_when_somebody_else_ends_my_permission_then_it_does_not_exist_for_them(world, browse):
    permission = allowed(world)
    bea = browse(make_user("bea", is_staff=True))

    assert bea.post(f"/staff/permissions/{permission.public_id}/end").status_code == 404


def emergency(world: World, **changes) -> dict:
    return {"cat": ["inventory"], "hours": "1", "reason": EMERGENCY, "understood": "on"} | changes


@pytest.mark.parametrize("method", ["get", "post"])
def test_given_no_fresh_confirmation_then_an_emergency_leads_to_it_and_begins_nothing(world, sam, method):
    response = getattr(sam, method)(tenant(world, "/break-glass"), emergency(world))

    assert response.status_code == 302
    assert response.headers["Location"].startswith("/accounts/reauthenticate/?next=%2Fstaff%2Ftenants%2F")
    assert not StaffPermission.unscoped.filter(customer=world.acme.pk).exists()


def test_given_a_confirmation_of_twenty_minutes_ago_then_it_is_asked_for_again(world, sam):
    confirms(sam)

    with time_machine.travel(timezone.now() + timedelta(minutes=16), tick=True):
        again = sam.post(tenant(world, "/break-glass"), emergency(world))

    assert again.status_code == 302
    assert again.headers["Location"].startswith("/accounts/reauthenticate/")
    assert not StaffPermission.unscoped.filter(customer=world.acme.pk).exists()


def test_a19_when_an_emergency_begins_then_the_owners_notice_is_queued_and_data_is_open_for_hours(world, sam, fitted):
    confirms(sam)

    response = sam.post(tenant(world, "/break-glass"), emergency(world))

    assert response.headers["Location"] == tenant(world, "/devices")
    with job(world.acme.pk):
        assert Job.unscoped.filter(kind="notice.break_glass", customer=world.acme.pk).count() == 1
        row = StaffPermission.objects.get(customer=world.acme.pk)
    assert (row.way, row.expires_at - row.starts_at) == ("break_glass", timedelta(hours=1))
    assert "canary-branch" in text(sam.get(tenant(world, "/devices")))


@pytest.mark.parametrize("wrong", [{"reason": "x" * 39}, {"hours": "24"}, {"cat": []}, {"understood": ""}])
def test_when_the_emergency_form_is_wrong_then_nothing_begins(world, sam, wrong):
    confirms(sam)

    response = sam.post(tenant(world, "/break-glass"), emergency(world, **wrong))

    assert "Nothing was saved" in text(response)
    assert not StaffPermission.unscoped.filter(customer=world.acme.pk).exists()


def test_given_the_owners_cannot_be_told_then_nothing_begins(world, sam, monkeypatch):
    from access import acts

    confirms(sam)
    monkeypatch.setitem(acts._handlers, "staff.break_glass", [])

    page = text(sam.post(tenant(world, "/break-glass"), emergency(world)))

    assert "The owners cannot be told now, so nothing was begun" in page
    assert not StaffPermission.unscoped.filter(customer=world.acme.pk).exists()


def test_when_an_emergency_is_over_then_a_colleague_reviews_it_and_never_oneself(world, sam, browse):
    confirms(sam)
    sam.post(tenant(world, "/break-glass"), emergency(world))
    with job(world.acme.pk):
        row = StaffPermission.objects.get(customer=world.acme.pk)
    sam.post(f"/staff/permissions/{row.public_id}/end")
    bea = browse(make_user("bea", is_staff=True))

    own = sam.post(f"/staff/permissions/{row.public_id}/review", {"words": "Fine"})
    bea.post(f"/staff/permissions/{row.public_id}/review", {"words": "It was needed."})

    assert own.status_code == 404
    assert "It was needed. (Bea)" in text(bea.get(f"/staff/permissions/{row.public_id}"))


def test_when_the_list_of_permissions_is_opened_then_it_has_states_and_looks(world, sam, fitted):
    allowed(world)
    sam.get(tenant(world, "/devices"))

    page = text(sam.get("/staff/permissions"))

    assert "Acme" in page
    assert "1 look" in page
    assert "canary" not in page


def test_when_a_partner_is_suspended_then_it_reads_nothing_and_its_waiting_deliveries_are_dropped(
    world, sam, browse, fitted
):
    from partners.models import Delivery
    from telemetry import jobs

    world.acme.shares("hq", with_=world.northwind, categories={HEALTH}, forward_alerts=True)
    world.acme.raises(fitted.devices["canary-hq"], rule="other", title="canary-other")
    jobs.run_due("transition.recorded")
    nora = browse(world.northwind.people["nora"])
    assert "canary-hq-title" in text(nora.get("/p/northwind/alerts"))

    sam.post(f"/staff/partners/{world.northwind.organization.public_id}/suspend")

    assert nora.get("/p/northwind/alerts").status_code == 404
    with job(world.northwind.pk):
        states = set(Delivery.objects.filter(owner=world.northwind.pk, subject="alert").values_list("state", "reason"))
    assert states == {("cancelled", "partner_inactive")}


def test_when_let_go_on_then_it_reads_again_what_it_holds(world, sam, browse, fitted):
    world.acme.shares("hq", with_=world.northwind, categories={HEALTH})
    address = f"/staff/partners/{world.northwind.organization.public_id}"

    sam.post(f"{address}/suspend")
    sam.post(f"{address}/resume")

    assert "canary-hq-title" in text(browse(world.northwind.people["nora"]).get("/p/northwind/alerts"))


def test_when_verified_then_the_page_says_so_and_twice_changes_nothing(world, sam):
    address = f"/staff/partners/{world.rival.organization.public_id}"

    sam.post(f"{address}/verify")
    sam.post(f"{address}/verify")

    assert "This partner is verified already" in text(sam.get(address))


def test_when_a_customer_is_named_in_a_partners_address_then_it_does_not_exist(world, sam):
    assert sam.post(f"/staff/partners/{world.acme.organization.public_id}/suspend").status_code == 404


def test_when_staff_acted_then_the_list_of_acts_has_it_and_nothing_of_customers_own_doings(world, sam, fitted):
    allowed(world)
    sam.post(f"/staff/partners/{world.rival.organization.public_id}/verify")

    page = text(sam.get("/staff/audit"))

    assert "Staff asked to look" in page
    assert "Company verified" in page
    assert "device.added" not in page
    assert "canary" not in page


def test_given_a_customer_that_calls_itself_staff_then_its_own_acts_are_not_listed(world, sam):
    from tests.cast import customer

    odd = customer("SmartCare staff", "olga")
    odd.opens("canary-site")

    assert "canary-site" not in text(sam.get("/staff/audit"))


def test_when_work_waits_then_the_page_shows_kinds_and_numbers_and_no_content(world, sam, fitted):
    page = text(sam.get("/staff/jobs"))

    assert "transition.recorded" in page
    assert "canary" not in page
    assert "Acme" not in page


def test_given_developers_did_not_switch_it_on_then_the_kitchen_sink_does_not_exist(world, sam):
    assert sam.get("/staff/kitchen-sink").status_code == 404


def test_given_it_is_switched_on_then_the_kitchen_sink_shows_every_component(world, sam, settings):
    settings.KITCHEN_SINK = True

    assert "Kitchen sink" in text(sam.get("/staff/kitchen-sink"))


def test_a4_given_an_account_that_never_was_then_it_does_not_exist(world, sam):
    for rest in ("", "/lockbox", "/devices"):
        assert sam.get(f"/staff/tenants/or-2222222222{rest}").status_code == 404


def test_given_many_customers_then_staff_pages_ask_little(db, browse):
    many = Many.build()
    sam = browse(make_user("sam", is_staff=True))
    one = many.customers[0].organization.public_id

    for path in ("/staff/search?q=Company", f"/staff/tenants/{one}", "/staff/partners", "/staff/jobs", "/staff/audit"):
        with asked() as queries:
            assert sam.get(path).status_code == 200
        assert len(queries) <= QUERIES_A_PAGE, queries.statements


@pytest.mark.parametrize("second", [False, True])
def test_given_a_second_factor_then_an_emergency_asks_for_it_where_the_password_alone_was_given(world, sam, second):
    TOTP.activate(world.sam, generate_totp_secret())
    confirms(sam)
    if second:
        gives_second_factor(sam, world.sam)

    answer = sam.get(tenant(world, "/break-glass"))

    if second:
        assert answer.status_code == 200
    else:
        assert answer.headers["Location"].startswith("/accounts/2fa/reauthenticate/?next=%2Fstaff%2Ftenants%2F")


def gives_second_factor(client: Client, user) -> None:
    request = HttpRequest()
    request.session = client.session
    record_authentication(request, user, "mfa")
    request.session.save()


def asks_ada(world: World, hours: int = 24) -> StaffPermission:
    viewer = Viewer.of_staff(world.sam)
    with acting(viewer):
        return staff.ask(
            by=viewer,
            customer=world.acme.organization,
            sites=[world.acme.sites["hq"]],
            categories=(INVENTORY,),
            hours=hours,
            reason=ASK["reason"],
        )


def test_when_the_customer_chooses_fewer_hours_then_sentence_and_button_say_so_and_it_ends_then(world, browse):
    row, ada = asks_ada(world), browse(world.acme.people["ada"])
    url = f"/access/staff/{row.public_id}"

    page = text(ada.get(f"{url}?hours=4"))
    ada.post(f"{url}/allow", {"hours": "4"})

    assert "for hq for 4 hours, starting when you say yes." in page
    assert "Allow for 4 hours" in page
    assert "24 hours, as asked" in page
    with job(world.acme.pk):
        allowed_row = StaffPermission.objects.get(pk=row.pk)
    assert allowed_row.expires_at - allowed_row.starts_at == timedelta(hours=4)


def test_when_more_hours_are_sent_than_were_asked_for_then_it_is_what_was_asked_for(world, browse):
    row = asks_ada(world, hours=4)

    browse(world.acme.people["ada"]).post(f"/access/staff/{row.public_id}/allow", {"hours": "72"})

    with job(world.acme.pk):
        assert StaffPermission.objects.get(pk=row.pk).hours == 4


def test_given_a_sign_in_of_an_hour_ago_when_staff_are_allowed_then_it_asks_who_is_there_first(world):
    row = asks_ada(world)
    ada = sign_in(Client(), world.acme.people["ada"], ago_s=3600)

    answer = ada.post(f"/access/staff/{row.public_id}/allow", {"hours": "4"})

    assert answer.headers["Location"].startswith("/accounts/reauthenticate/?next=%2Faccess%2Fstaff%2F")
    with job(world.acme.pk):
        assert StaffPermission.objects.get(pk=row.pk).state == StaffState.WAITING


def test_given_a_permission_that_ended_then_the_customers_page_does_not_say_that_staff_can_look(world, browse):
    row = allowed(world)
    ada = browse(world.acme.people["ada"])
    before = text(ada.get(f"/access/staff/{row.public_id}"))

    ada.post(f"/access/staff/{row.public_id}/end")

    after = text(ada.get(f"/access/staff/{row.public_id}"))
    assert "can look now" in before
    assert "can look" not in after
    assert "asked to look" in after
