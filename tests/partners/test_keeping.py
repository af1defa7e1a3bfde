"""A webhook goes on only while somebody of the company answers for it: who added it, or who took it over."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core import mail
from django.test import Client

from access import accounts, onboarding
from access.models import AuditEntry, Membership, Role, Scope, User
from access.principal import acting, job
from access.viewer import Viewer
from partners import destinations
from partners.models import Destination
from telemetry import jobs
from telemetry.models import Device
from tests.cast import HEALTH, Company, World
from tests.partners.hooks import Hook, deliveries, hook_of, sent, told
from tests.partners.pages import text

HOOKS = "/p/northwind/settings/webhooks"


@pytest.fixture(autouse=True)
def _loopback(settings: Any) -> None:
    settings.EGRESS_ALLOW = ["127.0.0.1"]


@pytest.fixture
def device(world: World) -> Device:
    world.acme.shares("hq", with_=world.northwind, categories={HEALTH}, forward_alerts=True)
    return world.acme.installs("core", site="hq")


@pytest.fixture
def hook(world: World) -> Iterator[Hook]:
    """Of northwind, added by nils; nora is its admin."""
    with hook_of(world.northwind) as made:
        added_by(made.destination, world.northwind.people["nils"])
        yield made


def added_by(row: Destination, user: User) -> None:
    with job(row.owner_id):
        Destination.objects.filter(pk=row.pk).update(created_by=user)


def lowers(company: Company, name: str, role: Role) -> None:
    boss = company.viewer()
    with acting(boss):
        row = Membership.objects.select_related("organization", "user").get(
            organization=company.pk, user=company.people[name]
        )
        onboarding.change_role(row, role=role, by=boss)


def messages(world: World, device: Device, hook: Hook) -> list[str]:
    """Kinds of what the hook got after an alert was raised."""
    world.acme.raises(device)
    told()
    sent()
    return [message["type"] for message in hook.messages]


def page(browse: Any, world: World, name: str, path: str = HOOKS) -> str:
    return text(browse(world.northwind.people[name]).get(path))


def test_given_who_added_it_is_there_then_it_gets_alerts(world, device, hook):
    assert messages(world, device, hook) == ["alert.opened"]


def test_when_who_added_it_leaves_then_it_gets_nothing_any_more(world, device, hook):
    world.northwind.loses("nils")

    assert messages(world, device, hook) == []
    assert deliveries(world.acme, hook.destination) == []


def test_when_who_added_it_leaves_then_what_waits_for_it_is_dropped_with_the_reason(world, device, hook):
    world.acme.raises(device)
    told()
    world.northwind.loses("nils")
    sent()

    assert hook.messages == []
    assert [(d.state, d.reason) for d in deliveries(world.acme, hook.destination)] == [("cancelled", "nobody_keeps_it")]


@pytest.mark.parametrize(("role", "got"), [(Role.SALES, []), (Role.ADMIN, ["alert.opened"])])
def test_when_who_added_it_gets_another_role_then_it_goes_on_if_that_role_may_add_one(world, device, hook, role, got):
    lowers(world.northwind, "nils", role)

    assert messages(world, device, hook) == got


def test_when_who_added_it_is_switched_off_then_it_gets_nothing(world, device, hook):
    User.objects.filter(pk=world.northwind.people["nils"].pk).update(is_active=False)

    assert messages(world, device, hook) == []


def test_when_the_person_comes_back_then_it_goes_on(world, device, hook):
    nils = world.northwind.people["nils"]
    world.northwind.loses("nils")
    boss = world.northwind.viewer()
    with acting(boss):
        onboarding.add_member(organization=world.northwind.organization, user=nils, role=Role.ENGINEER, by=boss)

    assert messages(world, device, hook) == ["alert.opened"]


def test_given_the_own_webhook_of_a_customer_when_who_added_it_leaves_then_it_gets_nothing(world, device):
    april = world.acme.joins("april", Role.APPROVER)
    with hook_of(world.acme) as own:
        added_by(own.destination, april)
        world.acme.loses("april")

        assert messages(world, device, own) == []


def test_when_a_colleague_keeps_it_then_it_gets_alerts_again_and_the_journal_says_who_did(world, device, hook, browse):
    world.northwind.loses("nils")
    nora = world.northwind.people["nora"]

    answer = browse(nora).post(f"{HOOKS}/{hook.destination.public_id}/keep")

    assert answer["Location"] == f"{HOOKS}/{hook.destination.public_id}"
    assert messages(world, device, hook) == ["alert.opened"]
    with job(world.northwind.pk):
        entry = AuditEntry.objects.get(customer=world.northwind.pk, action="destination.kept")
    assert (entry.actor_name, entry.before, entry.after) == ("Nora", '{"answers":"Nils"}', '{"answers":"Nora"}')


def test_given_a_webhook_that_somebody_answers_for_when_kept_then_it_says_so_and_changes_nothing(world, hook, browse):
    answer = browse(world.northwind.people["nora"]).post(f"{HOOKS}/{hook.destination.public_id}/keep", follow=True)

    assert "Somebody answers for it already" in text(answer)
    with job(world.northwind.pk):
        assert Destination.objects.get(pk=hook.destination.pk).created_by_id == world.northwind.people["nils"].pk


def test_given_a_sales_person_when_keeping_it_then_it_is_refused(world, hook, browse):
    sally = world.northwind.joins("sally", Role.SALES)
    world.northwind.loses("nils")

    assert browse(sally).post(f"{HOOKS}/{hook.destination.public_id}/keep").status_code == 403


def test_when_who_added_it_leaves_then_lists_and_pages_say_so_with_what_to_do(world, hook, browse):
    world.northwind.loses("nils")

    whole, own = page(browse, world, "nora"), page(browse, world, "nora", f"{HOOKS}/{hook.destination.public_id}")
    for shown in (whole, own):
        assert "Nils, who added it, has left. Nothing is sent there before one of you keeps it." in shown
    assert f'action="{HOOKS}/{hook.destination.public_id}/keep"' in own
    assert "1 webhook waits for one of you" in page(browse, world, "nora", "/p/northwind/team")


def test_given_somebody_answers_for_it_then_nobody_is_asked_to_keep_it(world, hook, browse):
    assert "/keep" not in page(browse, world, "nora", f"{HOOKS}/{hook.destination.public_id}")
    assert "waits for one of you" not in page(browse, world, "nora", "/p/northwind/team")
    assert "Nils" in page(browse, world, "nora", f"{HOOKS}/{hook.destination.public_id}")


def test_when_who_added_it_gets_another_role_then_the_page_says_that(world, hook, browse):
    lowers(world.northwind, "nils", Role.SALES)

    assert "Nils, who added it, may not do that any more." in page(browse, world, "nora")


def test_given_it_is_off_anyway_when_who_added_it_leaves_then_its_page_asks_all_the_same(world, hook, browse):
    hook.changes(enabled=False)
    world.northwind.loses("nils")
    own = f"{HOOKS}/{hook.destination.public_id}"

    assert "Nils, who added it, has left. Nothing is sent there before one of you keeps it." in page(
        browse, world, "nora", own
    )
    answer = browse(world.northwind.people["nora"]).post(f"{own}/keep", follow=True)
    assert "It is yours now." in text(answer)


@pytest.mark.parametrize("act", ["leaves", "lowered"])
def test_when_it_stops_for_that_then_those_in_charge_are_told_by_mail(world, hook, act):
    mail.outbox.clear()
    if act == "leaves":
        world.northwind.loses("nils")
    else:
        lowers(world.northwind, "nils", Role.SALES)
    jobs.run_due("notice.webhook_waits")

    [told_nora] = mail.outbox
    assert told_nora.to == ["nora@example.com"]
    assert "Nils" in told_nora.body
    assert f"{HOOKS}/{hook.destination.public_id}" in told_nora.body
    assert "127.0.0.1" in told_nora.body


def test_when_it_was_kept_before_the_mail_goes_then_no_mail_goes(world, hook, browse):
    mail.outbox.clear()
    world.northwind.loses("nils")
    browse(world.northwind.people["nora"]).post(f"{HOOKS}/{hook.destination.public_id}/keep")
    jobs.run_due("notice.webhook_waits")

    assert mail.outbox == []


def test_given_a_key_made_by_somebody_when_it_adds_a_webhook_then_that_person_answers_for_it(world, settings):
    nora = world.northwind.viewer()
    with acting(nora):
        account, _ = accounts.issue(by=nora, name="Tickets", scope=Scope.WRITE, days=30)
    program = Viewer.of_account(account)
    with acting(program):
        row, _ = destinations.add_webhook(
            owner=world.northwind.organization, url="https://hooks.example.com/in", name="", by=program
        )

    assert row.created_by_id == nora.user_id


def test_when_asked_by_the_api_then_it_says_who_answers_and_keeps_it(world, hook):
    world.northwind.loses("nils")
    nora = world.northwind.viewer()
    with acting(nora):
        _, token = accounts.issue(by=nora, name="Tickets", scope=Scope.WRITE, days=30)
    api, one = (
        Client(headers={"Authorization": f"Bearer {token}"}),
        f"/api/v1/destinations/{hook.destination.public_id}",
    )

    before = api.get(one).json()
    kept = api.post(f"{one}/keep").json()
    again = api.post(f"{one}/keep")

    assert (before["added_by"], before["is_kept"]) == ("Nils", False)
    assert (kept["added_by"], kept["is_kept"]) == ("Nora", True)
    assert (again.status_code, again["Content-Type"]) == (409, "application/problem+json")
