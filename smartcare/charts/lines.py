"""Readings over hours to a year: lines with gaps where nothing came, and the band between lowest and highest."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TypedDict

from smartcare.charts import scale, svg
from smartcare.charts.palette import COLOURS
from smartcare.charts.plot import DIGIT, WIDTH, Plot
from smartcare.charts.words import ENGLISH, Words

HEIGHT = 230
MOST_POINTS = 200  # more than the eye follows at the width a phone or half a page has; the rest is summed up in mean, low and high
MOST_ROWS = 12  # a page holds eight such tables; every value is in the CSV
STYLES = (("acc", 2.25, None), ("ink3", 1.75, "6 4"), ("acc", 1.75, "2 3"), ("line2", 2.0, None))
Value = tuple[datetime, float | None] | tuple[datetime, float | None, float | None, float | None]


class Series(TypedDict):
    """One line. points: (moment, value) or (moment, value, low, high), in order; value None is a gap."""

    label: str
    points: Sequence[Value]


@dataclass(frozen=True, slots=True)
class Reading:
    """One place on a line; low and high equal the value where only one reading lies under it."""

    at: datetime
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Window:
    """What part of time is drawn, and on whose clock. gap_s: seconds of silence that break a line."""

    start: datetime | None = None
    end: datetime | None = None
    zone: tzinfo = UTC
    gap_s: float | None = None


def lines(
    series: Sequence[Series],
    *,
    label: str = "",
    unit: str = "",
    window: Window = Window(),
    limit: float | None = None,
    words: Words = ENGLISH,
) -> svg.Chart:
    """Up to four lines in one box. unit: written after the values; values are already in it."""
    runs = [_runs(one["points"], window) for one in series[: len(STYLES)]]
    drawn = [reading for of_one in runs for run in of_one for reading in run]
    times = _span(window, drawn)
    if times is None:
        name = words.nothing_yet.format(label=label)
        empty = svg.axis_text(WIDTH / 2, HEIGHT / 2, name, anchor="middle")
        return svg.Chart(svg.picture((WIDTH, HEIGHT), name, empty), name)
    limits = scale.present([limit])
    domain = scale.comfortable([edge for reading in drawn for edge in (reading.low, reading.high)] + limits)
    plot = Plot.of(times, domain, height=HEIGHT, unit=unit)
    body = plot.grid(times, words)
    for (colour, width, dash), of_one in zip(STYLES, runs, strict=False):
        body += "".join(_run(plot, run, colour, width, dash) for run in of_one)
    body += "".join(plot.limit(value, scale.short(value, unit)) for value in limits)
    labels = [one["label"] for one in series[: len(STYLES)]]
    body += _legend(labels, max(plot.left, len(unit) * DIGIT)) if len(labels) > 1 else ""
    name = _name(label, labels, runs, unit, words)
    header, rows = _table(labels, runs, unit, window.zone, words)
    return svg.Chart(svg.picture((WIDTH, HEIGHT), name, body), name, header, rows)


def _runs(points: Sequence[Value], window: Window) -> list[list[Reading]]:
    """Unbroken runs of readings, thinned to what the eye can tell apart."""
    gap_s = window.gap_s or scale.usual_gap_s([point[0] for point in points])
    runs: list[list[Reading]] = [[]]
    for point in points:
        reading = _reading(point)
        if reading is None:
            runs.append([])
            continue
        if runs[-1] and (reading.at - runs[-1][-1].at).total_seconds() > gap_s:
            runs.append([])
        runs[-1].append(reading)
    full = [run for run in runs if run]
    count = sum(map(len, full))
    return [_thinned(run, math.ceil(count / MOST_POINTS)) for run in full]


def _reading(point: Value) -> Reading | None:
    value = scale.finite(point[1])
    if value is None:
        return None
    low, high = (scale.finite(edge) for edge in point[2:]) if len(point) == 4 else (None, None)
    return Reading(
        point[0], value, value if low is None else min(low, value), value if high is None else max(high, value)
    )


def _thinned(run: list[Reading], every: int) -> list[Reading]:
    """Neighbours taken together: their mean, lowest and highest."""
    if every <= 1:
        return run
    groups = (run[index : index + every] for index in range(0, len(run), every))
    return [
        Reading(
            at=group[len(group) // 2].at,
            value=math.fsum(reading.value for reading in group) / len(group),
            low=min(reading.low for reading in group),
            high=max(reading.high for reading in group),
        )
        for group in groups
    ]


def _span(window: Window, drawn: list[Reading]) -> tuple[datetime, datetime] | None:
    start = window.start or min((reading.at for reading in drawn), default=None)
    end = window.end or max((reading.at for reading in drawn), default=None)
    if start is None or end is None or not drawn:
        return None
    if end <= start:
        start, end = start - timedelta(minutes=30), start + timedelta(minutes=30)
    return start.astimezone(window.zone), end.astimezone(window.zone)


def _run(plot: Plot, run: list[Reading], colour: str, width: float, dash: str | None) -> str:
    body = ""
    if any(reading.low != reading.high for reading in run) and len(run) > 1:
        edges = [(reading.at, reading.low, reading.high) for reading in run]
        body = plot.area(edges, class_=f"f-{colour}", fill=COLOURS[colour], opacity="0.16")
    return body + plot.line([(reading.at, reading.value) for reading in run], colour, width=width, dash=dash)


def _legend(labels: list[str], left: float) -> str:
    body, x = "", left + 6
    for (colour, width, dash), label in zip(STYLES, labels, strict=False):
        text = svg.clipped(label, 24)
        body += svg.element(
            "line", **svg.paint(stroke=colour), x1=x, x2=x + 18, y1=10, y2=10, stroke_width=width, stroke_dasharray=dash
        )
        body += svg.axis_text(x + 24, 14, text)
        x += 44 + len(text) * DIGIT
    return body


def _name(label: str, labels: list[str], runs: list[list[list[Reading]]], unit: str, words: Words) -> str:
    parts = []
    for one, of_one in zip(labels, runs, strict=True):
        title = one if not label or len(labels) > 1 else label
        if of_one:
            first, last = (scale.short(reading.value, unit) for reading in (of_one[0][0], of_one[-1][-1]))
            parts.append(words.spark.format(label=title, first=first, last=last))
        else:
            parts.append(words.nothing_yet.format(label=title))
    head = f"{label}. " if label and len(labels) > 1 else ""
    return head + "; ".join(parts)


def _table(
    labels: list[str], runs: list[list[list[Reading]]], unit: str, zone: tzinfo, words: Words
) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """At most MOST_ROWS moments, evenly chosen, with the values of each line."""
    columns = [{reading.at: reading for run in of_one for reading in run} for of_one in runs]
    moments = sorted(set().union(*columns))
    every = math.ceil(len(moments) / MOST_ROWS) or 1
    chosen = moments[::-every][::-1]
    rows = []
    for moment in chosen:
        cells = [_cell(column.get(moment), unit) for column in columns]
        rows.append((scale.clock_words(moment.astimezone(zone), words), *cells))
    return (words.time, *labels), tuple(rows)


def _cell(reading: Reading | None, unit: str) -> str:
    if reading is None:
        return ""
    value = scale.short(reading.value, unit)
    if reading.low == reading.high:
        return value
    return f"{value} ({scale.short(reading.low, unit)} – {scale.short(reading.high, unit)})"
