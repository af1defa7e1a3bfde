"""Fans, lines, uplinks, levels and dates of support."""

import numpy as np

from telemetry.analysis import engine
from telemetry.analysis.facts import DAY, SeriesKey
from tests.telemetry.analysis import made

LOAD = SeriesKey("if.utilization", "if/wan")


def test_given_a_fan_that_slows_when_it_was_steady_before_then_wear_is_told():
    t = made.times(20)
    d = (t - t[0]) / DAY
    speed = 5000 * (1 - 0.03 * np.clip(d - 14, 0, None)) + made.noise(t.size, 40)

    result = made.run(made.device({made.FAN: speed}, t))

    assert made.kinds(result) == {"fan_wear"}


def test_given_a_fan_that_wobbles_when_its_mean_is_steady_then_wear_is_told():
    t = made.times(20)
    d = (t - t[0]) / DAY
    speed = 5000 + made.noise(t.size, 40) * np.where(d > 15, 4, 1)

    (finding,) = made.run(made.device({made.FAN: speed}, t)).findings

    assert finding.title == "A fan runs unevenly"


def test_given_a_fan_that_follows_a_warm_room_when_it_runs_faster_then_nothing_is_raised():
    t = made.times(25)
    d = (t - t[0]) / DAY
    speed = 5000 * (1 + 0.05 * np.sin(2 * np.pi * d / 10)) + made.noise(t.size, 40)

    assert made.kinds(made.run(made.device({made.FAN: speed}, t))) == set()


def test_given_a_line_that_keeps_losing_when_days_pass_then_it_is_told():
    t = made.times(12)
    d = (t - t[0]) / DAY
    loss = np.where(d > 9, 0.008, 0.0) + np.where(np.random.default_rng(1).random(t.size) < 0.01, 0.01, 0)

    (finding,) = made.run(made.device({made.LOSS: loss}, t)).findings

    assert (finding.kind, finding.severity) == ("wan_loss", "warning")


def test_given_one_bad_hour_when_the_line_is_good_otherwise_then_nothing_is_raised():
    t = made.times(12)
    loss = np.zeros(t.size)
    loss[2500:2512] = 0.3

    assert made.kinds(made.run(made.device({made.LOSS: loss}, t))) == set()


def test_given_an_uplink_that_fills_in_working_hours_when_six_weeks_are_known_then_a_date_is_given():
    t = made.times(48)
    d = (t - t[0]) / DAY
    hours = (d % 1) * 24
    open_ = (hours > 8) & (hours < 18) & (d.astype(int) % 7 < 5)
    load = np.where(open_, 0.45 * np.exp(0.014 * np.clip(d - 10, 0, None)), 0.03)

    (finding,) = made.run(
        made.device({LOAD: load}, t), engine.Context(with_residuals=False, uplinks=frozenset({"if/wan"}))
    ).findings

    assert finding.kind == "uplink_capacity"
    assert finding.evidence["growth_a_week"] > 5


def test_given_a_backup_at_night_when_six_weeks_are_known_then_the_uplink_is_not_full():
    t = made.times(48)
    hours = ((t - t[0]) / DAY % 1) * 24
    load = np.where(hours < 2, 0.95, np.where((hours > 8) & (hours < 18), 0.3, 0.02))

    assert made.kinds(made.run(made.device({LOAD: load}, t))) == set()


def test_given_a_fan_that_reports_failure_twice_when_it_recovers_then_it_is_raised_and_cleared():
    t = made.times(0.2)
    state = np.zeros(t.size)
    state[20:30] = 2

    result = made.run(made.device({made.FAN_STATUS: state}, t))

    assert [(c.what, c.at) for c in result.changes if c.what != "updated"] == [("raised", t[21]), ("cleared", t[33])]
    assert result.changes[0].finding.severity == "critical"


def test_given_one_odd_sample_when_the_next_is_fine_then_nothing_is_raised():
    t = made.times(0.2)
    state = np.zeros(t.size)
    state[20] = 2

    assert made.run(made.device({made.FAN_STATUS: state}, t)).changes == []


def test_given_memory_that_hovers_at_the_limit_when_it_stays_above_the_gap_then_the_alert_stays_open():
    t = made.times(0.5)
    memory = 0.965 + 0.01 * np.sin(np.arange(t.size))

    result = made.run(made.device({made.MEMORY: memory}, t))

    assert [c.what for c in result.changes if c.what != "updated"] == ["raised"]


def test_given_the_vendors_own_limit_when_the_sensor_reaches_it_then_that_limit_counts():
    t = made.times(0.2)
    limit = SeriesKey("sensor.temperature.limit", "sensor/1", (("limit", "high.critical"),))

    (finding,) = made.run(made.device({made.TEMPERATURE: 66.0, limit: 65.0}, t)).findings

    assert finding.evidence["limit"] == 65.0
    assert finding.evidence["limit_origin"] == "device"


def test_given_a_date_of_support_when_it_comes_near_then_it_is_told_and_an_unknown_date_is_not():
    block = made.device({made.UPTIME: 1e6}, made.times(0.05))
    soon = engine.Support(end_of_support=made.START + 60 * DAY)

    dated = engine.advance(None, block, made.START, engine.Context(with_residuals=False, support=soon))
    unknown = engine.advance(None, block, made.START, engine.Context(with_residuals=False, support=engine.Support()))

    assert [(f.kind, f.severity) for f in dated.findings] == [("end_of_support", "warning")]
    assert unknown.findings == []
