"""A health score from 0 to 100 as a ring with the number printed in it."""

import math

from smartcare.charts import scale, svg
from smartcare.charts.states import state_of_score
from smartcare.charts.words import ENGLISH, Words


def ring(value: float | None, *, size: float = 56, label: str = "Health", sub: str = "", words: Words = ENGLISH) -> str:
    """The ring; no value is a dash on an empty track. value: 0-100, moved to the nearer end outside. size: pixels."""
    known = scale.finite(value)
    score = None if known is None else round(min(100.0, max(0.0, known)))
    state = state_of_score(score)
    stroke = size * 0.1
    middle, radius = size / 2, (size - stroke) / 2 - 1
    around = 2 * math.pi * radius
    circle = {"cx": middle, "cy": middle, "r": radius, "stroke_width": stroke}
    body = svg.element("circle", **svg.paint("", "track"), **circle)
    if score:
        body += svg.element(
            "circle",
            **svg.paint("", state),
            **circle,
            stroke_linecap="round",
            stroke_dasharray=f"{svg.number(around * score / 100)} {svg.number(around)}",
            transform=f"rotate(-90 {svg.number(middle)} {svg.number(middle)})",
        )
    lift = size * 0.045 if sub else 0
    body += _centred(middle, middle + size * 0.115 - lift, "–" if score is None else score, size * 0.33)
    if sub:
        body += _centred(middle, middle + size * 0.27, sub, size * 0.1, small=True)
    sentence = words.ring_empty if score is None else words.ring
    name = sentence.format(label=label, value=score, state=words.state[state].lower())
    drawing = svg.picture((size, size), name, body)
    sized = drawing.replace("<svg ", f'<svg width="{svg.number(size)}" height="{svg.number(size)}" ', 1)
    return f'<span class="ring">{sized}</span>'


def _centred(x: float, y: float, text: object, size: float, *, small: bool = False) -> str:
    return svg.element(
        "text",
        svg.words(text),
        x=x,
        y=y,
        text_anchor="middle",
        font_size=size,
        font_weight=550 if small else 700,
        **svg.paint("ink3" if small else "ink", more="sub" if small else ""),
    )
