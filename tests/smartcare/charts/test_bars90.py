from datetime import date

from smartcare.charts.bars90 import bars90
from tests.smartcare.charts.drawings import name_of, parts


def test_given_days_when_drawn_then_there_is_one_bar_for_each():
    assert len(parts(bars90(["ok"] * 90).svg, "rect")) == 90


def test_given_an_outage_when_drawn_then_it_has_a_dot_besides_its_colour():
    drawn = bars90(["ok", "down", "ok"]).svg

    assert len(parts(drawn, "circle")) == 1


def test_given_bad_days_when_drawn_then_the_name_counts_them():
    chart = bars90(["ok", "down", "watch", "risk", "mute"], label="Lyon office")

    assert name_of(chart.svg) == "Lyon office, 5 days: 1 with an outage, 2 with warnings, 1 without report"


def test_given_bad_days_when_drawn_then_the_rows_name_them():
    chart = bars90(["ok", "down"], first_day=date(2026, 12, 31))

    assert chart.rows == (("1 Jan 2027", "Down"),)


def test_given_no_day_when_drawn_then_the_picture_is_empty_and_says_so():
    assert name_of(bars90([], label="Lyon").svg).startswith("Lyon, 0 days")
