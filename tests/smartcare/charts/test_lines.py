import math
from datetime import timedelta

import pytest

from smartcare.charts.lines import MOST_POINTS, MOST_ROWS, Window, lines
from tests.smartcare.charts.drawings import NOW, daily, name_of, parts, said


def one(points, **more):
    return lines([{"label": "Memory", "points": points}], **more)


def strokes(drawn: str) -> list:
    return [path for path in parts(drawn, "path") if path.get("stroke")]


def test_given_a_missing_value_when_drawn_then_the_line_breaks():
    assert len(strokes(one(daily(1, 2, None, 3, 4)).svg)) == 2


def test_given_silence_when_drawn_then_the_line_breaks():
    points = [(NOW + timedelta(minutes=5 * index), 1.0) for index in (*range(10), *range(40, 50))]

    assert len(strokes(one(points).svg)) == 2


def test_given_a_gap_length_when_silence_is_shorter_then_the_line_holds():
    points = [(NOW + timedelta(minutes=5 * index), 1.0) for index in (*range(10), *range(40, 50))]

    assert len(strokes(one(points, window=Window(gap_s=4 * 3600)).svg)) == 1


def test_given_a_lone_reading_when_drawn_then_it_is_a_dot():
    assert len(parts(one(daily(5)).svg, "circle")) == 1


def test_given_lowest_and_highest_when_drawn_then_there_is_a_band():
    points = [(at, value, value - 1, value + 1) for at, value in daily(5, 6, 7)]

    chart = one(points, unit=" °C")

    assert [path.get("opacity") for path in parts(chart.svg, "path")] == ["0.16", None]
    assert chart.rows[-1][1] == "7 °C (6 °C – 8 °C)"


def test_given_a_year_of_five_minute_readings_when_drawn_then_points_and_rows_are_few_and_extremes_remain():
    points = [(NOW + timedelta(minutes=5 * index), 1000.0 if index == 777 else 1.0) for index in range(105_120)]

    chart = one(points)

    longest = max(path.get("d", "").count("L") for path in strokes(chart.svg))
    assert longest <= MOST_POINTS
    assert len(chart.rows) <= MOST_ROWS
    assert any("1000" in text for text in said(chart.svg))


@pytest.mark.parametrize("points", [[], daily(None, None), daily(math.nan)])
def test_given_no_reading_when_drawn_then_the_picture_says_so(points):
    chart = one(points, label="Uplink")

    assert name_of(chart.svg) == "Uplink: no readings yet"
    assert chart.rows == ()


@pytest.mark.parametrize("values", [(5, 5, 5), (1e308, -1e308), (1e-300, 2e-300), (math.inf, 3, 4)])
def test_given_odd_values_when_drawn_then_every_point_lies_in_the_box(values):
    for path in strokes(one(daily(*values)).svg):
        for point in path.get("d", "").removeprefix("M").split("L"):
            assert 0 <= float(point.split()[1]) <= 230


def test_given_two_series_when_drawn_then_they_differ_in_more_than_colour():
    series = [{"label": label, "points": daily(1, 2, 3)} for label in ("Incoming", "Outgoing")]

    drawn = lines(series, label="Uplink").svg

    assert [path.get("stroke-dasharray") for path in strokes(drawn)] == [None, "6 4"]
    assert name_of(drawn) == "Uplink. Incoming: from 1 to 3; Outgoing: from 1 to 3"


def test_given_a_limit_when_drawn_then_it_is_inside_and_named():
    assert "350 Mbit/s" in said(one(daily(1, 2), limit=350, unit=" Mbit/s").svg)


def test_given_a_long_unit_when_drawn_then_it_stands_once_above_the_axis():
    assert said(one(daily(100, 300), unit=" Mbit/s").svg).count("Mbit/s") == 1
