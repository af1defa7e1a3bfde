"""Readings so far, where they probably go, and when they reach the limit."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import NamedTuple

from smartcare.charts import scale, svg
from smartcare.charts.palette import COLOURS
from smartcare.charts.plot import BOTTOM, RIGHT, TOP, WIDTH, Plot
from smartcare.charts.words import ENGLISH, Words

HEIGHT = 270
MOST_POINTS = 320  # one for every two pixels
MOST_ROWS = 13
HEADROOM = 1.12  # how far above the limit (or the readings) the band is drawn
Measured = tuple[datetime, float | None]
Predicted = tuple[datetime, float | None, float | None, float | None]


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is said besides the lines. limit in the unit of the values; the dates may be missing."""

    limit: float | None = None
    limit_label: str = ""
    runs_out_at: date | None = None
    earliest: date | None = None
    latest: date | None = None


class Expected(NamedTuple):
    """One moment of the prediction; low <= value <= high."""

    at: datetime
    low: float
    value: float
    high: float


@dataclass(frozen=True, slots=True)
class Frame:
    """What is drawn, cleaned: aware moments in one zone, finite values, one point where measured meets expected."""

    measured: list[tuple[datetime, float]]
    expected: list[Expected]
    now: datetime
    domain: tuple[float, float]
    zone: tzinfo

    @property
    def times(self) -> tuple[datetime, datetime]:
        """First and last moment drawn; never the same."""
        moments = [point[0] for point in self.measured] + [point[0] for point in self.expected] + [self.now]
        start, end = min(moments), max(moments)
        return (start, end) if end > start else (start, start + timedelta(days=1))


def frame(
    history: Sequence[Measured],
    predicted: Sequence[Predicted],
    outlook: Outlook,
    *,
    now: datetime | None = None,
    zone: tzinfo = UTC,
    most: float | None = None,
) -> Frame | None:
    """The data as they can be drawn; None without a single reading. The points come in order of time.

    most: what the quantity cannot exceed; the axis ends there, unless something was measured above it.
    """
    measured = _thinned(
        [(at.astimezone(zone), value) for at, raw in history if (value := scale.finite(raw)) is not None]
    )
    if not measured:
        return None
    meeting, last = measured[-1]
    later = [point for raw in predicted if (point := _expected(raw, zone)) and point.at > meeting]
    expected = [Expected(meeting, last, last, last), *later] if later else []
    limits = scale.present([outlook.limit])
    values = [value for _, value in measured] + limits
    ceiling = max(values) + (abs(max(values)) or 1.0) * (HEADROOM - 1)
    values += [min(point.low, ceiling) for point in later] + [ceiling] * bool(later)
    domain = scale.comfortable(values, zero=min(values) <= max(values) * 0.3)
    if most is not None and all(value <= most for value in [*(value for _, value in measured), *limits]):
        domain = (domain[0], min(domain[1], most))
    return Frame(measured, expected, (now or meeting).astimezone(zone), domain, zone)


def _expected(point: Predicted, zone: tzinfo) -> Expected | None:
    """A prediction as it can be drawn; without an edge the band has no width there."""
    at, low, middle, high = point
    value = scale.finite(middle)
    if value is None:
        return None
    lowest, highest = scale.finite(low), scale.finite(high)
    return Expected(
        at=at.astimezone(zone),
        low=value if lowest is None else min(lowest, value),
        value=value,
        high=value if highest is None else max(highest, value),
    )


def _thinned(points: list[tuple[datetime, float]]) -> list[tuple[datetime, float]]:
    """At most MOST_POINTS, evenly chosen; the last one, where the prediction begins, always stays."""
    every = math.ceil(len(points) / MOST_POINTS) or 1
    return points[::-every][::-1]


def forecast(
    data: Frame | None, outlook: Outlook, *, label: str = "", unit: str = "", words: Words = ENGLISH
) -> svg.Chart:
    """The picture. unit: written after the values; they are already in it."""
    if data is None:
        name = words.nothing_yet.format(label=label)
        empty = svg.axis_text(WIDTH / 2, HEIGHT / 2, name, anchor="middle")
        return svg.Chart(svg.picture((WIDTH, HEIGHT), name, empty), name)
    plot = Plot.of(data.times, data.domain, height=HEIGHT, unit=unit)
    body = plot.grid(data.times, words)
    if data.expected:
        edges = [(at, low, high) for at, low, _, high in data.expected]
        body += plot.area(edges, class_="band", fill=COLOURS["risk"], opacity="0.16")
    body += plot.line(data.measured, "acc", width=2.25)
    if data.expected:
        body += plot.line([(at, value) for at, _, value, _ in data.expected], "risk", width=2, dash="6 5")
    limit = scale.finite(outlook.limit)
    if limit is not None:
        body += plot.limit(limit, svg.clipped(outlook.limit_label or scale.short(limit, unit), 60))
    body += _now(plot, data, words) + _end(plot, data, outlook, limit, words)
    name = _name(data, outlook, label, unit, words)
    header = (words.day, words.measured, words.low, words.expected, words.high)
    return svg.Chart(svg.picture((WIDTH, HEIGHT), name, body), name, header, _rows(data, unit, words))


