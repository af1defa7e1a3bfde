"""Sending (T5): the gate asked again, rendered now, signed, recorded; at least once, never silently, and never for ever."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from allauth.account.signals import email_changed
from django.core import mail
from django.utils import timezone

from access.models import AuditEntry, Grant, Organization, OrganizationStatus, Site, User, ViewingEntry
from access.principal import acting, job
from partners import destinations
from partners.forwarding import schedule, sending
from partners.models import Delivery, Destination
from telemetry import fleet, jobs
from telemetry.models import Alert, Device, TrafficFigures
from tests.cast import HEALTH, INVENTORY, TRAFFIC, World
from tests.partners.hooks import Hook, attempts, change, deliveries, hook_of, make_due, sent, told
from tests.telemetry.watching import elsewhere


@pytest.fixture(autouse=True)
def _loopback(settings: Any) -> None:
    settings.EGRESS_ALLOW = ["127.0.0.1"]


@pytest.fixture
def device(world: World) -> Device:
    return world.acme.installs("core", site="hq")


@pytest.fixture
def grant(world: World) -> Grant:
    return world.acme.shares("hq", with_=world.northwind, categories={HEALTH}, forward_alerts=True)


@pytest.fixture
def hook(world: World, grant: Grant) -> Iterator[Hook]:
    """The only destination: what is claimed next is its delivery."""
    stop_mail(world)
    with hook_of(world.northwind) as made:
        yield made


def stop_mail(world: World) -> None:
    with job(world.acme.pk, world.northwind.pk):
        Destination.objects.update(enabled=False)


def waiting(world: World, device: Device, hook: Hook, **alert: Any) -> Delivery:
    """An alert opens, and its delivery to the hook is planned."""
    world.acme.raises(device, **alert)
    told()
    return deliveries(world.acme, hook.destination)[-1]


def now(world: World, delivery: Delivery) -> Delivery:
    with job(world.acme.pk):
        return Delivery.objects.get(pk=delivery.pk)


def pushes(world: World) -> list[tuple[str, str, str]]:
    """(who, way, outcome) of what stands in the customer's viewing log."""
    with job(world.acme.pk):
        found = ViewingEntry.objects.filter(customer=world.acme.pk).order_by("number")
        return list(found.values_list("looker_name", "way", "outcome"))


# ---- what goes out


def test_when_an_alert_is_sent_then_its_receiver_can_check_who_it_is_from(world: World, device: Device, hook: Hook):
    delivery = waiting(world, device, hook)
    sent()

    [message] = hook.messages
    assert message["type"] == "alert.opened"
    assert hook.ids == [str(delivery.pk)]
    assert (now(world, delivery).state, attempts(world.acme, delivery.pk)) == ("delivered", ["delivered"])


def test_when_an_alert_is_sent_then_the_customer_sees_that_it_was(world: World, device: Device, hook: Hook):
    waiting(world, device, hook)
    sent()

    assert pushes(world) == [("Northwind", "webhook", "delivered")]


def test_when_mail_is_sent_then_it_is_a_look_of_the_member_alone_for_the_customers_own_is_none(
    world: World, device: Device, grant: Grant
):
    world.acme.raises(device)
    told()
    sent()

    assert {address for message in mail.outbox for address in message.to} == {"ada@example.com", "nora@example.com"}
    assert pushes(world) == [("Northwind", "email", "delivered")]


@pytest.mark.parametrize(("categories", "shown"), [({HEALTH}, False), ({HEALTH, TRAFFIC}, True)])
def test_when_an_alert_has_figures_of_traffic_then_only_who_may_see_traffic_gets_them(
    world: World, device: Device, categories: set[Any], shown: bool
):
    world.acme.shares("hq", with_=world.northwind, categories=categories, forward_alerts=True)
    with hook_of(world.northwind) as hook:
        alert = world.acme.raises(device)
        with job(world.acme.pk):
            TrafficFigures.unscoped.create(
                customer_id=world.acme.pk, alert=alert, site_id=alert.site_id, figures={"uplink_bps": 7.25e8}
            )
        told()
        sent()

        [message] = hook.messages
    figures = {figure["name"] for figure in message["data"]["figures"]}
    assert ("uplink_bps" in figures) is shown
    assert "level" in figures


