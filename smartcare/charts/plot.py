"""The frame that charts over time share: box, grid, time axis, one line of readings."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from smartcare.charts import scale, svg
from smartcare.charts.words import Words

WIDTH, RIGHT, TOP, BOTTOM = 640, 10, 32, 26
DIGIT = 10.0  # px an axis character takes where phones draw it larger
SHORT_UNIT = 1  # characters; a longer unit stands once above the axis


@dataclass(frozen=True, slots=True)
class Plot:
    """A box with its two scales. unit: written after every value."""

    across: scale.Scale
    up: scale.Scale
    left: float
    height: float
    unit: str

    @classmethod
    def of(cls, times: tuple[datetime, datetime], domain: tuple[float, float], *, height: float, unit: str) -> "Plot":
        """A box for times (aware) and a domain of values."""
        longest = max(len(scale.short(tick)) for tick in scale.ticks(*domain) or [0.0])
        left = max(50.0, (longest + (len(unit) == SHORT_UNIT)) * DIGIT + 18)
        start, end = (moment.timestamp() for moment in times)
        return cls(
            across=scale.Scale(start, end, left, WIDTH - RIGHT),
            up=scale.Scale(*domain, height - BOTTOM, TOP),
            left=left,
            height=height,
            unit=unit,
        )

    def x(self, moment: datetime) -> float:
        """Place of a moment."""
        return self.across(moment.timestamp())

    def grid(self, times: tuple[datetime, datetime], words: Words) -> str:
        """Lines and labels of both axes. times: in the zone whose clock is shown."""
        each, once = (self.unit, "") if len(self.unit) <= SHORT_UNIT else ("", self.unit.strip())
        body = svg.axis_text(0, 13, once) if once else ""
        for tick in scale.ticks(self.up.low, self.up.high):
            y = self.up(tick)
            body += svg.element("line", **svg.paint(stroke="line"), x1=self.left, x2=WIDTH - RIGHT, y1=y, y2=y)
            body += svg.axis_text(self.left - 8, y + 4, scale.short(tick, each), anchor="end")
        for moment, label in scale.time_ticks(*times, words, most=6):
            x = self.x(moment)
            anchor = "end" if x > WIDTH - RIGHT - 24 else "middle"
            body += svg.axis_text(x, self.height - 6, label, anchor=anchor)
        return body

    def line(
        self, points: Sequence[tuple[datetime, float]], colour: str, *, width: float, dash: str | None = None
    ) -> str:
        """Straight from point to point; a lone point is a dot."""
        places = [(self.x(moment), self.up(value)) for moment, value in points]
        if len(places) == 1:
            return svg.element("circle", **svg.paint(colour), cx=places[0][0], cy=places[0][1], r=width)
        return svg.element(
            "path",
            **svg.paint("", colour),
            stroke_width=width,
            stroke_dasharray=dash,
            stroke_linejoin="round",
            d=svg.path(_without_level_middles(places)),
        )

    def area(self, edges: Sequence[tuple[datetime, float, float]], *, class_: str, fill: str, opacity: str) -> str:
        """Filled between a lower and an upper edge. edges: moment, low, high."""
        upper = [(self.x(moment), self.up(high)) for moment, _, high in edges]
        lower = [(self.x(moment), self.up(low)) for moment, low, _ in reversed(edges)]
        return svg.element("path", class_=class_, fill=fill, opacity=opacity, d=f"{svg.path(upper + lower)}z")

    def limit(self, value: float, label: str) -> str:
        """A dotted line across at a value, with words above it."""
        y = self.up(value)
        line = svg.element(
            "line",
            **svg.paint(stroke="down"),
            stroke_width=1.5,
            stroke_dasharray="2 3",
            x1=self.left,
            x2=WIDTH - RIGHT,
            y1=y,
            y2=y,
        )
        return line + svg.axis_text(self.left + 6, y - 6, label, bold=True)


def _without_level_middles(places: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The same line with fewer points: of a level stretch its two ends."""
    heights = [round(y, 1) for _, y in places]
    last = len(places) - 1
    return [
        place
        for index, place in enumerate(places)
        if index in (0, last) or not heights[index - 1] == heights[index] == heights[index + 1]
    ]
