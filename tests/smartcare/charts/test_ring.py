import math

import pytest

from smartcare.charts.ring import ring
from tests.smartcare.charts.drawings import name_of, parts, said


@pytest.mark.parametrize(
    ("score", "colour"), [(100, "k-ok"), (85, "k-ok"), (84.4, "k-watch"), (70, "k-watch"), (69, "k-risk")]
)
def test_given_a_score_when_drawn_then_the_ring_has_the_colour_of_its_state(score, colour):
    assert parts(ring(score), "circle")[1].get("class") == colour


def test_given_a_score_when_drawn_then_number_and_name_say_it():
    drawn = ring(87, label="Network health")

    assert said(drawn) == ["87"]
    assert name_of(drawn) == "Network health: 87 out of 100, healthy"


def test_given_a_score_that_rounds_up_when_drawn_then_number_and_colour_agree():
    drawn = ring(84.6)

    assert said(drawn) == ["85"]
    assert parts(drawn, "circle")[1].get("class") == "k-ok"


def test_given_zero_when_drawn_then_there_is_no_arc_but_a_number():
    assert len(parts(ring(0), "circle")) == 1
    assert said(ring(0)) == ["0"]


@pytest.mark.parametrize("score", [None, math.nan])
def test_given_no_score_when_drawn_then_there_is_a_dash_and_the_name_says_so(score):
    assert said(ring(score)) == ["–"]
    assert name_of(ring(score)) == "Health: no score yet"


def test_given_a_score_over_a_hundred_when_drawn_then_the_ring_is_full():
    assert said(ring(1e300)) == ["100"]


def test_when_a_line_is_added_then_it_stands_under_the_number():
    assert said(ring(87, size=148, sub="of 100")) == ["87", "of 100"]