def test_given_an_alert_that_changed_while_it_waited_when_sent_then_it_says_what_holds_now(
    world: World, device: Device, hook: Hook
):
    waiting(world, device, hook)
    with job(world.acme.pk):
        Alert.unscoped.update(title="What holds now")
    sent()

    assert "What holds now" in hook.messages[0]["data"]["sentence"]


def test_given_access_that_was_narrowed_while_it_waited_when_sent_then_it_covers_what_is_left(
    world: World, device: Device
):
    grant = world.acme.shares("hq", with_=world.northwind, categories={HEALTH, TRAFFIC}, forward_alerts=True)
    with hook_of(world.northwind) as hook:
        delivery = waiting(world, device, hook)
        with job(world.acme.pk):
            alert = Alert.unscoped.get()
            TrafficFigures.unscoped.create(
                customer_id=world.acme.pk, alert=alert, site_id=alert.site_id, figures={"uplink_bps": 7.25e8}
            )
        world.acme.changes(grant, categories=frozenset({HEALTH}))
        sent()

        assert "uplink_bps" not in str(hook.messages)
    assert now(world, delivery).state == "delivered"


def test_while_a_secret_is_replaced_then_either_one_opens_the_message(world: World, device: Device, hook: Hook):
    nora = world.northwind.viewer()
    with acting(nora):
        new = destinations.replace_secret(hook.now, by=nora)
    waiting(world, device, hook)
    sent()

    assert len(hook.messages) == 1  # by the old secret
    hook.secret = new
    assert len(hook.messages) == 1


def test_when_anything_leaves_then_no_secret_is_in_it(world: World, device: Device, hook: Hook):
    waiting(world, device, hook)
    sent()

    everything = str(hook.received)
    assert hook.secret not in everything
    assert not re.search(r"whsec_|sc[dct]_[a-z0-9]+_", everything)


# ---- what does not go out


def end_access(world: World, grant: Grant, delivery: Delivery, device: Device) -> None:
    with job(world.acme.pk):
        Grant.objects.filter(pk=grant.pk).update(revoked_at=timezone.now(), closed_at=timezone.now())


def let_it_end(world: World, grant: Grant, delivery: Delivery, device: Device) -> None:
    world.acme.lets_expire(grant)


def narrow_behind_its_back(world: World, grant: Grant, delivery: Delivery, device: Device) -> None:
    with job(world.acme.pk):
        Grant.objects.filter(pk=grant.pk).update(generation=grant.generation + 1)


def take_health_away(world: World, grant: Grant, delivery: Delivery, device: Device) -> None:
    with job(world.acme.pk):
        Grant.objects.filter(pk=grant.pk).update(categories=[INVENTORY.value], forward_alerts=False)


def stop_forwarding(world: World, grant: Grant, delivery: Delivery, device: Device) -> None:
    with job(world.acme.pk):
        Grant.objects.filter(pk=grant.pk).update(forward_alerts=False)


def suspend(world: World, grant: Grant, delivery: Delivery, device: Device) -> None:
    with job(world.northwind.pk):
        Organization.objects.filter(pk=world.northwind.pk).update(status=OrganizationStatus.SUSPENDED)


def close_the_customer(world: World, grant: Grant, delivery: Delivery, device: Device) -> None:
    with job(world.acme.pk):
        Organization.objects.filter(pk=world.acme.pk).update(status=OrganizationStatus.CLOSED)


def close_the_site(world: World, grant: Grant, delivery: Delivery, device: Device) -> None:
    with job(world.acme.pk):
        Site.unscoped.filter(pk=device.site_id).update(closed_at=timezone.now())


def let_its_time_pass(world: World, grant: Grant, delivery: Delivery, device: Device) -> None:
    change(world.acme, delivery, expires_at=timezone.now() - timedelta(seconds=1))


def move_the_device(world: World, grant: Grant, delivery: Delivery, device: Device) -> None:
    ada = world.acme.viewer()
    with acting(ada):
        fleet.move(device, to=world.acme.sites["branch"], by=ada)


GATE = {
    "grant_ended": end_access,
    "grant_ended by the clock": let_it_end,
    "grant_changed": narrow_behind_its_back,
    "category_not_covered": take_health_away,
    "not_forwarded": stop_forwarding,
    "partner_inactive": suspend,
    "customer_closed": close_the_customer,
    "site_closed": close_the_site,
    "expired": let_its_time_pass,
    "device_moved": move_the_device,
}


