"""Who gets which kind, site and story."""

from collections import Counter

import pytest

from smartcare.simulator.hardware import Kind
from smartcare.simulator.plan import DeviceSpec, build
from smartcare.simulator.repertoire import FAULTS, LOOKALIKES

from .builders import PRESENT

SITES = ("hq", "branch", "depot", "plant")
TWELVE = [DeviceSpec(f"{kind}-{site}", "k") for site in SITES for kind in ("fw", "sw", "ap")]


def stories(specs: list[DeviceSpec], seed: int = 7) -> list[str]:
    return [device.story.name for device in build(specs, seed=seed, present=PRESENT)]


@pytest.mark.parametrize("seed", range(5))
def test_given_twelve_devices_when_planned_then_the_telling_faults_and_lookalikes_are_there(seed: int):
    told = set(stories(TWELVE, seed))

    assert {"memory_leak", "flash_fill", "flapping", "fan_wear", "silent", "reboot_loop"} <= told
    assert len(told & set(LOOKALIKES)) >= 5


def test_given_twelve_devices_when_planned_then_one_site_has_a_heat_wave():
    devices = build(TWELVE, seed=7, present=PRESENT)

    assert {device.site.name for device in devices if device.site.heat_wave_from} == {"plant"}


def test_given_twelve_unnamed_devices_when_planned_then_the_telling_faults_are_there_as_well():
    told = set(stories([DeviceSpec(f"device {n}", "k") for n in range(12)]))

    assert {"memory_leak", "flash_fill", "flapping", "fan_wear", "silent"} <= told


def test_given_only_switches_when_planned_then_what_they_cannot_have_is_left_out():
    told = set(stories([DeviceSpec(f"sw-{n}", "k") for n in range(12)]))

    assert {"memory_leak", "flash_fill", "flapping", "fan_wear", "silent"} <= told
    assert "night_power_off" not in told


def test_given_a_wish_when_planned_then_it_is_granted_and_not_repeated():
    wishes = {"sw-hq": "memory_leak", "ap-hq": "healthy"}
    specs = [DeviceSpec(spec.name, "k", fault=wishes.get(spec.name)) for spec in TWELVE]

    told = stories(specs)

    assert told[1:3] == ["memory_leak", "healthy"]
    assert Counter(told)["memory_leak"] == 1


def test_given_a_wish_nobody_knows_when_planned_then_the_known_ones_are_named():
    with pytest.raises(ValueError, match="no such fault: rust; there are healthy, memory_leak"):
        stories([DeviceSpec("fw-1", "k", fault="rust")])


def test_given_a_wish_the_kind_cannot_have_when_planned_then_it_is_refused():
    with pytest.raises(ValueError, match="needs edge or switch, this is access_point"):
        stories([DeviceSpec("ap-1", "k", fault="fan_wear")])


def test_given_a_large_fleet_when_planned_then_most_devices_live_harmless_lives():
    told = stories([DeviceSpec(f"device {n}", "k") for n in range(200)])

    assert 0.2 < sum(name in FAULTS for name in told) / 200 < 0.45
    assert len(set(told) & set(FAULTS)) >= 12


def test_given_the_same_keys_when_planned_twice_then_the_fleet_is_the_same():
    one, other = (build(TWELVE, seed=7, present=PRESENT) for _ in range(2))

    assert [d.identity for d in one] == [d.identity for d in other]
    assert [d.samples(PRESENT) for d in one] == [d.samples(PRESENT) for d in other]


def test_given_telling_names_when_planned_then_kind_and_site_follow_them():
    specs = [DeviceSpec(name, "k") for name in ("acme/hq/fw-1", "core-sw2.hq", "AP3-branch", "probe")]

    devices = build(specs, seed=7, present=PRESENT)

    assert [d.hardware.kind for d in devices] == [Kind.EDGE, Kind.SWITCH, Kind.ACCESS_POINT, Kind.ACCESS_POINT]
    assert [d.site.name for d in devices] == ["acme-hq", "hq", "branch", "site-1"]


def test_given_a_site_and_zone_in_the_file_when_planned_then_they_hold_for_the_whole_site():
    specs = [DeviceSpec("a", "k", site="x", timezone="America/New_York"), DeviceSpec("b", "k", site="x")]

    one, other = build(specs, seed=7, present=PRESENT)

    assert one.site is other.site
    assert one.site.timezone == "America/New_York"
