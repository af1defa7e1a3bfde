"""Cumulative quantities and things in time order."""

from dataclasses import dataclass
from itertools import count

import pytest

from smartcare.simulator.flows import Nightly, Ripple, Stepped, Timeline
from smartcare.simulator.noise import Noise

from .builders import DAY, HOUR, times


@dataclass(frozen=True)
class Bell:
    at: float


def test_when_time_is_rippled_then_it_never_runs_backwards():
    ripple = Ripple(Noise("r"))

    rippled = [ripple(t) for t in times(0, DAY, 10)]

    assert rippled == sorted(rippled)


def test_when_time_is_rippled_then_the_load_of_five_minutes_varies():
    ripple = Ripple(Noise("r"))

    loads = [(ripple(t + 300) - ripple(t)) / 300 for t in times(0, DAY, 300)]

    assert max(loads) > 1.3
    assert min(loads) < 0.7


def test_given_a_nightly_load_when_three_nights_pass_then_it_was_on_three_times_as_long_as_one():
    backup = Nightly(hour=1.0, hours=1.5, offset_s=HOUR)
    noon = 10 * DAY + 12 * HOUR

    assert backup.seconds(noon + 3 * DAY) - backup.seconds(noon) == pytest.approx(3 * 1.5 * HOUR)
    assert backup.on(10 * DAY + 0.5 * HOUR)  # 01:30 local
    assert not backup.on(noon)


def test_given_a_factor_of_two_from_an_instant_on_when_integrated_then_only_later_flow_counts_twice():
    stepped = Stepped(lambda t: 10 * t, lambda t: 2.0, since=100, step=7, before=1.0)

    assert stepped(100) == pytest.approx(1_000)
    assert stepped(160) == pytest.approx(1_000 + 2 * 600)


def test_when_a_stepped_integral_is_asked_far_ahead_first_then_earlier_answers_do_not_change():
    def made() -> Stepped:
        return Stepped(lambda t: 3 * t, lambda t: 1 + t / 50, since=0, step=5, before=0.0)

    asked_late, asked_early = made(), made()
    late = asked_late(400)

    assert [asked_late(t) for t in range(0, 400, 3)] == [asked_early(t) for t in range(0, 400, 3)]
    assert late == asked_early(400)


def test_given_an_endless_timeline_when_asked_then_only_what_has_begun_counts():
    timeline = Timeline(Bell(10.0 * k) for k in count(1))

    assert timeline.until(35) == 3
    assert timeline.last(35) == Bell(30)
    assert timeline.coming(35) == Bell(40)
    assert timeline.between(10, 30) == [Bell(20), Bell(30)]


def test_given_a_finished_timeline_when_asked_beyond_its_end_then_nothing_is_coming():
    timeline = Timeline(iter([Bell(1)]))

    assert timeline.last(0) is None
    assert timeline.coming(2) is None
    assert timeline.between(5, 3) == []
