import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartcare.charts.spark import HEIGHT, WIDTH, spark
from tests.smartcare.charts.drawings import name_of, parts


def test_given_values_when_drawn_then_the_name_says_first_and_last():
    assert name_of(spark([61, 70, 81.5], label="Memory")) == "Memory: from 61 to 81.5"


def test_given_a_gap_when_drawn_then_there_are_two_lines_with_their_areas():
    assert len(parts(spark([1, 2, None, 3, 4]), "path")) == 4


def test_given_one_value_when_drawn_then_it_is_a_short_level_line():
    drawn = spark([5])

    assert len(parts(drawn, "path")) == 2
    assert name_of(drawn) == ": from 5 to 5"


@pytest.mark.parametrize("values", [[], [None, None], [math.nan]])
def test_given_no_value_when_drawn_then_a_dashed_base_and_the_name_say_so(values):
    drawn = spark(values, label="Memory")

    assert parts(drawn, "path")[0].get("stroke-dasharray") == "3 4"
    assert name_of(drawn) == "Memory: no readings yet"


def test_given_equal_values_when_drawn_then_the_line_is_level_in_the_middle():
    line = parts(spark([99, 99, 99]), "path")[1].get("d", "")

    heights = {float(point.split()[1]) for point in line.removeprefix("M").split("L")}
    assert heights == {(HEIGHT - 3 + 4) / 2}


@given(st.lists(st.one_of(st.none(), st.floats()), max_size=50))
def test_given_any_values_when_drawn_then_every_point_lies_in_the_box(values):
    for path in parts(spark(values), "path"):
        for point in path.get("d", "").rstrip("z").removeprefix("M").split("L"):
            x, y = map(float, point.split())
            assert -2 <= x <= WIDTH + 2
            assert 0 <= y <= HEIGHT


def test_given_an_unknown_state_when_drawn_then_it_is_grey():
    assert "k-mute" in spark([1, 2], state="purple")
