import numpy as np

from telemetry.analysis import signals
from telemetry.analysis.facts import STATES, Sample, SeriesKey, series_of, state_code
from telemetry.analysis.layout import Role
from tests.telemetry.analysis import made


def read(series, t, **more):
    return signals.read(made.device(series, t), more.pop("carried", {}), after=-np.inf, **more)


def test_given_samples_in_any_order_when_grouped_then_each_series_ascends_and_the_later_given_counts():
    samples = [
        Sample("fan.speed", "fan/1", (), 200.0, 5000),
        Sample("fan.speed", "fan/1", (), 100.0, 4000),
        Sample("fan.speed", "fan/1", (), 200.0, 5100),
        Sample("fan.status", "fan/1", (), 100.0, "failed"),
    ]

    series = series_of(samples)

    assert series[SeriesKey("fan.speed", "fan/1")].t.tolist() == [100.0, 200.0]
    assert series[SeriesKey("fan.speed", "fan/1")].v.tolist() == [4000.0, 5100.0]
    assert series[SeriesKey("fan.status", "fan/1")].v.tolist() == [STATES["fan.status"].index("failed")]


def test_given_a_word_outside_the_vocabulary_when_encoded_then_it_is_minus_one():
    assert state_code("fan.status", "confused") == -1.0


def test_given_used_and_free_memory_when_read_then_the_share_is_derived():
    t = made.times(0.01)
    used = SeriesKey("device.memory.usage", "pool/main", (("state", "used"),))
    free = SeriesKey("device.memory.usage", "pool/main", (("state", "free"),))

    seen = read({used: 30.0, free: 70.0}, t)

    assert seen.gauges[Role.MEMORY, "pool/main"].tolist() == [30.0] * t.size


def test_given_a_limit_that_came_earlier_when_only_the_usage_comes_then_the_share_is_still_known():
    t = made.times(0.01)
    first = read({made.FLASH_USED: 30.0, made.FLASH_LIMIT: 60.0}, t)

    later = read({made.FLASH_USED: 45.0}, t + 3600, carried=first.carried)

    assert later.gauges[Role.FLASH, "disk/flash"].tolist() == [75.0] * t.size


def test_given_octets_and_speed_when_the_uplink_is_known_then_its_load_is_derived_from_the_busier_direction():
    t = made.times(0.02)
    octets = 300 * 1e9 / 8 * np.arange(t.size)
    rx, tx = (SeriesKey("if.io", "if/wan", (("dir", d),)) for d in ("rx", "tx"))

    seen = read({rx: 0.2 * octets, tx: 0.6 * octets, SeriesKey("if.speed", "if/wan"): 1e9}, t, uplinks={"if/wan"})

    assert np.allclose(seen.gauges[Role.LOAD, "if/wan"][1:], 60.0)


def test_given_a_rail_of_another_voltage_when_read_then_it_is_not_taken_for_twelve_volts():
    seen = read({made.RAIL: 12.05, SeriesKey("sensor.voltage", "sensor/3v3"): 3.3}, made.times(0.01))

    assert [channel for channel in seen.gauges if channel[0] == Role.RAIL] == [(Role.RAIL, "sensor/12v")]


def test_given_series_with_times_of_their_own_when_read_then_they_meet_on_one_axis():
    t = made.times(0.02)
    facts = made.device({made.FAN: 5000.0}, t)
    odd = made.device({made.TEMPERATURE: 40.0}, t[:2] + 7)
    facts.series.update(odd.series)

    seen = signals.read(facts, {}, after=-np.inf)

    assert seen.t.size == t.size + 2
    assert np.isfinite(seen.gauges[Role.TEMPERATURE, "sensor/1"]).sum() == 2
