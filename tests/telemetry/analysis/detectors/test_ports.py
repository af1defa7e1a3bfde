import numpy as np

from telemetry.analysis.facts import DAY, Event, Interval, SeriesKey
from tests.telemetry.analysis import made

RX = (("dir", "rx"),)


def port(name, errors=None, frames=None, flaps=None, oper=None):
    series = {}
    if errors is not None:
        series[SeriesKey("if.errors", name, RX)] = np.cumsum(errors)
    if frames is not None:
        series[SeriesKey("if.packets", name, RX)] = np.cumsum(frames)
    if flaps is not None:
        series[SeriesKey("if.flaps", name)] = np.cumsum(flaps)
    if oper is not None:
        series[SeriesKey("if.oper_status", name)] = oper
    return series


def load(t):
    d = (t - t[0]) / DAY
    hours = (d % 1) * 24
    return np.where((hours > 8) & (hours < 18), 4e6, 4e5)


def rng(seed=3):
    return np.random.default_rng(seed)


def test_given_errors_far_above_the_ports_own_past_when_hours_pass_then_the_link_is_named():
    t = made.times(18)
    frames = load(t)
    d = (t - t[0]) / DAY
    errors = rng().poisson(frames * np.where(d > 15, 1e-7 * 2 ** ((d - 15) * 2.5), 1e-9))

    result = made.run(made.device(port("if/7", errors, frames) | port("if/8", 0 * frames, frames), t))

    assert {(f.kind, f.subject) for f in result.findings} == {("link_errors", "if/7")}
    assert result.findings[0].evidence["ratio"] > 10 * result.findings[0].evidence["ratio_before"]


def test_given_one_pulled_cable_when_its_hour_is_over_then_nothing_is_raised():
    t = made.times(18)
    errors = np.zeros(t.size)
    errors[4000] = 5000.0

    assert made.kinds(made.run(made.device(port("if/7", errors, load(t)), t))) == set()


def test_given_errors_that_follow_the_load_when_duplex_was_changed_then_it_is_called_a_mismatch():
    t = made.times(16)
    frames = load(t) * rng(4).uniform(0.5, 1.5, t.size)
    changed = t[0] + 14 * DAY
    errors = rng().poisson(np.where(t >= changed, frames * 1e-3 * frames / 4e6, 0))
    events = (Event(changed, "config: speed/duplex changed", changed),)

    result = made.run(made.device(port("if/2", errors, frames), t, events=events))

    assert "duplex_mismatch" in made.kinds(result)
    first = next(c for c in result.changes if c.what == "raised")
    assert first.at - changed < DAY


def test_given_a_port_that_goes_up_and_down_when_it_was_calm_before_then_it_flaps():
    t = made.times(10)
    d = (t - t[0]) / DAY
    flaps = ((d > 8) & (rng().random(t.size) < 6 / 288)).astype(float)

    result = made.run(made.device(port("if/3", flaps=flaps) | port("if/4", flaps=0 * flaps), t))

    assert {(f.kind, f.subject) for f in result.findings} == {("link_flapping", "if/3")}


def test_given_a_device_without_a_flap_counter_when_its_port_state_changes_then_it_flaps():
    t = made.times(6)
    oper = np.zeros(t.size)
    oper[np.arange(1300, 1700, 40)] = 1  # down for one report

    result = made.run(made.device(port("if/3", oper=oper), t))

    assert made.kinds(result) == {"link_flapping"}


def test_given_a_port_somebody_switches_daily_when_weeks_pass_then_it_does_not_flap():
    t = made.times(28)
    hours = ((t - t[0]) / DAY % 1) * 24
    weekday = ((t - t[0]) // DAY) % 7 < 5
    on = weekday & (hours >= 8) & (hours < 18)

    result = made.run(made.device(port("if/5", oper=(~on).astype(float)), t))

    # The habit shows after four working days; before that four changes in three days are flapping.
    assert all(c.at < t[0] + 7 * DAY for c in result.changes if c.what == "raised")
    assert result.findings == []


def test_given_announced_maintenance_when_a_port_flaps_in_it_then_it_is_raised_only_if_it_still_holds_after():
    t = made.times(6)
    d = (t - t[0]) / DAY
    flaps = ((d > 4) & (d < 4.5) & (rng().random(t.size) < 40 / 288)).astype(float)
    window = Interval(t[0] + 3.9 * DAY, t[0] + 5 * DAY)

    result = made.run(made.device(port("if/3", flaps=flaps), t, maintenance=(window,)))

    raised = [c.at for c in result.changes if c.what == "raised"]
    assert len(raised) == 1
    assert raised[0] >= window.end
