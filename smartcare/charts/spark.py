"""A small line without axes: which way a reading went."""

from collections.abc import Sequence

from smartcare.charts import scale, svg
from smartcare.charts.states import known
from smartcare.charts.words import ENGLISH, Words

WIDTH, HEIGHT = 120, 32
FLAT = 1e-9  # the line of nothing but noughts still has a height
CALM = (
    0.05  # of the size, up and down, is the least that is shown: a score between 92 and 96 does not look like a storm
)


def spark(
    values: Sequence[float | None], *, state: str = "ok", label: str = "", small: bool = False, words: Words = ENGLISH
) -> str:
    """The line, oldest value first; missing values leave a gap. An almost level line stays in the middle."""
    colour = known(state)
    there = scale.present(values)
    classes = "spark sm" if small else "spark"
    if not there:
        return svg.picture(
            (WIDTH, HEIGHT), words.nothing_yet.format(label=label), _base(), class_=classes, stretch=True
        )
    low, high = min(there), max(there)
    margin = max((abs(high) + abs(low)) * CALM, FLAT)
    if high - low < 2 * margin:
        low, high = low - margin, high + margin
    across = scale.Scale(0, max(len(values) - 1, 1), 0, WIDTH)
    up = scale.Scale(low, high, HEIGHT - 3, 4)
    body = "".join(_piece(piece, colour) for piece in _pieces(values, across, up))
    name = words.spark.format(label=label, first=scale.short(there[0]), last=scale.short(there[-1]))
    return svg.picture((WIDTH, HEIGHT), name, body, class_=classes, stretch=True)


def _base() -> str:
    line = svg.path([(0, HEIGHT - 4), (WIDTH, HEIGHT - 4)])
    return svg.element("path", **svg.paint("", "mute", more="l"), d=line, stroke_width=1.75, stroke_dasharray="3 4")


def _pieces(values: Sequence[float | None], across: scale.Scale, up: scale.Scale) -> list[list[tuple[float, float]]]:
    """Unbroken runs of points; a lone reading becomes a short level line."""
    runs: list[list[tuple[float, float]]] = [[]]
    for index, value in enumerate(values):
        number = scale.finite(value)
        if number is None:
            runs.append([])
        else:
            runs[-1].append((across(index), up(number)))
    return [run if len(run) > 1 else [(run[0][0] - 2, run[0][1]), (run[0][0] + 2, run[0][1])] for run in runs if run]


def _piece(points: list[tuple[float, float]], colour: str) -> str:
    line = svg.path(points)
    (first, _), (last, _) = points[0], points[-1]
    area = f"{line}L{svg.number(last)} {HEIGHT}L{svg.number(first)} {HEIGHT}z"
    return svg.element("path", **svg.paint(colour, more="a"), d=area, opacity="0.13") + svg.element(
        "path", **svg.paint("", colour, more="l"), d=line, stroke_width=1.75
    )