@pytest.mark.parametrize("reason", GATE)
def test_given_a_delivery_that_waits_when_it_may_no_longer_go_out_then_it_is_cancelled_with_the_reason(
    world: World, device: Device, grant: Grant, hook: Hook, reason: str
):
    delivery = waiting(world, device, hook)
    GATE[reason](world, grant, delivery, device)

    sent()

    found = now(world, delivery)
    assert (found.state, found.reason) == ("cancelled", reason.split()[0])
    assert attempts(world.acme, delivery.pk) == ["cancelled"]
    assert hook.received == []
    with job(world.acme.pk):
        [entry] = AuditEntry.objects.filter(action="delivery.cancelled", object_id=found.public_id)
    assert json.loads(entry.after) == {"reason": found.reason}


@pytest.mark.parametrize(
    ("off", "reason"),
    [
        ({"enabled": False}, "destination_off"),
        ({"disabled_at": timezone.now()}, "destination_off"),
        ({"verified_at": None}, "destination_off"),
        ({"removed_at": timezone.now()}, "destination_removed"),
    ],
)
def test_given_a_delivery_that_waits_when_its_destination_is_off_then_it_is_cancelled(
    world: World, device: Device, hook: Hook, off: dict[str, Any], reason: str
):
    delivery = waiting(world, device, hook)
    hook.changes(**off)

    sent()

    assert (now(world, delivery).state, now(world, delivery).reason) == ("cancelled", reason)
    assert hook.received == []


def test_given_mail_that_waits_when_its_reader_has_left_the_company_then_it_is_cancelled(
    world: World, device: Device, grant: Grant
):
    nora, nils = world.northwind.viewer(), world.northwind.people["nils"]
    with acting(nora):
        of_nils = destinations.add_email(owner=world.northwind.organization, member=nils, name="Nils", by=nora)
    world.acme.raises(device)
    told()
    world.northwind.loses("nils")

    sent()

    assert "nils@example.com" not in {address for message in mail.outbox for address in message.to}
    with job(world.northwind.pk, world.acme.pk):
        assert [d.reason for d in Delivery.objects.filter(destination=of_nils)] == ["destination_removed"]


def test_given_mail_that_waits_when_its_reader_may_no_longer_sign_in_then_it_is_cancelled(
    world: World, device: Device, grant: Grant
):
    """The destination is still there: the gate asks for the person."""
    nora, nils = world.northwind.viewer(), world.northwind.people["nils"]
    with acting(nora):
        of_nils = destinations.add_email(owner=world.northwind.organization, member=nils, name="Nils", by=nora)
    world.acme.raises(device)
    told()
    User.objects.filter(pk=nils.pk).update(is_active=False)

    sent()

    assert "nils@example.com" not in {address for message in mail.outbox for address in message.to}
    with job(world.northwind.pk, world.acme.pk):
        assert [d.reason for d in Delivery.objects.filter(destination=of_nils)] == ["no_longer_a_member"]


# ---- at least once, and said so


def test_given_an_attempt_that_nobody_knows_the_end_of_when_tried_again_then_the_customer_is_told_that_it_may_have_arrived(
    world: World, device: Device, hook: Hook
):
    delivery = waiting(world, device, hook)
    sending.claim_due()  # and then the process is gone, with a message under way or not
    make_due(world.acme)

    sent()

    assert hook.ids == [str(delivery.pk)]
    assert [outcome for _, _, outcome in pushes(world)] == ["may have been delivered", "delivered"]
    assert attempts(world.acme, delivery.pk) == ["started", "delivered"]


def test_given_a_lost_attempt_when_the_grant_has_ended_meanwhile_then_the_customer_is_told_all_the_same(
    world: World, device: Device, grant: Grant, hook: Hook
):
    delivery = waiting(world, device, hook)
    sending.claim_due()
    world.acme.revokes(grant)
    make_due(world.acme)

    sent()

    assert now(world, delivery).reason == "grant_ended"
    assert ("Northwind", "webhook", "may have been delivered") in pushes(world)
    (only,) = [json.loads(body) for _, body in hook.received]
    assert (only["type"], only["data"]["sentence"]) == ("access.revoked", "Northwind can no longer see hq.")


