import json
import math
from datetime import timedelta

import pytest

from smartcare.charts import forecast
from tests.smartcare.charts.drawings import NOW, TODAY, daily, name_of, parts, said

AHEAD = [(NOW + timedelta(days=day), 80.0 + day, 81.0 + 2 * day, 82.0 + 3 * day) for day in range(1, 15)]
OUTLOOK = forecast.Outlook(95, "95% – drops connections", TODAY + timedelta(days=7), TODAY, TODAY + timedelta(days=14))


def drawn(history, predicted=(), outlook=OUTLOOK):
    data = forecast.frame(history, predicted, outlook)
    return forecast.forecast(data, outlook, label="Memory", unit="%")


def test_given_a_prediction_when_drawn_then_the_date_is_written_and_read_aloud():
    chart = drawn(daily(70, 75, 80), AHEAD)

    assert "Runs out 1 Dec" in said(chart.svg)
    assert name_of(chart.svg) == (
        "Memory went from 70% to 80% and is expected to reach 95% on 1 Dec, between 24 Nov and 8 Dec"
    )


def test_given_no_prediction_when_drawn_then_nothing_is_promised():
    chart = drawn(daily(70, 75, 80), outlook=forecast.Outlook(95))

    assert name_of(chart.svg) == "Memory went from 70% to 80%"
    assert not parts(chart.svg, "circle")
    assert "Today" not in said(chart.svg)


@pytest.mark.parametrize("history", [[], daily(None), daily(math.nan)])
def test_given_no_reading_when_drawn_then_the_picture_says_so(history):
    chart = drawn(history, AHEAD)

    assert name_of(chart.svg) == "Memory: no readings yet"


def test_given_an_exploding_band_when_drawn_then_the_readings_keep_most_of_the_height():
    wild = [(at, low, value, 1e12) for at, low, value, _ in AHEAD]

    frame = forecast.frame(daily(70, 75, 80), wild, OUTLOOK)

    assert frame.domain[1] <= 120


def test_given_predictions_older_than_the_last_reading_when_drawn_then_they_are_left_out():
    late = [(at - timedelta(days=30), low, value, high) for at, low, value, high in AHEAD]

    assert forecast.frame(daily(70, 75, 80), late, OUTLOOK).expected == []


def test_given_many_readings_when_drawn_then_points_are_few_and_the_last_stays():
    history = [(NOW - timedelta(minutes=index), float(index)) for index in reversed(range(20_000))]

    frame = forecast.frame(history, AHEAD, OUTLOOK)

    assert len(frame.measured) <= forecast.MOST_POINTS
    assert frame.measured[-1] == history[-1]


def test_given_a_run_out_beyond_the_picture_when_drawn_then_it_is_only_said():
    outlook = forecast.Outlook(95, runs_out_at=TODAY + timedelta(days=400))

    chart = drawn(daily(70, 75, 80), AHEAD, outlook)

    assert not parts(chart.svg, "circle")
    assert "on 29 Dec" in name_of(chart.svg)


def test_when_made_for_hovering_then_all_columns_have_one_length_and_meet_at_the_last_reading():
    data = forecast.frame(daily(70, 75, 80), AHEAD, OUTLOOK)

    made = forecast.hover_data(data, OUTLOOK, zone="Europe/Paris", unit="%")

    columns = made["series"]
    assert {len(column) for column in columns} == {3 + len(AHEAD)}
    assert [column[2] for column in columns[1:]] == [80, 80, 80, 80]
    assert columns[0] == sorted(set(columns[0]))
    assert json.loads(json.dumps(made, allow_nan=False)) == made


def test_given_no_prediction_when_made_for_hovering_then_columns_still_have_one_length():
    data = forecast.frame(daily(70, 75, 80), (), forecast.Outlook())

    made = forecast.hover_data(data, forecast.Outlook(), zone="UTC")

    assert {len(column) for column in made["series"]} == {3}
    assert (made["limit"], made["runout"], made["ahead"]) == (None, None, False)


def test_when_drawn_then_the_rows_hold_measured_and_expected():
    rows = drawn(daily(70, 75, 80), AHEAD).rows

    assert rows[0] == ("22 Nov 2026", "70%", "", "", "")
    assert rows[3] == ("25 Nov 2026", "", "81%", "83%", "85%")


@pytest.mark.parametrize(("measured", "top"), [(80, 100.0), (130, 160.0)], ids=["within", "measured beyond"])
def test_given_a_quantity_that_ends_somewhere_when_drawn_then_so_does_the_axis(measured, top):
    frame = forecast.frame(daily(70, 75, measured), AHEAD, OUTLOOK, most=100.0)

    assert frame.domain[1] == top
