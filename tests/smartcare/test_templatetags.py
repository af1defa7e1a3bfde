"""The tags and filters of `{% load charts %}`, and the templates that every page is made of."""

import json
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.contrib.auth.models import AnonymousUser
from django.template import engines
from django.template.loader import render_to_string
from django.test import RequestFactory
from django.utils import timezone

from smartcare.kitchen_sink import samples
from smartcare.templatetags import _marks, _text

ROOT = Path(__file__).resolve().parents[2]
NOON = datetime(2026, 12, 14, 12, 0, tzinfo=UTC)
NAV = [{"title": "Sharing", "items": [{"url": "/access", "icon": "access", "label": "Who can see", "count": 1}]}]


def rendered(source: str, **context: object) -> str:
    return engines["django"].from_string("{% load charts %}" + source).render(context)


def every_component() -> str:
    """The kitchen sink as somebody without a session would get it."""
    request = RequestFactory().get("/", {"sort": "name"})
    request.user = AnonymousUser()
    return render_to_string("staff/kitchen_sink.html", samples(), request=request)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.814, "1", "81.4%"),
        (0.0002, "1", "0.02%"),
        (95, "%", "95%"),
        (412_000_000_000, "By", "412 GB"),
        (380e6, "bit/s", "380 Mbit/s"),
        (48, "Cel", "48 °C"),
        (-2.5, "dBm", "-2.5 dBm"),
        (0.012, "s", "12 ms"),
        (42, "s", "42 s"),
        (2460, "s", "41 min"),
        (10_540_800, "s", "122 days"),
        (1204, "{session}", "1,204"),
        (0, "By", "0 B"),
        ("up", "", "up"),
        (None, "s", "–"),
        (float("nan"), "By", "–"),
        (float("inf"), "1", "–"),
    ],
)
def test_when_a_reading_is_written_then_it_has_a_human_size_and_unit(value, unit, text):
    assert _text.metric_value(value, unit) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (8, "8 s ago"),
        (-1200, "in 20 min"),
        (10_800, "3 h ago"),
        (0, "just now"),
        (86_400 * 3, "11 Dec"),
        (86_400 * 400, "9 Nov 2025"),
    ],
)
def test_when_a_moment_is_near_then_the_distance_is_said_and_else_the_date(seconds, text):
    with timezone.override(UTC):
        assert _text.ago(NOON - timedelta(seconds=seconds), NOON) == text


def test_given_no_moment_when_asked_how_long_ago_then_never():
    assert _text.ago(None) == "never"


def test_given_a_zone_when_a_moment_is_written_then_its_clock_is_used_and_the_machine_can_read_it():
    written = _text.datez(NOON, "Europe/Paris")

    assert written == '<time datetime="2026-12-14T13:00:00+01:00">14 Dec 2026, 13:00</time>'


def test_given_a_zone_east_when_only_the_day_is_written_then_it_is_the_day_there():
    assert _text.dayz(datetime(2026, 12, 14, 23, 30, tzinfo=UTC), "Europe/Paris") == (
        '<time datetime="2026-12-15">15 Dec 2026</time>'
    )


def test_given_an_unknown_zone_when_a_moment_is_written_then_the_readers_own_is_used():
    with timezone.override(UTC):
        assert "12:00" in _text.datez(NOON, "Mars/Olympus")


@pytest.mark.parametrize(("value", "text"), [(date(2026, 1, 2), "2 Jan 2026"), (None, "–")])
def test_given_a_day_or_nothing_when_written_then_there_is_no_clock(value, text):
    assert text in _text.datez(value)


@pytest.mark.parametrize(
    ("values", "unit", "expected"),
    [
        ([0.5], "1", (100.0, "%")),
        ([4e9], "By", (1e-9, " GB")),
        ([380e6, None], "bit/s", (1e-6, " Mbit/s")),
        ([86_400 * 9], "s", (1 / 86_400, " days")),
        ([0.02], "s", (1000.0, " ms")),
        ([48], "Cel", (1.0, " °C")),
        ([], "By", (1.0, " B")),
        ([12], "{session}", (1.0, "")),
    ],
)
def test_when_an_axis_is_chosen_then_its_unit_fits_the_largest_value(values, unit, expected):
    assert _text.axis_scale(values, unit) == (pytest.approx(expected[0]), expected[1])


@pytest.mark.parametrize(
    ("name", "letters"),
    [("Northwind IT", "NI"), ("Brightwire", "BR"), ("Aïcha Benali", "AB"), ("", "?"), ("  “ ", "?")],
)
def test_when_a_name_is_shortened_then_two_letters_stand_for_it(name, letters):
    assert _marks.initials(name) == letters


def test_given_a_hostile_name_when_used_in_marks_then_it_stays_text():
    out = rendered("{% avatar n %}{% chip 'risk' n %}{% chip 'plain' n %}{% icon n %}", n="<script>'\">")

    assert "<script" not in out
    assert out.count("<svg") == 2


