from datetime import date

from smartcare.charts.gantt import gantt
from tests.smartcare.charts.drawings import TODAY, name_of, parts, said

YEAR = {"start": date(2026, 1, 1), "end": date(2027, 1, 1)}
NORTHWIND = {
    "name": "Northwind IT",
    "note": "ends 22 Feb",
    "spans": [{"start": date(2026, 2, 22), "end": date(2026, 9, 1), "label": "All sites"}],
}


def test_given_a_grant_when_drawn_then_bar_and_name_tell_from_when_to_when():
    drawn = gantt([NORTHWIND], **YEAR).svg

    assert len(parts(drawn, "rect")) == 1
    assert "Northwind IT, All sites 22 Feb 2026 – 1 Sep 2026, ends 22 Feb" in name_of(drawn)


def test_given_a_grant_outside_when_drawn_then_there_is_no_bar_but_a_row():
    old = {"name": "Kestrel", "spans": [{"start": date(2020, 1, 1), "end": date(2020, 2, 1)}]}

    chart = gantt([old], **YEAR)

    assert not parts(chart.svg, "rect")
    assert chart.rows == (("Kestrel", "", "1 Jan 2020", "1 Feb 2020", ""),)


def test_given_a_grant_of_an_hour_when_drawn_then_it_can_still_be_seen():
    short = {"name": "Staff", "spans": [{"start": date(2026, 9, 14), "end": date(2026, 9, 14)}]}

    assert float(parts(gantt([short], **YEAR).svg, "rect")[0].get("width")) >= 6


def test_given_a_grant_that_lasts_longer_than_the_picture_when_drawn_then_it_ends_at_the_edge():
    long = {"name": "Northwind", "spans": [{"start": date(2000, 1, 1), "end": date(2100, 1, 1)}]}

    bar = parts(gantt([long], **YEAR).svg, "rect")[0]

    assert (bar.get("x"), bar.get("width")) == ("138", "612")


def test_given_today_when_drawn_then_it_is_marked_and_no_month_overlaps_it():
    words = said(gantt([NORTHWIND], today=TODAY, **YEAR).svg)

    assert "Today" in words
    assert "Nov" not in words


def test_given_nobody_when_drawn_then_the_name_says_so():
    assert name_of(gantt([], **YEAR).svg) == "From 1 Jan 2026 to 1 Jan 2027: nobody had access"
