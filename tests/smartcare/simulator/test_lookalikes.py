"""Harmless lives stay below every limit a fault would reach."""

import pytest

from smartcare.simulator.hardware import Kind
from smartcare.simulator.plan import DeviceSpec, build
from smartcare.simulator.repertoire import LOOKALIKES

from .builders import DAY, HOUR, PRESENT, SEEDS, STEP, a_device, median, the, times, values

by_seed = pytest.mark.parametrize("seed", SEEDS)


@by_seed
@pytest.mark.parametrize("story", ["healthy", *LOOKALIKES])
def test_given_a_harmless_life_when_two_weeks_pass_then_no_limit_is_crossed(story: str, seed: int):
    device = a_device(story, seed=seed)

    for t in times(PRESENT - 7 * DAY, PRESENT + 7 * DAY, 2 * HOUR):
        samples = device.samples(t)
        assert the(samples, "device.memory.utilization").value < 0.9
        assert the(samples, "fs.usage").value < 0.75 * the(samples, "fs.limit").value
        assert the(samples, "sensor.temperature").value < 65
        assert the(samples, "icmp.loss").value < 0.02
        bad = {sample.metric: sample.value for sample in samples if sample.value in ("failed", "warning", "faulty")}
        assert not bad


@by_seed
@pytest.mark.parametrize("story", ["healthy", *LOOKALIKES])
def test_given_a_harmless_life_when_two_weeks_pass_then_nothing_crashes_or_flaps(story: str, seed: int):
    device = a_device(story, seed=seed)

    texts = [event.text for event in device.events(PRESENT - 7 * DAY, PRESENT + 7 * DAY)]

    assert not {"boot: crash", "boot: oom"} & set(texts)
    assert sum(text.endswith("to down") for text in texts) <= 1


def test_given_a_nightly_backup_when_it_runs_then_the_uplink_is_nearly_full_for_an_hour_or_two():
    device = a_device("nightly_backup")
    port, midnight = device.ports[0].port, device.site.midnight(PRESENT) + DAY

    carried = values(device, "if.io", times(midnight, midnight + 6 * HOUR), instance=port.instance, dir="rx")
    loads = [(b - a) * 8 / STEP / port.speed_bps for a, b in zip(carried, carried[1:], strict=False)]

    assert 9 <= sum(load > 0.8 for load in loads) <= 24
    assert max(loads) < 1


def test_given_log_rotation_when_days_pass_then_the_flash_falls_back_again_and_again():
    device = a_device("log_rotation", Kind.SWITCH)
    limit = values(device, "fs.limit", [PRESENT])[0]

    used = [x / limit for x in values(device, "fs.usage", times(PRESENT, PRESENT + 6 * DAY, HOUR))]

    assert sum(b < a - 0.04 for a, b in zip(used, used[1:], strict=False)) >= 4
    assert max(used) - min(used) < 0.12


def test_given_a_firmware_upgrade_when_it_is_done_then_one_planned_restart_and_the_new_version_are_seen():
    device = a_device("firmware_reboot")

    texts = [event.text for event in device.events(PRESENT - 3 * DAY, PRESENT)]

    assert texts == ["Reload requested: firmware upgrade", "boot: firmware"]
    assert device.software(PRESENT) != device.software(PRESENT - 3 * DAY)


def test_given_a_pulled_cable_when_it_is_back_then_one_flap_and_a_burst_of_errors_remain():
    device = a_device("pulled_cable", Kind.SWITCH)
    port = device.ports[1].port.instance
    day = (PRESENT - DAY, PRESENT)

    flaps = values(device, "if.flaps", day, instance=port)
    errors = values(device, "if.errors", day, instance=port, dir="rx")
    down = next(event.at for event in device.events(*day) if event.text.endswith("to down"))

    assert flaps[1] - flaps[0] == 1
    assert 60 <= errors[1] - errors[0] <= 65
    states = {the(device.samples(t), "if.oper_status", instance=port).value for t in times(*day)}
    assert states == {"up", "down"}
    carried = values(device, "if.io", (down + 1, down + 299), instance=port, dir="rx")
    assert carried[0] == carried[1]


def test_given_a_socket_timer_when_a_day_passes_then_the_nights_are_silent_and_announced():
    device = a_device("night_power_off")
    midnight = device.site.midnight(PRESENT)

    on = [device.site.hour(t) for t in times(midnight, midnight + DAY) if device.reports_at(t)]
    texts = [event.text for event in device.events(midnight, midnight + DAY)]

    assert min(on) >= 6.5
    assert max(on) < 21.5
    assert texts == ["boot: power", "planned power-off from 21:30 until 06:30"]


def test_given_a_socket_timer_when_it_is_about_to_go_then_the_last_report_can_still_say_so():
    device = a_device("night_power_off")
    off = device.site.midnight(PRESENT) + 21.5 * HOUR

    announced = device.events(off - HOUR, off - STEP)

    assert [event.code for event in announced] == ["SYS-5-POWEROFF"]
    assert device.reports_at(off - STEP)


def test_given_a_power_cut_when_caches_fill_then_memory_climbs_and_levels_off():
    device = a_device("memory_warmup")
    boot = device.boot(PRESENT).at

    start, morning, day, later = (
        median(values(device, "device.memory.utilization", times(boot + h * HOUR, boot + (h + 1) * HOUR)))
        for h in (0, 6, 23, 47)
    )

    assert morning - start > 0.1
    assert abs(later - day) < 0.02


def test_given_a_heat_wave_when_a_site_has_it_then_all_its_devices_get_warmer_together():
    specs = [
        DeviceSpec(f"{kind}-hq", "k", fault="heat_wave" if kind == "ap" else "healthy") for kind in ("fw", "sw", "ap")
    ]
    devices = build(specs, seed=7, present=PRESENT)

    def midday(device, days: float) -> float:
        noon = device.site.midnight(PRESENT) + days * DAY + 12 * HOUR
        return median(values(device, "sensor.temperature", times(noon, noon + HOUR)))

    assert all(midday(device, 0) - midday(device, -3) > 2.5 for device in devices)