def _now(plot: Plot, data: Frame, words: Words) -> str:
    if not data.expected:
        return ""
    x = plot.x(data.now)
    line = svg.element("line", **svg.paint(stroke="line2"), x1=x, x2=x, y1=TOP, y2=HEIGHT - BOTTOM)
    return line + svg.axis_text(x - 6, 18, words.today, anchor="end", bold=True)


def _end(plot: Plot, data: Frame, outlook: Outlook, limit: float | None, words: Words) -> str:
    """The dot where the line meets the limit, and its date."""
    if limit is None or outlook.runs_out_at is None:
        return ""
    at = scale.midnight_of(outlook.runs_out_at, data.zone)
    start, end = data.times
    if not start <= at <= end:
        return ""
    x, y = plot.x(at), plot.up(limit)
    anchor = "end" if x > WIDTH - RIGHT - 70 else "middle"
    stem = svg.element(
        "line", **svg.paint(stroke="risk"), stroke_dasharray="3 3", x1=x, x2=x, y1=y + 6, y2=HEIGHT - BOTTOM
    )
    dot = svg.element("circle", **svg.paint("risk", "surf"), stroke_width=2, cx=x, cy=y, r=5.5)
    text = svg.element(
        "text",
        svg.words(words.runs_out.format(day=scale.day_words(at, words))),
        class_="flabel",
        x=x,
        y=18,
        text_anchor=anchor,
        font_size=12.5,
        font_weight=650,
        fill=COLOURS["risktext"],
    )
    return stem + dot + text


def _name(data: Frame, outlook: Outlook, label: str, unit: str, words: Words) -> str:
    first, last = (scale.short(value, unit) for _, value in (data.measured[0], data.measured[-1]))
    if outlook.runs_out_at is None or outlook.limit is None:
        return words.forecast.format(label=label, first=first, last=last)
    between = ""
    if outlook.earliest and outlook.latest:
        days = {"first": outlook.earliest, "last": outlook.latest}
        between = ", " + words.between.format(**{key: scale.day_words(day, words) for key, day in days.items()})
    return words.forecast_end.format(
        label=label,
        first=first,
        last=last,
        limit=scale.short(outlook.limit, unit),
        day=scale.day_words(outlook.runs_out_at, words),
        between=between,
    )


def _rows(data: Frame, unit: str, words: Words) -> tuple[tuple[str, ...], ...]:
    """At most MOST_ROWS of each: enough to read the course, not every reading."""
    every = math.ceil(len(data.measured) / MOST_ROWS) or 1
    measured = data.measured[::-every][::-1]
    rows = [(scale.day_words(at, words, year=True), scale.short(value, unit), "", "", "") for at, value in measured]
    step = math.ceil(len(data.expected) / MOST_ROWS) or 1
    for at, low, value, high in data.expected[1::step]:
        edges = [scale.short(number, unit) for number in (low, value, high)]
        rows.append((scale.day_words(at, words, year=True), "", edges[0], edges[1], edges[2]))
    return tuple(rows)


def hover_data(
    data: Frame, outlook: Outlook, *, zone: str, unit: str = "", words: Words = ENGLISH
) -> dict[str, object]:
    """What forecast.js needs to draw the same picture with uPlot: plain JSON values. zone: IANA name."""
    meeting = len(data.measured) - 1
    later = data.expected[1:]
    ahead: list[float | None] = [None] * meeting
    columns = [[round(edge, 4) for edge in column] for column in zip(*map(_hovered, data.expected), strict=True)]
    at = outlook.runs_out_at
    limit = scale.finite(outlook.limit)
    return {
        "series": [
            [round(at.timestamp()) for at in [*(at for at, _ in data.measured), *(point.at for point in later)]],
            [round(value, 4) for _, value in data.measured] + [None] * len(later),
            *([*ahead, *column] for column in columns or [[None]] * 3),
        ],
        "ahead": bool(data.expected),
        "range": list(data.domain),
        "limit": limit,
        "limitLabel": outlook.limit_label or ("" if limit is None else scale.short(limit, unit)),
        "limitShort": "" if limit is None else scale.short(limit, unit),
        "now": round(data.now.timestamp()),
        "todayLabel": words.today,
        "runout": round(scale.midnight_of(at, data.zone).timestamp()) if at and limit is not None else None,
        "runoutLabel": words.runs_out.format(day=scale.day_words(at, words)) if at else "",
        "unit": unit,
        "decimals": 1,
        "zone": zone,
        "words": {name: asdict(words)[name] for name in ("day", "measured", "expected", "high", "low")},
    }


def _hovered(point: Expected) -> tuple[float, float, float]:
    """In the order of uPlot's series: expected, high, low."""
    return point.value, point.high, point.low