def test_given_a_state_without_words_when_shown_as_chip_then_its_own_word_is_said():
    assert re.sub(r"<[^>]+>", "", rendered("{% chip 'watch' %}")) == "Watch"


def test_when_a_chart_has_numbers_then_they_follow_as_a_table():
    out = rendered("{% chart_bars90 states 'Lyon' table=True %}", states=["ok", "down"])

    assert "<details" in out
    assert '<th scope="row">2</th><td class="num">Down</td>' in out


def test_given_a_table_is_not_wanted_when_a_chart_is_drawn_then_it_is_the_picture_alone():
    assert rendered("{% chart_bars90 states 'Lyon' %}", states=["ok"]).startswith("<svg")


def test_when_a_forecast_is_drawn_then_its_data_for_hovering_are_json_beside_it():
    history = [(NOON - timedelta(days=day), 80 - day) for day in reversed(range(5))]
    ahead = [(NOON + timedelta(days=day), 80 + day, 81 + day, 82 + day) for day in range(1, 5)]

    out = rendered(
        "{% chart_forecast h a limit=95 limit_label=l label='Memory' %}", h=history, a=ahead, l="</script><b>"
    )

    assert "<b>" not in out
    data = json.loads(re.search(r'<script type="application/json">(.*?)</script>', out, re.DOTALL)[1])
    assert len(data["series"]) == 5


def test_given_a_ratio_when_drawn_as_lines_then_the_axis_is_in_percent():
    points = [(NOON + timedelta(hours=hour), 0.2 * hour) for hour in range(5)]

    out = rendered("{% chart_lines s unit='1' label='Memory' %}", s=[{"label": "Memory", "points": points}])

    assert 'aria-label="Memory: from 0% to 80%"' in out


@pytest.mark.parametrize("kind", ["customer", "partner", "staff"])
def test_given_a_viewer_when_a_page_is_made_then_it_has_navigation_search_and_a_way_out(kind):
    viewer = SimpleNamespace(user=SimpleNamespace(email="ada@acme.example"))

    page = render_to_string(
        "base.html",
        {
            "viewer": viewer,
            "nav": NAV,
            "tabs": NAV[0]["items"],
            "org_name": "Acme",
            "org_kind": kind,
            "search_url": "/s",
        },
    )

    assert 'aria-label="Account of ada@acme.example"' in page
    assert {"customer": "Customer", "partner": "Partner", "staff": "Staff"}[kind] in page
    assert page.count('href="/access"') == 2
    assert 'role="search"' in page


def test_given_no_context_at_all_when_a_page_is_made_then_it_still_stands():
    page = render_to_string("base.html", {})

    assert '<main id="main"' in page
    assert '"allowEval":false' in page


@pytest.mark.parametrize("code", ["403", "404", "500", "503"])
def test_given_nothing_works_when_an_error_page_is_made_then_it_says_what_to_do(code):
    page = render_to_string(f"errors/{code}.html", {})

    assert page.count("<h1") == 1
    assert 'class="btn' in page


def test_when_a_column_is_sorted_then_its_link_turns_the_order_and_readers_hear_it():
    page = every_component()

    assert '<th scope="col" aria-sort="ascending"><a href="?sort=-name">Reading' in page
    assert 'href="?sort=value"' in page


def test_when_every_component_is_shown_then_headings_and_ids_are_in_order():
    page = every_component()

    ids = re.findall(r'\sid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert page.count("<h1") == 1
    levels = [int(level) for level in re.findall(r"<h([1-6])", page)]
    assert all(after - before <= 1 for before, after in zip(levels, levels[1:], strict=False))


def test_given_a_refused_form_when_shown_then_summary_fields_and_errors_point_at_each_other():
    page = every_component()

    for target in re.findall(r'<a href="#(id_\w+)">', page):
        assert f'id="{target}"' in page
    for described in re.findall(r'aria-describedby="([^"]+)"', page):
        assert all(f'id="{one}"' in page for one in described.split())


def test_the_handbook_names_every_include_and_every_tag():
    handbook = (ROOT / "docs" / "UI.md").read_text()
    includes = {file.stem for file in (ROOT / "templates" / "ui").glob("_*.html")}
    inside_others = {"_account_menu", "_chart", "_document_head", "_field_errors", "_forecast_legend", "_live", "_mark"}
    inside_others |= {"_messages", "_pips", "_side", "_tabbar", "_theme_toggle", "_topbar"}
    tags = set(engines["django"].engine.template_libraries["charts"].tags)

    assert {name for name in includes - inside_others if f"`{name}`" not in handbook} == set()
    assert {tag for tag in tags if f"{{% {tag}" not in handbook} == set()