def test_when_a_delivery_is_tried_again_then_it_has_the_same_id(world: World, device: Device, hook: Hook):
    hook.answers = ["503 Busy", "500 Broken"]
    delivery = waiting(world, device, hook)
    for _ in range(3):
        sent()
        make_due(world.acme)

    assert hook.ids == [str(delivery.pk)] * 3
    assert attempts(world.acme, delivery.pk) == ["try_later", "try_later", "delivered"]


def test_given_five_attempts_without_an_end_when_claimed_again_then_it_is_given_up_and_not_tried(
    world: World, device: Device, hook: Hook
):
    delivery = waiting(world, device, hook)
    for _ in range(sending.MOST_LOST):
        sending.claim_due()
        make_due(world.acme)

    sent()

    assert (now(world, delivery).state, now(world, delivery).reason) == ("dead", "attempts_lost")
    assert hook.received == []


def test_given_a_delivery_that_cannot_be_rendered_when_sent_then_the_others_go_out_and_it_comes_again_soon(
    world: World, device: Device, hook: Hook
):
    broken = waiting(world, device, hook, subject="broken")
    with job(world.acme.pk):
        Alert.unscoped.update(severity=9)  # an error of ours, as far as the sender can see
    fine = waiting(world, device, hook, subject="fine")

    sent()

    assert now(world, fine).state == "delivered"
    found = now(world, broken)
    assert found.state == "ready"
    assert timezone.now() < found.run_at < timezone.now() + timedelta(seconds=70)


def test_given_a_lapsed_lease_when_another_sender_has_the_delivery_then_the_first_sends_nothing(
    lasting_world: World,
):
    world = lasting_world
    world.acme.shares("hq", with_=world.northwind, categories={HEALTH}, forward_alerts=True)
    device = world.acme.installs("core", site="hq")
    stop_mail(world)
    with hook_of(world.northwind) as hook:
        delivery = waiting(world, device, hook)
        slow = sending.claim_due()
        make_due(world.acme)
        quick = elsewhere(sending.claim_due)
        assert slow is not None
        assert quick is not None

        with pytest.raises(sending.LeaseLost):
            sending.send(slow)
        assert hook.received == []
        elsewhere(lambda: sending.send(quick))

        assert hook.ids == [str(delivery.pk)]
    assert now(world, delivery).state == "delivered"


def test_given_three_deliveries_of_one_owner_when_claimed_then_two_at_once_and_not_more(
    world: World, device: Device, hook: Hook
):
    for subject in ("a", "b", "c"):
        waiting(world, device, hook, subject=subject)
    theirs = {d.pk for d in deliveries(world.acme, hook.destination)}

    claimed = [claim.id for _ in range(4) if (claim := sending.claim_due())]

    assert len(claimed) == 2
    assert set(claimed) < theirs


# ---- again, later, never again


def test_when_a_receiver_fails_then_the_waits_follow_the_schedule(world: World, device: Device, hook: Hook):
    hook.answers = ["503 Busy"] * 20
    delivery = waiting(world, device, hook)

    for done in range(1, len(schedule.WAITS_S)):
        sent()
        found = now(world, delivery)
        wait_s = (found.run_at - timezone.now()).total_seconds()
        assert found.state == "ready"
        assert 0.79 * schedule.WAITS_S[done] - 1 < wait_s <= 1.2 * schedule.WAITS_S[done]
        make_due(world.acme)
    sent()

    assert (now(world, delivery).state, now(world, delivery).reason) == ("dead", "status_5xx")
    assert len(hook.received) == 10


def test_when_a_receiver_says_that_it_is_gone_then_the_destination_is_off_and_its_owner_hears_of_it(
    world: World, device: Device, hook: Hook
):
    hook.answers = ["410 Gone"]
    delivery = waiting(world, device, hook)

    sent()
    jobs.run_due("notice.webhook_failing")

    assert now(world, delivery).state == "dead"
    assert hook.now.disabled_at is not None
    assert any("nora@example.com" in message.to for message in mail.outbox)


