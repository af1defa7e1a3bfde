"""What else moved: residuals and the multi-signal mark in the engine."""

import numpy as np

from telemetry.analysis import engine
from telemetry.analysis.facts import SeriesKey
from tests.telemetry.analysis import made

WITH = engine.Context()


def rhythm(days=4, odd_from=None, odd=()):
    t = made.times(days)
    wave = np.sin(2 * np.pi * t / made.DAY)
    series = {
        SeriesKey("sensor.temperature", f"sensor/{n}"): 40 + n + 3 * wave + made.noise(t.size, 0.3, n)
        for n in range(12)
    }
    for n in odd:
        series[SeriesKey("sensor.temperature", f"sensor/{n}")] = series[
            SeriesKey("sensor.temperature", f"sensor/{n}")
        ] + np.where(t >= t[0] + odd_from * made.DAY, 12.0, 0.0)
    return t, series


def test_given_a_quiet_device_when_days_pass_then_hardly_a_sample_is_marked():
    t, series = rhythm()

    assert made.run(made.device(series, t), WITH).marked_share < 0.01


def test_given_many_signals_that_move_at_once_when_it_lasts_then_the_share_of_the_day_shows_it():
    t, series = rhythm(odd_from=3.8, odd=range(8))

    assert made.run(made.device(series, t), WITH).marked_share > 0.003


def test_given_a_finding_when_another_signal_is_odd_on_that_day_then_the_evidence_names_it():
    t, series = rhythm(odd_from=3.7, odd=[5])
    series[made.RAIL] = 12.05 + made.noise(t.size, 0.01)
    status = np.where(t >= t[0] + 3.8 * made.DAY, 2.0, 0.0)
    oper = (np.arange(t.size) % 40 == 0) & (t > t[0] + 3.5 * made.DAY)

    result = made.run(
        made.device({**series, made.FAN_STATUS: status, SeriesKey("if.oper_status", "if/9"): oper.astype(float)}, t),
        WITH,
    )

    flapping = next(f for f in result.findings if f.kind == "link_flapping")
    assert "temperature sensor/5" in flapping.evidence["also_unusual"]


def test_given_blocks_of_any_size_when_residuals_are_on_then_the_result_is_the_same():
    t, series = rhythm(days=2.6, odd_from=2.3, odd=range(6))
    facts = made.device(series, t)

    whole, pieces = made.run(facts, WITH), made.run(facts, WITH, rows=5)

    assert pieces.findings == whole.findings
    assert pieces.marked_share == whole.marked_share
