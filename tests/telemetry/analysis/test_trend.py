import numpy as np
import pytest

from telemetry.analysis import projection, sites, trend
from telemetry.analysis.findings import Finding
from tests.telemetry.analysis import made


def test_given_a_daily_pattern_on_a_rise_when_fitted_then_only_the_rise_is_seen():
    n = np.arange(40)
    values = 2.0 * n / 4 + 10 * (n % 4 == 2)

    fit = trend.fit(values, seasons=4, step=0.25)

    assert fit.slope == pytest.approx(2.0)
    assert fit.low <= fit.slope <= fit.high
    assert fit.z > 5


def test_given_one_wild_value_when_fitted_then_the_slope_hardly_moves():
    values = np.arange(40) * 1.0
    values[17] = 1e6

    assert trend.fit(values, seasons=1, step=1.0).slope == pytest.approx(1.0)


def test_given_noise_alone_when_tested_then_the_trend_is_rarely_significant():
    found = [trend.fit(made.noise(56, 1.0, seed), seasons=4, step=0.25).z >= 2.8 for seed in range(200)]

    assert np.mean(found) < 0.01


def test_given_missing_values_when_fitted_then_they_are_left_out():
    values = np.arange(40) * 1.0
    values[::3] = np.nan

    assert trend.fit(values, seasons=4, step=1.0).slope == pytest.approx(1.0)
    assert trend.fit(np.full(8, np.nan), seasons=4, step=1.0) is None


def dated(**more):
    evidence = {
        "values": [50.0, None, 60.0],
        "step_s": 3600,
        "until": 7200.0,
        "level": 60.0,
        "limit": 90.0,
        "unit": "%",
    }
    return Finding("r", 1, "memory_exhaustion", "", "info", "", evidence | more, 9000.0, 10_200.0, 13_200.0)


def test_given_a_dated_finding_when_projected_then_lines_run_from_the_level_to_the_limit_at_their_dates():
    drawn = projection.project(dated(), points=11)

    assert drawn.history == ((-1800.0, 50.0), (5400.0, 60.0))
    assert drawn.expected[0] == (7200.0, 60.0)
    assert dict(drawn.expected)[10_200.0] == pytest.approx(90.0)
    assert drawn.late[-1] == (13_200.0, 90.0)
    assert all(early >= late for (_, early), (_, late) in zip(drawn.early, drawn.late, strict=True))


def test_given_a_finding_without_series_or_dates_when_projected_then_there_is_nothing_to_draw():
    assert projection.project(Finding("r", 1, "link_errors", "", "info", "", {})) is None
    assert projection.project(dated(values=None)) is None


def test_given_a_site_that_warms_when_the_common_mode_is_taken_then_each_device_gets_what_the_others_show():
    hours = 400
    wave = np.where(np.arange(hours) > 300, 5.0, 0.0)
    values = np.array([40 + wave, 50 + wave, 45 + wave, 60.0 + 0 * wave], np.float32)

    common = sites.common_mode(values)

    assert common[:, 350].tolist() == [5.0, 5.0, 5.0, 5.0]
    assert common[:, 200].tolist() == [0.0] * 4


def test_given_two_devices_when_the_common_mode_is_taken_then_there_is_none():
    values = np.array([np.linspace(40, 60, 400), np.linspace(40, 60, 400)], np.float32)

    assert not sites.common_mode(values).any()
