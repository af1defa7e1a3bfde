import numpy as np
import pytest

from telemetry.analysis import engine
from telemetry.analysis.facts import Event
from tests.telemetry.analysis import made

DAYS = 24.0


def busy(d):
    """0 at night, 1 in working hours of working days."""
    hours = (d % 1) * 24
    return ((hours > 8) & (hours < 18) & (d.astype(int) % 7 < 5)).astype(float)


def clock(days=DAYS):
    t = made.times(days)
    return t, (t - t[0]) / made.DAY


def flash_of(percent, t):
    return {made.FLASH_USED: percent / 100 * 64e6, made.FLASH_LIMIT: 64e6}, t


def ramp(d, onset, rate):
    return np.clip(d - onset, 0, None) * rate


def fault(kind):
    t, d = clock()
    noisy = made.noise(t.size, 1.0)
    series = {
        "memory_exhaustion": {made.MEMORY: (50 + 4 * busy(d) + 0.4 * noisy + ramp(d, 15, 4)) / 100},
        "flash_exhaustion": flash_of(60 + 0.05 * noisy + ramp(d, 15, 4), t)[0],
        "overheating": {made.TEMPERATURE: 42 + 3 * busy(d) + 0.3 * noisy + ramp(d, 14, 2)},
        "psu_rail": {made.RAIL: 12.05 + 0.012 * noisy - ramp(d, 15, 0.06)},
        "optics_decay": {made.LIGHT: -6 + 0.1 * noisy - ramp(d, 14, 0.5), made.LIGHT_LIMIT: -14.4},
        "poe_budget": {made.POE: 90 + 1.2 * noisy + 15 * np.floor(ramp(d, 12, 1.1)), made.POE_LIMIT: 370.0},
    }[kind]
    return made.device(series, t)


FAULTS = ["memory_exhaustion", "flash_exhaustion", "overheating", "psu_rail", "optics_decay", "poe_budget"]


@pytest.mark.parametrize("kind", FAULTS)
def test_given_a_quantity_that_creeps_to_its_limit_when_days_pass_then_it_is_foretold_with_a_range(kind):
    result = made.run(fault(kind))

    assert made.kinds(result) == {kind}
    (finding,) = result.findings
    assert finding.eta_lo < finding.eta < finding.eta_hi
    assert finding.evidence["slope_a_day"] != 0


def lookalike(name):
    t, d = clock(30)
    noisy = made.noise(t.size, 1.0)
    memory = 50 + 4 * busy(d) + 0.5 * noisy
    events = ()
    if name == "cache that fills after a restart":
        up = np.where(d < 12, d + 40, d - 12)
        series = {
            made.MEMORY: (memory + 16 * (1 - np.exp(-up / 3))) / 100,
            made.UPTIME: up * made.DAY,
        }
        events = (Event(t[0] + 12 * made.DAY, "boot: firmware", t[0] + 12 * made.DAY),)
    elif name == "logs that are rotated every week":
        series = flash_of(40 + 9 * ((d / 6.7 + 0.3) % 1) + 0.05 * noisy, t)[0]
    elif name == "image of a new firmware":
        series = flash_of(50 + 0.05 * noisy + np.where(d > 14, 12, 0), t)[0]
    elif name == "optic seated anew":
        series = {made.LIGHT: -6 + 0.1 * noisy - np.where(d > 14, 1.8, 0), made.LIGHT_LIMIT: -14.4}
    elif name == "more people in the morning":
        series = {made.MEMORY: memory / 100}
    elif name == "room that is warmer by day":
        series = {made.TEMPERATURE: 45 + 6 * busy(d) + 2 * np.sin(2 * np.pi * d) + 0.3 * noisy}
    else:
        series = {made.RAIL: 12.0 + 0.02 * noisy}
    return made.device(series, t, events=events)


LOOKALIKES = [
    "cache that fills after a restart",
    "logs that are rotated every week",
    "image of a new firmware",
    "optic seated anew",
    "more people in the morning",
    "room that is warmer by day",
    "rail that only ripples",
]


@pytest.mark.parametrize("name", LOOKALIKES)
def test_given_a_lookalike_alone_when_a_month_passes_then_nothing_is_raised(name):
    assert made.kinds(made.run(lookalike(name))) == set()


def test_given_a_heat_wave_when_the_whole_site_is_hot_then_the_device_is_not_blamed():
    t, d = clock(26)
    wave = np.where(d > 16, 2.2 * np.clip(d - 16, 0, 8), 0.0)
    facts = made.device({made.TEMPERATURE: 45 + wave + made.noise(t.size, 0.3)}, t)
    common = {int(at // 3600): float(rise) for at, rise in zip(t, wave, strict=True)}

    alone = made.run(facts)
    with_site = made.run(facts, engine.Context(with_residuals=False, site_common=common))

    assert made.kinds(alone) == {"overheating"}
    assert made.kinds(with_site) == set()


def test_given_a_leak_when_the_device_restarts_then_the_alert_closes_at_the_next_look():
    t, d = clock(25)
    up = np.where(d < 21, d + 40, d - 21)
    memory = 45 + np.where(d < 21, ramp(d, 14, 5), 0) + made.noise(t.size, 0.3)
    facts = made.device({made.MEMORY: memory / 100, made.UPTIME: up * made.DAY}, t)

    changes = made.run(facts).changes

    cleared = [c.at for c in changes if c.what == "cleared"]
    assert len(cleared) == 1
    assert 0 < cleared[0] - (t[0] + 21 * made.DAY) <= 24 * 3600


def test_given_a_voltage_that_drops_at_once_when_no_trend_fits_then_the_step_is_told():
    t, d = clock(24)
    facts = made.device({made.RAIL: 12.05 - np.where(d > 20, 0.3, 0) + made.noise(t.size, 0.01)}, t)

    (finding,) = made.run(facts).findings

    assert (finding.kind, finding.severity, finding.eta) == ("psu_rail", "major", None)
