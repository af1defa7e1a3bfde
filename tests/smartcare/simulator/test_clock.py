"""The simulated clock against the real one."""

import pytest

from smartcare.simulator.clock import Clock

DAY = 86_400.0


def test_given_a_fast_clock_when_it_starts_then_it_shows_yesterday():
    assert Clock(1e9, speed=1440).shows(1e9) == 1e9 - DAY


def test_given_a_fast_clock_when_a_second_passes_then_it_moves_by_its_speed():
    clock = Clock(1e9, speed=1440)

    assert clock.shows(1e9 + 1) - clock.shows(1e9) == 1440


def test_given_a_fast_clock_when_it_has_caught_up_then_it_shows_real_time():
    clock = Clock(1e9, speed=1440)

    assert clock.shows(1e9 + 60.1) == 1e9 + 60.1
    assert clock.shows(1e9 + 59) < 1e9


def test_when_an_instant_is_reached_then_the_clock_shows_it():
    clock = Clock(1e9, speed=1440)

    for simulated in (1e9 - DAY, 1e9 - 7.3, 1e9 + 30, 1e9 + 500):
        assert simulated <= clock.shows(clock.reaches(simulated)) < simulated + 2


def test_given_real_time_when_it_starts_then_there_is_no_history_and_the_story_lies_ahead():
    clock = Clock(1e9)

    assert clock.start == 1e9
    assert clock.present == 1e9 + DAY


def test_given_six_days_of_history_when_it_starts_then_the_story_leads_up_to_now():
    clock = Clock(1e9, speed=9_000, history_s=6 * DAY)

    assert clock.start == 1e9 - 6 * DAY
    assert clock.present == 1e9


@pytest.mark.parametrize(("speed", "history"), [(0.5, DAY), (0, DAY), (2, -1)])
def test_given_an_impossible_speed_or_history_when_it_is_made_then_it_is_refused(speed: float, history: float):
    with pytest.raises(ValueError, match="at least 1"):
        Clock(1e9, speed, history)
