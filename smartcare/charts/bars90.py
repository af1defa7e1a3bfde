"""One bar per day: which days were healthy. An outage has a dot as well, a silent day is shorter."""

from collections.abc import Sequence
from datetime import date, timedelta

from smartcare.charts import scale, svg
from smartcare.charts.states import known
from smartcare.charts.words import ENGLISH, Words

STEP, HEIGHT = 10, 24


def bars90(
    states: Sequence[str], *, label: str = "", first_day: date | None = None, words: Words = ENGLISH
) -> svg.Chart:
    """Bars for the states of days, oldest first (usually 90). Rows name the days that were not healthy."""
    days = [known(state) for state in states]
    name = words.bars.format(
        label=label,
        days=len(days),
        down=days.count("down"),
        warned=days.count("watch") + days.count("risk"),
        mute=days.count("mute"),
    )
    body = "".join(_bar(index, state) for index, state in enumerate(days))
    drawing = svg.picture((max(len(days), 1) * STEP, HEIGHT), name, body, stretch=True)
    rows = tuple(
        (_day(index, first_day, words), words.state[state]) for index, state in enumerate(days) if state != "ok"
    )
    return svg.Chart(drawing, name, (words.day, words.status), rows)


def _bar(index: int, state: str) -> str:
    top = 8 if state == "mute" else 0
    bar = svg.element(
        "rect",
        **svg.paint(state),
        opacity="0.5" if state == "ok" else None,
        x=index * STEP + 1,
        y=top,
        width=7.6,
        height=HEIGHT - top,
        rx=2.5,
    )
    if state not in ("risk", "down"):
        return bar
    return bar + svg.element("circle", **svg.paint("surf"), cx=index * STEP + 4.8, cy=6, r=1.9)


def _day(index: int, first_day: date | None, words: Words) -> str:
    if first_day is None:
        return str(index + 1)
    return scale.day_words(first_day + timedelta(days=index), words, year=True)
