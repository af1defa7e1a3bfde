from datetime import timedelta

from smartcare.charts.horizon import Event, horizon
from tests.smartcare.charts.drawings import TODAY, name_of, parts, said


def event(days: int, title: str = "Memory full", **more) -> Event:
    return {"at": TODAY + timedelta(days=days), "state": "risk", "title": title, **more}


def marks(drawn: str) -> list:
    return [group for group in parts(drawn, "g") if "scale(1.3)" in group.get("transform", "")]


def test_given_events_when_drawn_then_titles_stand_in_the_picture_and_in_its_name():
    drawn = horizon([event(20, "Lyon firewall out of memory", detail="likely soon")], today=TODAY).svg

    assert "Lyon firewall out of memory" in said(drawn)
    assert name_of(drawn) == "Next 90 days: 14 Dec 2026, Lyon firewall out of memory, likely soon"


def test_given_an_interval_when_drawn_then_its_width_shows_how_sure_we_are():
    wide = event(30, earliest=TODAY + timedelta(days=10), latest=TODAY + timedelta(days=60))
    narrow = event(30, earliest=TODAY + timedelta(days=29), latest=TODAY + timedelta(days=31))

    widths = [float(parts(horizon([one], today=TODAY).svg, "rect")[0].get("width")) for one in (wide, narrow)]

    assert widths[0] > 20 * widths[1]


def test_given_an_event_beyond_the_horizon_when_drawn_then_it_is_left_out():
    chart = horizon([event(20), event(200)], today=TODAY)

    assert len(marks(chart.svg)) == len(chart.rows) == 1


def test_given_an_overdue_event_when_drawn_then_it_stands_at_today():
    assert marks(horizon([event(-5)], today=TODAY).svg)[0].get("transform", "").startswith("translate(7.5 ")


def test_given_twenty_events_on_one_day_when_drawn_then_each_has_a_mark_and_a_row_and_few_have_labels():
    chart = horizon([event(20, f"Event {index}") for index in range(20)], today=TODAY)

    assert len(marks(chart.svg)) == len(chart.rows) == 20
    assert len([text for text in said(chart.svg) if text.startswith("Event")]) == 4


def test_given_nothing_when_drawn_then_the_name_says_that_nothing_is_due():
    assert name_of(horizon([], today=TODAY).svg) == "Next 90 days: nothing is due"
