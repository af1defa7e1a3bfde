import math
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartcare.charts import scale
from smartcare.charts.words import ENGLISH

START = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf])
def test_given_no_number_when_cleaned_then_it_is_missing(value):
    assert scale.finite(value) is None


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=20))
def test_given_any_values_when_a_domain_is_chosen_then_it_holds_them_and_has_length(values):
    there = scale.present(values)

    low, high = scale.comfortable(there)

    assert low < high
    slack = (high - low) * 1e-9
    assert all(low - slack <= value <= high + slack for value in there)


@given(st.floats(-1e90, 1e90), st.floats(1e-6, 1e90))
def test_given_any_domain_when_ticks_are_chosen_then_there_are_few_and_they_lie_inside(low, length):
    high = low + length
    if high <= low:
        return

    ticks = scale.ticks(low, high)

    assert len(ticks) <= 7
    slack = length * 1e-3 + abs(low) * 1e-9  # a float has 15 digits
    assert all(low - slack <= tick <= high + slack for tick in ticks)


def test_given_values_near_zero_when_a_domain_is_chosen_then_it_begins_at_zero():
    assert scale.comfortable([2, 9]) == (0, 10)


def test_given_values_far_from_zero_when_a_domain_is_chosen_then_it_does_not_begin_at_zero():
    assert scale.comfortable([61, 82])[0] == 60


def test_given_a_value_outside_when_placed_then_it_stands_at_the_edge():
    place = scale.Scale(0, 10, 100, 200)

    assert (place(-5), place(5), place(50)) == (100, 150, 200)


def test_given_a_domain_of_one_point_when_placed_then_it_stands_in_the_middle():
    assert scale.Scale(3, 3, 100, 200)(3) == 150


@pytest.mark.parametrize("hours", [1, 5, 24, 24 * 3, 24 * 30, 24 * 90, 24 * 365, 24 * 365 * 12])
def test_given_hours_to_years_when_time_ticks_are_chosen_then_there_are_two_to_seven_in_the_span(hours):
    end = START + timedelta(hours=hours)

    ticks = scale.time_ticks(START, end, ENGLISH)

    assert 1 <= len(ticks) <= 8
    assert all(START <= moment <= end for moment, _ in ticks)


def test_given_a_zone_when_time_ticks_are_chosen_then_they_stand_at_its_round_hours():
    paris = START.astimezone(ZoneInfo("Europe/Paris"))

    ticks = scale.time_ticks(paris, paris + timedelta(hours=20), ENGLISH)

    assert [label for _, label in ticks] == ["12:00", "15:00", "18:00", "21:00", "25 Nov", "03:00", "06:00"]


def test_given_a_year_when_time_ticks_are_chosen_then_the_year_is_said_where_it_changes():
    ticks = scale.time_ticks(START, START + timedelta(days=365), ENGLISH)

    assert "Jan 2027" in [label for _, label in ticks]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (81.44, "81.4"),
        (412.6, "413"),
        (0.02, "0.02"),
        (0.0003, "0.0003"),
        (-0.000254, "-0.00025"),
        (1e-7, "1.00e-07"),
        (1e9, "1.00e+09"),
        (-0.0, "0"),
    ],
)
def test_when_a_number_is_written_then_three_digits_matter(value, text):
    assert scale.short(value) == text


def test_given_readings_every_five_minutes_when_asked_for_the_usual_gap_then_it_is_five_of_them():
    times = [START + timedelta(minutes=5 * index) for index in range(10)]

    assert scale.usual_gap_s(times) == 1500


def test_given_one_reading_when_asked_for_the_usual_gap_then_nothing_breaks_a_line():
    assert scale.usual_gap_s([START]) == math.inf
