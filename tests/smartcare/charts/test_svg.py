import math

import pytest

from smartcare.charts import svg
from tests.smartcare.charts.drawings import parts


def test_given_quotes_and_brackets_when_written_as_words_then_they_are_escaped():
    assert svg.words("a\"<b>'&") == "a&quot;&lt;b&gt;&#x27;&amp;"


def test_given_control_characters_when_written_as_words_then_they_are_gone():
    assert svg.words("a\x00b\x1b[31m\u202ec") == "ab[31mc"


def test_given_a_long_text_when_clipped_then_an_ellipsis_says_so():
    assert svg.clipped("Wi-Fi access point", 9) == "Wi-Fi ac…"


def test_given_a_short_text_when_clipped_then_it_stays():
    assert svg.clipped("Wi-Fi", 9) == "Wi-Fi"


@pytest.mark.parametrize(("value", "text"), [(1.0, "1"), (1.26, "1.3"), (-0.01, "0"), (-2.5, "-2.5")])
def test_when_a_coordinate_is_written_then_it_has_one_decimal_at_most(value, text):
    assert svg.number(value) == text


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_given_no_number_when_a_coordinate_is_written_then_it_is_refused(value):
    with pytest.raises(ValueError, match="not a coordinate"):
        svg.number(value)


def test_when_an_element_is_made_then_none_leaves_an_attribute_out():
    made = parts(svg.element("rect", class_="f-ok", stroke_width=2, rx=None), "rect")[0]

    assert made.attrib == {"class": "f-ok", "stroke-width": "2"}
