"""Every fault is to be seen in the numbers, in time and where the handbook's detectors look for it."""

import pytest

from smartcare.simulator.hardware import Kind
from smartcare.simulator.repertoire import FAULTS

from .builders import DAY, HOUR, PRESENT, SEEDS, STEP, a_device, mean, median, times, values

by_seed = pytest.mark.parametrize("seed", SEEDS)


def day_of(days: float, step: float = 2 * STEP) -> list[float]:
    """The instants of 24 hours that end `days` after the present."""
    return list(times(PRESENT + (days - 1) * DAY, PRESENT + days * DAY, step))


@by_seed
def test_given_a_memory_leak_when_days_pass_then_used_memory_climbs_and_the_device_restarts_at_the_limit(seed: int):
    device = a_device("memory_leak", seed=seed)

    before, now, tomorrow = (median(values(device, "device.memory.utilization", day_of(days))) for days in (-1, 0, 1))
    crash = next(event for event in device.events(PRESENT, PRESENT + 4 * DAY) if event.text == "boot: oom")

    assert 0.05 < now - before < 0.09
    assert 0.05 < tomorrow - now < 0.09
    highest = max(values(device, "device.memory.utilization", times(crash.at - DAY, crash.at - 1)))
    assert 0.95 < highest <= 0.98
    assert values(device, "device.memory.utilization", [crash.at + 60])[0] < 0.6


@by_seed
def test_given_filling_flash_when_days_pass_then_it_is_full_within_four_days_and_cleared_later(seed: int):
    device = a_device("flash_fill", Kind.SWITCH, seed=seed)
    limit = values(device, "fs.limit", [PRESENT])[0]

    now = values(device, "fs.usage", [PRESENT])[0] / limit
    later = [used / limit for used in values(device, "fs.usage", times(PRESENT, PRESENT + 6 * DAY, HOUR))]

    assert 0.75 < now < 0.92
    assert max(later[: 4 * 24]) >= 0.99
    assert min(later) < 0.6


@by_seed
def test_given_a_loose_plug_when_a_day_has_passed_then_the_port_went_down_often_and_ever_more(seed: int):
    device = a_device("flapping", Kind.SWITCH, seed=seed)
    port = device.ports[1].port.instance

    quiet, half, full = values(device, "if.flaps", (PRESENT - DAY, PRESENT - 11 * HOUR, PRESENT), instance=port)
    downs = [event for event in device.events(PRESENT - DAY, PRESENT) if event.text.endswith("to down")]

    assert quiet == 0
    assert half >= 4
    assert full - half > half
    assert len(downs) == full
    assert {event.component for event in downs} == {port}


@by_seed
def test_given_a_corroding_cable_when_it_is_measured_then_its_error_ratio_is_far_above_its_past(seed: int):
    device = a_device("link_errors", Kind.SWITCH, seed=seed)
    port = device.ports[1].port.instance

    def ratio(start: float, end: float) -> float:
        errors = values(device, "if.errors", (start, end), instance=port, dir="rx")
        frames = values(device, "if.packets", (start, end), instance=port, dir="rx")
        return (errors[1] - errors[0]) / (frames[1] - frames[0])

    assert ratio(PRESENT - 10 * DAY, PRESENT - 3 * DAY) < 1e-8
    assert ratio(PRESENT - DAY, PRESENT) > 5e-7
    assert ratio(PRESENT, PRESENT + DAY) > 3 * ratio(PRESENT - DAY, PRESENT)


def test_given_a_duplex_mismatch_when_it_is_busy_then_errors_follow_the_load_and_the_change_is_logged():
    device = a_device("duplex_mismatch", Kind.SWITCH)
    port, midnight = device.ports[1].port.instance, device.site.midnight(PRESENT)

    def ratio(start: float) -> float:
        errors = values(device, "if.errors", (start, start + HOUR), instance=port, dir="rx")
        frames = values(device, "if.packets", (start, start + HOUR), instance=port, dir="rx")
        return (errors[1] - errors[0]) / (frames[1] - frames[0])

    assert ratio(midnight + 10 * HOUR) > 10 * ratio(midnight + 3 * HOUR) > 0
    texts = [event.text for event in device.events(PRESENT - 2 * DAY, PRESENT)]
    assert texts == ["config: speed/duplex changed"]


@by_seed
def test_given_a_dying_fan_when_days_pass_then_it_slows_wobbles_and_stands_still(seed: int):
    device = a_device("fan_wear", seed=seed)

    sound, now = (values(device, "fan.speed", day_of(days)) for days in (-5, 0))
    stall = device.events(PRESENT, PRESENT + 8 * DAY)[0]

    assert median(now) < 0.9 * median(sound)
    assert spread(now) > 2 * spread(sound)
    assert stall.code == "PLATFORM_ENV-1-FAN"
    assert values(device, "fan.speed", [stall.at + 1]) == [0]
    assert str(state(device, "fan.status", stall.at + 1)) == "failed"


def spread(numbers: list[float]) -> float:
    """Deviation between neighbours: what slow changes leave out."""
    steps = [later - earlier for earlier, later in zip(numbers, numbers[1:], strict=False)]
    return mean([abs(step) for step in steps])


