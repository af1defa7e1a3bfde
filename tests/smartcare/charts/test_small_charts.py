"""Tiles, pips, reason bars and the three-year line."""

import math

import pytest

from smartcare.charts.mini import mini
from smartcare.charts.pips import pips
from smartcare.charts.reason_bars import reason_bars, weight
from smartcare.charts.states import state_of_score, worst
from smartcare.charts.tiles import tiles
from tests.smartcare.charts.drawings import name_of, parts


def test_given_customers_when_drawn_as_tiles_then_each_is_a_link_that_says_its_state():
    drawn = tiles([{"label": "Alder", "state": "risk", "score": 61.4, "url": "/p/n/customers/a"}])

    link = parts(drawn, "a")[0]
    assert link.get("href") == "/p/n/customers/a"
    assert "".join(link.itertext()) == "Alder: At risk, 61"


def test_given_healthy_customers_when_drawn_as_tiles_then_phones_get_one_tile_for_all_of_them():
    drawn = tiles([{"label": "a", "state": "ok", "score": 99, "url": "#"}] * 3, rest_url="/all")

    assert "".join(parts(drawn, "li")[-1].itertext()) == "3 healthy"


def test_given_nobody_when_drawn_as_tiles_then_there_is_no_empty_list():
    assert tiles([]) == ""


def test_given_kinds_of_data_when_drawn_as_pips_then_shape_and_name_tell_them():
    drawn = pips({"health", "inventory", "gossip"})

    assert len(parts(drawn, "rect")) == 5
    assert len(parts(drawn, "path")) == 2
    assert name_of(drawn) == "Shared: device list, health and alerts"


def test_given_nothing_shared_when_drawn_as_pips_then_the_name_says_so():
    assert name_of(pips([])) == "Nothing is shared"


@pytest.mark.parametrize(
    ("share", "word"), [(92, "most"), (58, "some"), (9, "little"), (None, "little"), (math.nan, "little")]
)
def test_given_a_share_when_weighed_then_a_word_says_it(share, word):
    assert weight(share) == word


def test_given_reasons_when_drawn_then_no_percentage_is_shown():
    drawn = reason_bars([{"text": "VPN users grew", "share": 92, "state": "risk"}])

    assert "most" in drawn
    assert "%" not in drawn


def test_given_a_share_out_of_range_when_drawn_then_the_bar_fits():
    widths = [part.get("width") for part in parts(reason_bars([{"text": "x", "share": 900}]), "rect")]

    assert widths == ["100", "100"]


def test_given_a_limit_reached_when_drawn_over_three_years_then_it_is_marked_and_named():
    drawn = mini(12, first_year=2026, label="Memory")

    assert len(parts(drawn, "circle")) == 1
    assert name_of(drawn) == "Memory: limit reached after 12 months"


@pytest.mark.parametrize("months", [None, 40, math.nan])
def test_given_a_limit_not_reached_when_drawn_over_three_years_then_there_is_no_mark(months):
    drawn = mini(months, label="Memory")

    assert not parts(drawn, "circle")
    assert name_of(drawn) == "Memory: limit not reached in 36 months"


@pytest.mark.parametrize(
    ("score", "state"), [(85, "ok"), (84.9, "watch"), (70, "watch"), (69.9, "risk"), (None, "mute")]
)
def test_given_a_score_when_asked_for_its_state_then_the_bounds_are_those_of_the_handbook(score, state):
    assert state_of_score(score) == state


def test_given_several_states_when_asked_for_the_worst_then_down_comes_before_risk():
    assert worst(["ok", "risk", "down", "watch"]) == "down"


def test_given_no_state_when_asked_for_the_worst_then_it_is_no_report():
    assert worst([]) == "mute"
