"""The retry schedule, with the chance injected."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partners.forwarding.schedule import next_attempt

HOUR = 3600
STEPS = [0, 5, 300, 1800, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR]


class Fixed:
    """Chance that always falls on the same spot between its limits (0 to 1)."""

    def __init__(self, spot):
        self.spot = spot

    def uniform(self, a, b):
        return a + (b - a) * self.spot


@pytest.mark.parametrize(("done", "wait"), list(enumerate(STEPS)))
def test_given_middling_chance_when_asked_then_the_wait_is_the_steps_own(done, wait):
    assert next_attempt(done, None, Fixed(0.5)) == pytest.approx(wait)


@pytest.mark.parametrize(("done", "wait"), list(enumerate(STEPS)))
@pytest.mark.parametrize(("spot", "factor"), [(0, 0.8), (1, 1.2)])
def test_given_extreme_chance_when_asked_then_the_wait_is_a_fifth_off(done, wait, spot, factor):
    assert next_attempt(done, None, Fixed(spot)) == pytest.approx(wait * factor)


@pytest.mark.parametrize("done", [10, 11, 1000])
def test_given_ten_attempts_when_asked_then_there_is_no_other(done):
    assert next_attempt(done, 5.0, Fixed(0.5)) is None


def test_when_all_waits_are_added_then_a_receiver_may_be_away_for_about_75_hours():
    total = sum(next_attempt(done, None, Fixed(0.5)) for done in range(10))

    assert total / HOUR == pytest.approx(75, abs=1)


def test_given_a_receiver_that_named_a_longer_wait_when_asked_then_it_is_honoured():
    assert next_attempt(1, 600.0, Fixed(0.5)) == 600


def test_given_a_receiver_that_named_a_shorter_wait_when_asked_then_the_schedule_holds():
    assert next_attempt(2, 1.0, Fixed(0.5)) == pytest.approx(300)


def test_given_a_receiver_that_named_a_week_when_asked_then_it_is_24_hours():
    assert next_attempt(1, 7 * 24 * HOUR, Fixed(0.5)) == 24 * HOUR


@given(st.integers(0, 20), st.none() | st.floats(0, 1e9), st.integers())
def test_given_anything_when_asked_then_the_wait_is_between_nothing_and_24_hours_and_a_fifth(done, retry_after, seed):
    wait = next_attempt(done, retry_after, random.Random(seed))

    assert (wait is None) == (done >= 10)
    assert wait is None or 0 <= wait <= 24 * HOUR * 1.2
