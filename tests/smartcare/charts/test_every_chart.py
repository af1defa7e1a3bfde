"""What holds for every chart alike."""

import re

import pytest

from smartcare.charts.palette import COLOURS
from tests.smartcare.charts.drawings import EVERY_CHART, PICTURES, name_of, parsed

HOSTILE = "\"><script>alert(1)</script>' onload='x' \x00\ufffe & ]]> {{ x }} \n <i>"


@pytest.mark.parametrize("kind", EVERY_CHART)
def test_given_a_hostile_label_when_drawn_then_it_stays_text(kind):
    markup = EVERY_CHART[kind](HOSTILE)

    names = {element.tag.rpartition("}")[2] for element in parsed(markup).iter()}
    attributes = {name for element in parsed(markup).iter() for name in element.attrib}
    assert not names & {"script", "i"}
    assert not [name for name in attributes if name.startswith("on")]


@pytest.mark.parametrize("kind", PICTURES)
def test_when_drawn_then_the_picture_has_a_name_that_is_a_sentence(kind):
    markup = EVERY_CHART[kind]("Lyon firewall")

    assert ' role="img"' in markup
    assert len(name_of(markup).split()) >= 2


@pytest.mark.parametrize("kind", EVERY_CHART)
def test_when_drawn_then_nothing_depends_on_inline_style_or_on_an_id(kind):
    attributes = {name for element in parsed(EVERY_CHART[kind]("Lyon")).iter() for name in element.attrib}

    assert not attributes & {"style", "id"}


@pytest.mark.parametrize("kind", PICTURES)
def test_when_drawn_then_every_colour_class_carries_its_literal_colour_for_pdf_and_mail(kind):
    for element in parsed(EVERY_CHART[kind]("Lyon")).iter():
        for class_ in element.get("class", "").split():
            if found := re.fullmatch(r"([fk])-(\w+)", class_):
                attribute = "fill" if found[1] == "f" else "stroke"
                assert element.get(attribute) == COLOURS[found[2]]


@pytest.mark.parametrize("kind", PICTURES)
def test_when_drawn_then_words_carry_a_font_for_pdf_and_mail(kind):
    drawing = parsed(EVERY_CHART[kind]("Lyon")).find(".//*[@role='img']")

    assert drawing is not None
    assert "Inter" in drawing.get("font-family", "")
