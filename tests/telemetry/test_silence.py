"""The dead-man's switch: who has stopped reporting is noticed by the clock, once, and it ends when they are heard again."""

from datetime import timedelta

import pytest
from django.utils import timezone

from access.principal import job
from telemetry import silence
from telemetry.models import Alert, Device, DeviceHealth, Maintenance, SilenceMemory
from tests.cast import Customer, World
from tests.telemetry.ingest.senders import cpu
from tests.telemetry.watching import Reporter, analysed, elsewhere

INTERVAL_S = 300  # what the reports of these tests promise
LONG_ENOUGH_S = 3 * INTERVAL_S + 10
SILENT = ("device_silent", "", True)


@pytest.fixture
def switch(world: World) -> Reporter:
    return heard(Reporter.at(world.acme, "hq", "switch"))


def heard(reporter: Reporter) -> Reporter:
    reporter.says(cpu())
    analysed()
    return reporter


def round_after(customer: Customer, seconds: float) -> int:
    """One round of the switch, so long after now. Returns how many devices are silent."""
    return silence.sweep_customer(customer.pk, now=timezone.now().timestamp() + seconds)


def fall_silent(customer: Customer, seconds: float = LONG_ENOUGH_S) -> int:
    """Two rounds in time, as the scheduler makes them: what rests in the first is looked at again in the second."""
    round_after(customer, seconds - 30)
    return round_after(customer, seconds)


def backdate(reporter: Reporter) -> None:
    """Its last report was two hours ago."""
    with job(reporter.customer.pk):
        DeviceHealth.unscoped.filter(device=reporter.device.pk).update(last_seen_at=timezone.now() - timedelta(hours=2))


def sites_down(customer: Customer) -> list[tuple[str, bool]]:
    """(device that carries it, open) of each alert about a whole site."""
    with job(customer.pk):
        found = Alert.unscoped.filter(rule="site_down").order_by("opened_at").select_related("device")
        return [(alert.device.label, alert.resolved_at is None) for alert in found]


def test_when_a_device_reports_as_promised_then_nobody_is_told(switch: Reporter):
    assert round_after(switch.customer, INTERVAL_S) == 0
    assert round_after(switch.customer, 2 * INTERVAL_S) == 0
    assert switch.alerts() == []


def test_when_three_reports_are_missing_then_the_device_is_silent_and_that_is_told_once(switch: Reporter):
    assert fall_silent(switch.customer) == 1
    assert round_after(switch.customer, LONG_ENOUGH_S + 60) == 1

    assert switch.alerts() == [SILENT]
    assert (switch.transitions(), switch.told()) == (["opened"], 1)
    assert switch.health.reasons


def test_when_the_device_is_heard_again_then_its_silence_ends_and_that_is_told(switch: Reporter):
    fall_silent(switch.customer)
    switch.says(cpu())

    assert round_after(switch.customer, 10) == 0

    assert switch.alerts() == [(*SILENT[:2], False)]
    assert switch.transitions() == ["opened", "resolved"]


def test_given_a_report_that_waits_for_analysis_when_looked_at_then_its_device_was_heard(switch: Reporter):
    backdate(switch)
    assert round_after(switch.customer, 0) == 1
    switch.says(cpu())

    assert round_after(switch.customer, 0) == 0


def test_when_a_device_falls_silent_again_then_its_alert_is_opened_again(switch: Reporter):
    fall_silent(switch.customer)
    heard(switch)
    round_after(switch.customer, 10)

    assert fall_silent(switch.customer) == 1

    assert switch.alerts() == [SILENT]
    assert switch.transitions() == ["opened", "resolved", "reopened"]


def test_given_a_device_that_was_never_heard_when_looked_at_then_it_is_not_silent(world: World):
    world.acme.installs("spare", site="hq")

    assert round_after(world.acme, 30 * LONG_ENOUGH_S) == 0


