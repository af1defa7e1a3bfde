import numpy as np
import pytest

from telemetry.analysis import engine
from telemetry.analysis.facts import DAY, Event, Interval
from tests.telemetry.analysis import made


def rebooting(boots, *, reason="boot: crash", days=14.0, maintenance=()):
    t = made.times(days)
    d = (t - t[0]) / DAY
    up = d + 30
    for boot in boots:
        up = np.where(d >= boot, d - boot, up)
    seen = [t[np.searchsorted(t, t[0] + boot * DAY)] for boot in boots]
    events = tuple(Event(t[0] + boot * DAY, reason, at) for boot, at in zip(boots, seen, strict=True) if reason)
    return made.device({made.UPTIME: up * DAY}, t, events=events, maintenance=maintenance)


@pytest.mark.parametrize("reason", ["boot: crash", ""])
def test_given_two_unexplained_restarts_in_a_week_when_the_second_is_seen_then_it_is_raised_at_once(reason):
    facts = rebooting([5.001, 8.001], reason=reason)

    changes = made.run(facts).changes

    assert changes[0].finding.kind == "reboot_loop"
    assert changes[0].at - made.START == pytest.approx(8.001 * DAY, abs=600)


@pytest.mark.parametrize("reason", ["boot: firmware", "boot: power", "reload requested by administrator, boot"])
def test_given_restarts_with_a_reason_when_there_are_many_then_nobody_is_woken(reason):
    assert made.run(rebooting([3, 4, 5, 6], reason=reason)).changes == []


def test_given_restarts_in_announced_maintenance_when_there_are_many_then_nobody_is_woken():
    window = Interval(made.START + 2.5 * DAY, made.START + 7 * DAY)

    assert made.run(rebooting([3, 4, 5, 6], reason="", maintenance=(window,))).changes == []


def test_given_the_whole_site_lost_power_when_each_device_restarts_then_it_is_explained():
    boots = [3.0, 5.0]
    others = tuple((made.START + b * DAY + 60, made.START + b * DAY) for b in boots)

    result = made.run(rebooting(boots, reason=""), engine.Context(with_residuals=False, site_boots=others))

    assert result.changes == []


def test_given_a_single_crash_when_a_week_passes_then_nothing_is_raised():
    assert made.run(rebooting([5.0])).changes == []


def test_given_three_restarts_in_a_day_when_judged_then_it_is_critical():
    (finding,) = made.run(rebooting([13.2, 13.5, 13.8])).findings

    assert finding.severity == "critical"
    assert len(finding.evidence["boots"]) == 3
