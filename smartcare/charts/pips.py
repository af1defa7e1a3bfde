"""Which of the five kinds of data are shared: five squares in an order that never changes."""

from collections.abc import Collection

from smartcare.charts import svg
from smartcare.charts.words import ENGLISH, Words

SIDE, STEP = 15, 18


def pips(shared: Collection[str], *, words: Words = ENGLISH) -> str:
    """Filled where shared, hollow where not. shared: category codes; unknown ones are not drawn."""
    body = ""
    for index, code in enumerate(words.kinds):
        there = code in shared
        colours = svg.paint("acc", "acc") if there else svg.paint("surf", "line2")
        body += svg.element(
            "rect", **colours, x=index * STEP + 0.5, y=0.5, width=SIDE - 1, height=SIDE - 1, rx=4, stroke_width=1
        )
        if there:
            x = index * STEP
            tick = f"M{x + 4} 7.7l2.4 2.4 4.6-5"
            body += svg.element("path", **svg.paint("", "surf"), d=tick, stroke_width=1.8, stroke_linecap="round")
    told = ", ".join(word for code, word in words.kinds.items() if code in shared)
    name = words.pips.format(kinds=told) if told else words.pips_none
    width = len(words.kinds) * STEP - STEP + SIDE
    drawing = svg.picture((width, SIDE), name, body, class_="pips5")
    return drawing.replace("<svg ", f'<svg width="{width}" height="{SIDE}" ', 1)
