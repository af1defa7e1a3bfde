"""From a change of an alert to deliveries: one for each destination of those who may be told, then and now."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from access.models import Category, Grant, Organization, OrganizationStatus
from access.principal import acting, job
from partners import destinations
from partners.forwarding import planner
from partners.models import Delivery, Destination
from telemetry import alerting
from telemetry.models import Alert, AlertTransition, Device, Severity
from tests.cast import CONTRACTS, HEALTH, INVENTORY, World
from tests.partners.hooks import deliveries, hook_of, sent, told


@pytest.fixture(autouse=True)
def _loopback(settings: Any) -> None:
    settings.EGRESS_ALLOW = ["127.0.0.1"]


@pytest.fixture
def device(world: World) -> Device:
    return world.acme.installs("core", site="hq")


@pytest.fixture
def grant(world: World) -> Grant:
    return world.acme.shares("hq", with_=world.northwind, categories={HEALTH}, forward_alerts=True)


def owners(world: World, **where: object) -> list[str]:
    return sorted(delivery.owner.name for delivery in deliveries(world.acme, **where))


# ---- who is told


def test_when_an_alert_opens_then_the_customer_itself_is_told_without_any_grant(world: World, device: Device):
    world.acme.raises(device)

    assert told() == 1

    assert owners(world) == ["Acme"]


def test_given_a_grant_that_forwards_when_an_alert_opens_then_that_partner_is_told_and_no_other(
    world: World, device: Device, grant: Grant
):
    world.acme.raises(device)
    told()

    assert owners(world) == ["Acme", "Northwind"]
    [theirs] = deliveries(world.acme, grant=grant.pk)
    assert (theirs.event, theirs.site_id, theirs.grant_generation) == ("alert.opened", device.site_id, grant.generation)


@pytest.mark.parametrize(
    ("categories", "forward"), [({HEALTH}, False), ({INVENTORY}, False), ({CONTRACTS, INVENTORY}, False)]
)
def test_given_a_grant_that_does_not_forward_when_an_alert_opens_then_its_partner_is_not_told(
    world: World, device: Device, categories: set[Category], forward: bool
):
    world.acme.shares("hq", with_=world.northwind, categories=categories, forward_alerts=forward)
    world.acme.raises(device)
    told()

    assert owners(world) == ["Acme"]


def test_given_a_grant_at_another_site_when_an_alert_opens_then_its_partner_is_not_told(world: World, device: Device):
    world.acme.shares("branch", with_=world.northwind, categories={HEALTH}, forward_alerts=True)
    world.acme.raises(device)
    told()

    assert owners(world) == ["Acme"]


def test_given_an_alert_that_is_older_than_the_grant_when_planned_then_the_partner_is_not_told_of_it(
    world: World, device: Device
):
    world.acme.raises(device)
    world.acme.shares("hq", with_=world.northwind, categories={HEALTH}, forward_alerts=True)
    told()

    assert owners(world) == ["Acme"]


def test_given_an_alert_that_is_older_than_the_grant_when_it_ends_then_the_partner_is_told_that(
    world: World, device: Device
):
    alert = world.acme.raises(device)
    told()
    world.acme.shares("hq", with_=world.northwind, categories={HEALTH}, forward_alerts=True)
    resolve(world, alert)
    told()

    assert owners(world, event="alert.resolved") == ["Acme", "Northwind"]


def test_given_forwarding_that_was_switched_on_later_when_planned_then_only_what_came_after_it_is_told(
    world: World, device: Device
):
    grant = world.acme.shares("hq", with_=world.northwind, categories={HEALTH})
    world.acme.raises(device, subject="before")
    world.acme.changes(grant, forward_alerts=True)
    world.acme.raises(device, subject="after")
    told()

    assert owners(world) == ["Acme", "Acme", "Northwind"]


@pytest.mark.parametrize("end", ["revokes", "lets_expire"])
def test_given_a_grant_that_has_ended_when_an_alert_from_before_is_planned_then_its_partner_is_not_told(
    world: World, device: Device, grant: Grant, end: str
):
    world.acme.raises(device)
    getattr(world.acme, end)(grant)
    told()

    assert owners(world) == ["Acme"]


def test_given_a_suspended_partner_when_an_alert_opens_then_it_is_not_told(world: World, device: Device, grant: Grant):
    with job(world.northwind.pk):
        assert Organization.objects.filter(pk=world.northwind.pk).update(status=OrganizationStatus.SUSPENDED)
    world.acme.raises(device)
    told()

    assert owners(world) == ["Acme"]


# ---- where and what


def test_when_a_destination_wants_grave_alerts_alone_then_lesser_ones_are_not_planned_for_it(
    world: World, device: Device, grant: Grant
):
    with job(world.northwind.pk):
        Destination.objects.filter(owner=world.northwind.pk).update(minimum_severity=Severity.CRITICAL)
    world.acme.raises(device, subject="lesser", severity="major")
    world.acme.raises(device, subject="grave", severity="critical")
    told()

    assert owners(world) == ["Acme", "Acme", "Northwind"]


def test_given_an_alert_that_was_told_when_it_lowers_and_ends_then_that_is_told_too(
    world: World, device: Device, grant: Grant
):
    with job(world.northwind.pk):
        Destination.objects.filter(owner=world.northwind.pk).update(minimum_severity=Severity.MAJOR)
    world.acme.raises(device, severity="major")
    alert = world.acme.raises(device, severity="warning")
    resolve(world, alert)
    told()

    assert [d.event for d in deliveries(world.acme, grant=grant.pk)] == ["alert.opened", "alert.resolved"]


@pytest.mark.parametrize(
    "unusable",
    [
        {"enabled": False},
        {"verified_at": None},
        {"disabled_at": timezone.now()},
        {"removed_at": timezone.now()},
    ],
)
def test_given_a_destination_that_is_off_when_an_alert_opens_then_nothing_is_planned_for_it(
    world: World, device: Device, unusable: dict[str, object]
):
    with job(world.acme.pk):
        Destination.objects.filter(owner=world.acme.pk).update(**unusable)
    world.acme.raises(device)
    told()

    assert owners(world) == []


def test_when_somebody_takes_or_sees_an_alert_then_nobody_is_told(world: World, device: Device):
    alert = world.acme.raises(device)
    told()
    ada = world.acme.viewer()
    with acting(ada):
        alerting.claim(alert, by=ada)
        alerting.snooze(alert, until=timezone.now() + timedelta(days=1), by=ada)

    assert told() == 2  # both looked at, and neither worth a telling

    assert [d.event for d in deliveries(world.acme)] == ["alert.opened"]


def test_given_an_alert_that_another_explains_when_it_opens_then_nobody_is_told(world: World, device: Device):
    cause = world.acme.raises(device, subject="cause")
    told()
    alert = world.acme.raises(device, subject="effect")
    with job(world.acme.pk):
        Alert.unscoped.filter(pk=alert.pk).update(explained_by=cause)
    told()

    assert len(deliveries(world.acme)) == 1


def test_when_a_change_is_planned_twice_then_each_destination_has_one_delivery(
    world: World, device: Device, grant: Grant
):
    world.acme.raises(device)
    told()
    with job(world.acme.pk):
        transition = AlertTransition.unscoped.select_related("alert").get()
        planner.plan(transition)

    assert owners(world) == ["Acme", "Northwind"]


# ---- what a change of the grant does to what waits


def test_when_a_grant_is_stopped_then_what_waits_under_it_is_cancelled_and_the_customers_own_is_not(
    world: World, device: Device, grant: Grant
):
    world.acme.raises(device)
    told()

    revoked = world.acme.revokes(grant)

    assert {(d.owner.name, d.state, d.reason) for d in deliveries(world.acme)} == {
        ("Acme", "ready", ""),
        ("Northwind", "cancelled", "grant_ended"),
    }
    assert revoked.cancelled_deliveries == 1


def test_when_a_grant_is_narrowed_but_covers_it_still_then_what_waits_goes_on(world: World, device: Device):
    wide = world.acme.shares("hq", with_=world.northwind, categories={HEALTH, INVENTORY}, forward_alerts=True)
    world.acme.raises(device)
    told()

    narrowed = world.acme.changes(wide, categories=frozenset({HEALTH}))

    [theirs] = deliveries(world.acme, grant=wide.pk)
    assert narrowed.generation == wide.generation + 1
    assert (theirs.state, theirs.grant_generation) == ("ready", narrowed.generation)


@pytest.mark.parametrize(
    "less", [{"forward_alerts": False}, {"categories": frozenset({INVENTORY}), "forward_alerts": False}]
)
def test_when_a_grant_is_narrowed_to_less_then_what_waits_is_cancelled(
    world: World, device: Device, less: dict[str, object]
):
    wide = world.acme.shares("hq", with_=world.northwind, categories={HEALTH, INVENTORY}, forward_alerts=True)
    world.acme.raises(device)
    told()

    world.acme.changes(wide, **less)

    [theirs] = deliveries(world.acme, grant=wide.pk)
    assert (theirs.state, theirs.reason) == ("cancelled", "grant_changed")


def test_when_a_grant_is_extended_then_what_waits_is_untouched(world: World, device: Device, grant: Grant):
    world.acme.raises(device)
    told()

    extended = world.acme.changes(grant, expires_at=grant.expires_at + timedelta(days=30))

    [theirs] = deliveries(world.acme, grant=grant.pk)
    assert (theirs.state, theirs.grant_generation) == ("ready", extended.generation)


def test_given_access_given_anew_after_its_end_when_something_waited_then_it_stays_cancelled(
    world: World, device: Device, grant: Grant
):
    world.acme.raises(device)
    told()
    world.acme.revokes(grant)
    world.acme.shares("hq", with_=world.northwind, categories={HEALTH}, forward_alerts=True)
    told()
    sent()

    assert {d.state for d in deliveries(world.acme) if d.owner.name == "Northwind"} == {"cancelled"}


def test_when_a_member_leaves_then_mail_to_it_is_planned_no_more(world: World, device: Device, grant: Grant):
    nora = world.northwind.viewer()
    nils = world.northwind.people["nils"]

    with acting(nora):
        destinations.add_email(owner=world.northwind.organization, member=nils, name="Nils", by=nora)
    world.northwind.loses("nils")
    world.acme.raises(device)
    told()

    with job(world.acme.pk, world.northwind.pk):
        addresses = Delivery.objects.filter(subject="alert").values_list("destination__email", flat=True)
        assert set(addresses) == {"ada@example.com", "nora@example.com"}


def resolve(world: World, alert: Alert) -> None:
    ada = world.acme.viewer()
    with acting(ada):
        alerting.resolve(alert, by=ada)


# ---- access itself


def test_when_access_is_given_and_stopped_then_the_webhooks_of_both_parties_hear_of_it(world: World):
    with hook_of(world.northwind) as theirs, hook_of(world.acme) as own, hook_of(world.rival) as strangers:
        grant = world.acme.shares("hq", with_=world.northwind, categories={HEALTH})
        world.acme.revokes(grant)
        for _ in range(2):
            sent()

        heard = [[message["type"] for message in hook.messages] for hook in (theirs, own, strangers)]
        assert [sorted(types) for types in heard] == [["access.granted", "access.revoked"]] * 2 + [[]]