def test_when_a_destination_has_failed_for_five_days_then_it_is_off_and_not_a_moment_before(
    world: World, device: Device, hook: Hook
):
    hook.answers = ["500 Broken"] * 3
    waiting(world, device, hook)
    sent()
    assert hook.now.failing_since is not None

    for failing_for, is_off in ((destinations.DISABLE_AFTER - timedelta(minutes=5), False), (timedelta(days=5), True)):
        hook.changes(failing_since=timezone.now() - failing_for - timedelta(seconds=1))
        make_due(world.acme)
        sent()
        assert (hook.now.disabled_at is not None) is is_off


def test_given_a_destination_that_failed_when_it_works_again_then_its_days_are_counted_anew(
    world: World, device: Device, hook: Hook
):
    hook.answers = ["500 Broken"]
    waiting(world, device, hook)
    sent()
    make_due(world.acme)

    sent()

    assert hook.now.failing_since is None


# ---- verification


@pytest.fixture
def unproved(world: World, grant: Grant) -> Iterator[Hook]:
    with hook_of(world.northwind, verified=False) as made:
        yield made


def test_given_a_new_webhook_when_an_alert_opens_then_it_gets_the_challenge_and_nothing_else(
    world: World, device: Device, unproved: Hook
):
    unproved.answers_challenges = False
    world.acme.raises(device)
    told()
    sent()

    assert [message["type"] for message in unproved.messages] == ["destination.verification"]
    assert unproved.now.verified_at is None
    assert deliveries(world.acme, unproved.destination) == []


def test_when_a_webhook_answers_the_challenge_then_it_gets_alerts_from_then_on(
    world: World, device: Device, unproved: Hook
):
    sent()
    assert unproved.now.verified_at is not None

    waiting(world, device, unproved)
    sent()

    assert [message["type"] for message in unproved.messages] == ["destination.verification", "alert.opened"]


def test_given_a_webhook_that_answers_with_success_alone_when_verified_then_it_is_not(world: World, unproved: Hook):
    unproved.answers_challenges = False

    sent()

    assert unproved.now.verified_at is None


# ---- once more, by hand


def test_when_a_delivery_is_replayed_then_it_goes_out_once_more_under_its_own_id(
    world: World, device: Device, hook: Hook
):
    delivery = waiting(world, device, hook)
    sent()
    with job(world.northwind.pk, world.acme.pk):
        assert sending.replay(now(world, delivery))

    sent()

    assert hook.ids == [str(delivery.pk)] * 2


def test_given_access_that_has_ended_when_a_delivery_is_replayed_then_nothing_goes_out(
    world: World, device: Device, grant: Grant, hook: Hook
):
    delivery = waiting(world, device, hook)
    sent()
    world.acme.revokes(grant)
    with job(world.northwind.pk, world.acme.pk):
        sending.replay(now(world, delivery))

    sent()

    assert (now(world, delivery).state, now(world, delivery).reason) == ("cancelled", "grant_ended")
    assert len([m for m in hook.messages if m["type"].startswith("alert.")]) == 1


def test_given_a_delivery_that_is_under_way_when_replayed_then_it_is_left_alone(
    world: World, device: Device, hook: Hook
):
    delivery = waiting(world, device, hook)

    with job(world.northwind.pk, world.acme.pk):
        assert not sending.replay(now(world, delivery))


def test_given_a_delivery_that_was_given_up_without_a_try_when_replayed_then_it_is_tried(
    world: World, device: Device, hook: Hook
):
    delivery = waiting(world, device, hook)
    for _ in range(sending.MOST_LOST):
        sending.claim_due()
        make_due(world.acme)
    sent()
    with job(world.northwind.pk, world.acme.pk):
        sending.replay(now(world, delivery))

    sent()

    assert now(world, delivery).state == "delivered"


def test_when_a_member_signs_in_with_another_address_then_alerts_go_there_and_no_longer_to_the_old_one(
    world: World, device: Device
):
    ada = world.acme.people["ada"]
    ada.email = "ada@elsewhere.example"
    ada.save(update_fields=["email"])
    email_changed.send(sender=User, request=None, user=ada, from_email_address=None, to_email_address=None)
    world.acme.raises(device)
    told()

    sent()

    addresses = {address for message in mail.outbox for address in message.to}
    assert ("ada@elsewhere.example" in addresses, "ada@example.com" in addresses) == (True, False)
    with job(world.acme.pk):
        assert Destination.objects.get(member=ada).address == "ada@elsewhere.example"
