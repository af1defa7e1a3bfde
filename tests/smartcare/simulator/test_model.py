"""What every simulated device has in common, whatever happens to it."""

import json
from collections import defaultdict

import pytest

from smartcare.simulator.hardware import Kind
from smartcare.simulator.model import Device
from smartcare.simulator.repertoire import STORIES
from smartcare.simulator.sample import Sample

from .builders import DAY, HOUR, PRESENT, STEP, a_device, mean, times, values

GAUGES_WITHIN = {
    "device.cpu.utilization": (0, 1),
    "device.memory.utilization": (0, 1),
    "icmp.loss": (0, 1),
    "icmp.rtt": (0, 1),
    "sensor.temperature": (10, 90),
    "sensor.voltage": (10, 13),
    "fan.speed": (0, 9_000),
    "optic.power": (-30, 0),
    "wifi.channel_utilization": (0, 1),
    "wifi.clients": (0, 100),
}


def series(sample: Sample) -> tuple[str, str, str]:
    return sample.metric, sample.instance, json.dumps(dict(sample.labels or {}), sort_keys=True)


@pytest.mark.parametrize("story", STORIES)
def test_given_two_equal_devices_when_asked_in_another_order_then_they_answer_the_same(story: str):
    forwards, backwards = a_device(story), a_device(story)
    moments = list(times(PRESENT - 3 * DAY, PRESENT + DAY, 7 * HOUR))

    first = [forwards.samples(t) for t in moments]
    second = [backwards.samples(t) for t in reversed(moments)][::-1]

    assert first == second
    assert forwards.events(moments[0], moments[-1]) == backwards.events(moments[0], moments[-1])


def test_given_another_seed_when_asked_then_the_device_lives_another_life():
    one, other = a_device(seed=7), a_device(seed=8)

    assert one.samples(PRESENT) != other.samples(PRESENT)


@pytest.mark.parametrize("story", STORIES)
def test_when_a_device_runs_then_counters_fall_only_at_a_boot(story: str):
    device = a_device(story)
    newest: dict[tuple[str, str, str], float] = defaultdict(float)
    boot = device.boot(PRESENT - 2 * DAY)

    for t in times(PRESENT - 2 * DAY, PRESENT + 4 * DAY, 2 * STEP):
        restarted, boot = device.boot(t) != boot, device.boot(t)
        for sample in device.samples(t):
            if sample.counter:
                assert float(sample.value) >= (0 if restarted else newest[series(sample)]), (sample, t)
                newest[series(sample)] = float(sample.value)


@pytest.mark.parametrize("story", STORIES)
def test_when_a_device_runs_then_no_port_carries_more_than_its_speed(story: str):
    device = a_device(story)
    port = device.ports[0]

    before = device.samples(PRESENT - DAY)
    for t in times(PRESENT - DAY + STEP, PRESENT + DAY, STEP):
        now = device.samples(t)
        if device.boot(t) == device.boot(t - STEP):
            grown = octets(now, port.port.instance) - octets(before, port.port.instance)
            assert grown * 8 / STEP <= 1.02 * port.port.speed_bps
        before = now


def octets(samples: list[Sample], port: str) -> float:
    return max(float(sample.value) for sample in samples if sample.metric == "if.io" and sample.instance == port)


@pytest.mark.parametrize("story", STORIES)
def test_when_a_device_runs_then_every_gauge_stays_possible(story: str):
    device = a_device(story)

    for t in times(PRESENT - 2 * DAY, PRESENT + 10 * DAY, 3 * HOUR):
        for sample in device.samples(t):
            low, high = GAUGES_WITHIN.get(sample.metric, (None, None))
            if low is not None and high is not None:
                assert low <= float(sample.value) <= high, (sample, t)


@pytest.mark.parametrize("kind", Kind)
def test_when_a_device_is_asked_then_it_names_each_series_once_and_always_the_same_ones(kind: Kind):
    device = a_device(kind=kind)

    names = [series(sample) for sample in device.samples(PRESENT)]

    assert len(names) == len(set(names))
    assert names == [series(sample) for sample in device.samples(PRESENT - 5 * DAY)]


@pytest.mark.parametrize("kind", Kind)
def test_when_a_device_is_asked_then_every_instance_is_in_its_inventory(kind: Kind):
    device = a_device(kind=kind)

    known = {part["id"] for part in device.inventory(PRESENT)["components"]}

    assert {sample.instance for sample in device.samples(PRESENT)} - {""} <= known


def test_given_office_hours_when_compared_with_the_night_then_the_uplink_is_busier():
    device = a_device(kind=Kind.EDGE)
    midnight = device.site.midnight(PRESENT)

    def carried(start: float) -> float:
        first, last = values(device, "if.io", (start, start + HOUR), instance="if/wan1", dir="rx")
        return last - first

    assert carried(midnight + 10 * HOUR) > 4 * carried(midnight + 2 * HOUR)


def test_given_a_healthy_device_when_two_days_pass_then_uptime_grows_with_the_clock():
    device = a_device()

    uptimes = values(device, "device.uptime", (PRESENT - DAY, PRESENT + DAY))

    assert uptimes[1] - uptimes[0] == pytest.approx(2 * DAY)
    assert uptimes[0] > 50 * DAY


def test_given_a_boot_when_caches_are_cold_then_memory_starts_lower_and_returns():
    device = a_device("firmware_reboot")
    boot = device.boot(PRESENT).at

    right_after, later = (
        mean(values(device, "device.memory.utilization", times(boot + a, boot + a + HOUR))) for a in (0, 16 * HOUR)
    )

    assert later - right_after > 0.01


def test_when_a_device_boots_then_it_does_not_report_meanwhile():
    device = a_device("firmware_reboot")
    boot = device.boot(PRESENT)

    assert not device.reports_at(boot.at - 10)
    assert device.reports_at(boot.at)
    assert device.reports_at(boot.at - boot.down_s - 1)


def test_when_events_are_asked_in_pieces_then_each_comes_exactly_once():
    device = a_device("flapping", Kind.SWITCH)
    start, end = PRESENT - DAY, PRESENT

    whole = device.events(start, end)
    pieces = [event for t in times(start, end - 100, 100) for event in device.events(t, min(end, t + 100))]

    assert whole == pieces
    assert len(whole) > 10


def test_given_two_devices_of_one_story_when_compared_then_they_do_not_fail_alike():
    one, other = a_device("memory_leak", name="fw-1"), a_device("memory_leak", name="fw-2")

    assert device_crash(one) != device_crash(other)


def device_crash(device: Device) -> float:
    coming = device.events(PRESENT, PRESENT + 10 * DAY)
    return next(event.at for event in coming if event.text == "boot: oom")