def state(device, metric: str, t: float) -> str:
    return next(sample.value for sample in device.samples(t) if sample.metric == metric)


@by_seed
def test_given_dust_when_days_pass_then_it_gets_hotter_until_the_critical_value(seed: int):
    device = a_device("temp_creep", seed=seed)

    past, now = (max(values(device, "sensor.temperature", day_of(days))) for days in (-8, 0))
    later = values(device, "sensor.temperature", times(PRESENT, PRESENT + 12 * DAY, HOUR))

    assert now - past > 8
    assert now < 78 <= max(later)


@by_seed
def test_given_fading_light_when_days_pass_then_received_power_falls_towards_the_sensitivity(seed: int):
    device = a_device("optics_decay", seed=seed)

    past, now, later = (median(values(device, "optic.power", day_of(days), dir="rx")) for days in (-14, 0, 14))
    sent = median(values(device, "optic.power", day_of(0), dir="tx"))

    assert now < past - 2
    assert later < past - 9
    assert sent == pytest.approx(-2.1, abs=0.1)


@by_seed
def test_given_a_drying_capacitor_when_days_pass_then_the_rail_sags_and_ripples(seed: int):
    device = a_device("psu_degrade", seed=seed)

    past, now, later = (values(device, "sensor.voltage", day_of(days)) for days in (-8, 1, 8))

    assert median(now) < min(median(past) - 0.12, 11.9)
    assert spread(now) > 2 * spread(past)
    assert median(later) < 11.4


@by_seed
def test_given_more_and_more_powered_devices_when_days_pass_then_the_draw_nears_the_budget(seed: int):
    device = a_device("poe_budget", seed=seed)
    budget = values(device, "poe.limit", [PRESENT])[0]

    past, now = (median(values(device, "poe.usage", day_of(days))) for days in (-14, 0))
    later = max(values(device, "poe.usage", times(PRESENT, PRESENT + 12 * DAY, HOUR)))

    assert past < 0.35 * budget
    assert 0.55 * budget < now < budget
    assert later == pytest.approx(budget, rel=0.02)


@by_seed
def test_given_a_reboot_loop_when_a_day_has_passed_then_it_crashed_often_and_ever_sooner(seed: int):
    device = a_device("reboot_loop", Kind.ACCESS_POINT, seed=seed)

    crashes = [event.at for event in device.events(PRESENT - DAY, PRESENT) if event.text == "boot: crash"]
    gaps = [later - earlier for earlier, later in zip(crashes, crashes[1:], strict=False)]

    assert crashes[1] < PRESENT - 12 * HOUR
    assert gaps[-1] < 0.5 * gaps[0]
    assert values(device, "device.uptime", [PRESENT])[0] < 2 * HOUR


@by_seed
def test_given_a_degrading_line_when_days_pass_then_loss_and_round_trip_grow(seed: int):
    device = a_device("wan_degrade", seed=seed)

    past, now, later = (mean(values(device, "icmp.loss", day_of(days))) for days in (-5, 0, 3))
    slow = median(values(device, "icmp.rtt", day_of(3))) / median(values(device, "icmp.rtt", day_of(-5)))

    assert past < 0.0005
    assert now > max(0.0025, 5 * past)
    assert later > 2 * now
    assert slow > 1.4


@by_seed
def test_given_growing_traffic_when_weeks_pass_then_the_uplink_comes_close_to_full(seed: int):
    device = a_device("uplink_saturation", seed=seed)
    port = device.ports[0].port

    def peak(days: float) -> float:
        carried = values(device, "if.io", day_of(days, STEP), instance=port.instance, dir="rx")
        loads = sorted((b - a) * 8 / STEP / port.speed_bps for a, b in zip(carried, carried[1:], strict=False))
        return loads[int(0.95 * len(loads))]

    assert peak(0) > 1.5 * peak(-35)
    assert 0.35 < peak(0) < peak(28) < 1


def test_given_sudden_silence_when_it_has_come_then_the_device_never_reports_again():
    device = a_device("silent", Kind.ACCESS_POINT)

    assert PRESENT - DAY < device.ends_at < PRESENT
    assert device.reports_at(device.ends_at - 1)
    assert not any(device.reports_at(t) for t in times(device.ends_at, PRESENT + 10 * DAY, HOUR))


def test_when_the_faults_are_counted_then_each_one_is_tested_here():
    told = " ".join(name for name in globals() if name.startswith("test_"))
    words = {
        "memory_leak": "memory_leak",
        "flash_fill": "filling_flash",
        "flapping": "loose_plug",
        "link_errors": "corroding_cable",
        "duplex_mismatch": "duplex_mismatch",
        "fan_wear": "dying_fan",
        "temp_creep": "dust",
        "optics_decay": "fading_light",
        "psu_degrade": "drying_capacitor",
        "poe_budget": "powered_devices",
        "reboot_loop": "reboot_loop",
        "wan_degrade": "degrading_line",
        "uplink_saturation": "growing_traffic",
        "silent": "sudden_silence",
    }
    assert set(words) == set(FAULTS)
    assert all(word in told for word in words.values())