def test_when_most_of_a_site_is_silent_then_it_is_one_alert_and_not_one_for_each_device(world: World):
    members = [heard(Reporter.at(world.acme, "hq", f"ap-{n}")) for n in range(3)]
    elsewhere_in_acme = heard(Reporter.at(world.acme, "branch", "lone"))

    assert fall_silent(world.acme) == 1

    assert [open for _, open in sites_down(world.acme)] == [True]
    assert elsewhere_in_acme.alerts() == [SILENT]
    assert sum(rule == "device_silent" for member in members for rule, _, _ in member.alerts()) == 0


def test_when_a_site_that_was_down_reports_again_then_its_alert_ends(world: World):
    members = [heard(Reporter.at(world.acme, "hq", f"ap-{n}")) for n in range(3)]
    fall_silent(world.acme)
    for member in members:
        member.says(cpu())

    round_after(world.acme, 10)

    assert [open for _, open in sites_down(world.acme)] == [False]


def test_given_maintenance_when_its_device_is_silent_then_nobody_is_told(switch: Reporter):
    with job(switch.customer.pk):
        Maintenance.unscoped.create(
            customer_id=switch.customer.pk,
            site=switch.device.site,
            device=switch.device,
            starts_at=timezone.now() - timedelta(hours=1),
            ends_at=timezone.now() + timedelta(hours=1),
        )

    assert fall_silent(switch.customer) == 0

    with job(switch.customer.pk):
        Maintenance.unscoped.update(ends_at=timezone.now() - timedelta(seconds=1))

    assert round_after(switch.customer, LONG_ENOUGH_S) == 1


def test_when_a_round_ends_then_what_it_knows_is_kept_for_the_next(switch: Reporter):
    fall_silent(switch.customer)

    with job(switch.customer.pk):
        memory = SilenceMemory.objects.get(customer=switch.customer.pk).memory
    assert list(memory["raised"]) == [str(switch.device.pk)]


def test_given_a_round_under_way_when_another_begins_then_it_leaves_the_customer_alone(lasting_world: World):
    switch = heard(Reporter.at(lasting_world.acme, "hq", "switch"))
    round_after(switch.customer, 0)

    with job(switch.customer.pk):
        SilenceMemory.objects.select_for_update().get(customer=switch.customer.pk)
        assert elsewhere(lambda: fall_silent(switch.customer)) == 0

    assert switch.alerts() == []
    assert fall_silent(switch.customer) == 1


def test_given_a_retired_device_when_it_says_nothing_then_nobody_is_told(switch: Reporter):
    with job(switch.customer.pk):
        Device.unscoped.filter(pk=switch.device.pk).update(retired_at=timezone.now())

    assert fall_silent(switch.customer) == 0


def test_when_one_customer_is_looked_at_then_no_other_is_touched(world: World, switch: Reporter):
    other = heard(Reporter.at(world.globex, "plant", "router"))

    assert fall_silent(world.acme) == 1

    assert other.alerts() == []


def test_when_the_round_goes_over_all_then_each_customer_with_devices_is_looked_at(world: World, switch: Reporter):
    other = heard(Reporter.at(world.globex, "plant", "router"))
    for reporter in (switch, other):
        backdate(reporter)

    assert silence.sweep() == 2

    assert switch.alerts() == other.alerts() == [SILENT]


def test_given_a_row_that_fails_when_one_customer_is_looked_at_then_the_others_still_are(
    world: World, switch: Reporter
):
    other = heard(Reporter.at(world.globex, "plant", "router"))
    for reporter in (switch, other):
        backdate(reporter)
    first, second = sorted((switch, other), key=lambda reporter: reporter.customer.pk)
    broken = first.customer.raises(first.device, rule="memory_exhaustion")
    with job(first.customer.pk):
        type(broken).unscoped.filter(pk=broken.pk).update(severity=9)

    silence.sweep()

    assert second.alerts() == [SILENT]
