"""Who had access when: one row for each partner, a bar for each grant, the reason of its end at the right."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, tzinfo
from typing import NotRequired, TypedDict

from smartcare.charts import scale, svg
from smartcare.charts.states import known
from smartcare.charts.words import ENGLISH, Words

WIDTH, LEFT, NOTES = 860, 138, 110  # px: all, names, room for the note behind the last bar
ROW, BAR, FIRST = 35, 22, 14
THINNEST = 6
Moment = date | datetime


class Span(TypedDict):
    """One grant. state: one of the five, or `acc` for a live one; short: what stands on the bar where the label is too long."""

    start: Moment
    end: Moment
    label: NotRequired[str]
    short: NotRequired[str]
    state: NotRequired[str]


class Row(TypedDict):
    """One partner. note: how it ended or will end."""

    name: str
    spans: Sequence[Span]
    note: NotRequired[str]


def gantt(
    rows: Sequence[Row],
    *,
    start: Moment,
    end: Moment,
    today: Moment | None = None,
    zone: tzinfo = UTC,
    words: Words = ENGLISH,
) -> svg.Chart:
    """Bars between two days; what lies outside is cut at the edge, or left out when all of it does."""
    first, last = (scale.midnight_of(day, zone) for day in (start, end))
    across = scale.Scale(first.timestamp(), last.timestamp(), LEFT, WIDTH - NOTES)
    floor = FIRST + len(rows) * ROW - 4
    now = None if today is None else scale.midnight_of(today, zone)
    body = _frame(across, (first, last), floor, now, words)
    body += "".join(_row(row, FIRST + index * ROW, across, zone) for index, row in enumerate(rows))
    if now is not None and first <= now <= last:
        body += _today(across(now.timestamp()), floor, words)
    days = {"first": scale.day_words(first, words, year=True), "last": scale.day_words(last, words, year=True)}
    sentence = words.gantt if rows else words.gantt_empty
    name = sentence.format(rows="; ".join(_told(row, zone, words) for row in rows), **days)
    header = (words.name, words.details, words.since, words.until, words.status)
    drawing = svg.picture((WIDTH, floor + 26), name, body)
    return svg.Chart(drawing, name, header, tuple(line for row in rows for line in _table(row, zone, words)))


def _frame(
    across: scale.Scale, times: tuple[datetime, datetime], floor: float, now: datetime | None, words: Words
) -> str:
    """Month lines; a label makes room for the word of today."""
    body = ""
    for moment, label in scale.time_ticks(*times, words):
        x = across(moment.timestamp())
        body += svg.element("line", **svg.paint(stroke="line"), x1=x, x2=x, y1=4, y2=floor)
        if now is None or not -50 < across(now.timestamp()) - x < 65:
            body += svg.axis_text(x, floor + 18, label)
    return body


def _today(x: float, floor: float, words: Words) -> str:
    line = svg.element("line", **svg.paint(stroke="acc"), x1=x, x2=x, y1=4, y2=floor + 2, stroke_dasharray="3 3")
    return line + svg.axis_text(x, floor + 18, words.today, anchor="middle", bold=True)


def _row(row: Row, y: float, across: scale.Scale, zone: tzinfo) -> str:
    body = svg.label_text(0, y + 15, svg.clipped(row["name"], 19))
    right = float(LEFT)
    for span in row["spans"]:
        start, end = (scale.midnight_of(span[key], zone).timestamp() for key in ("start", "end"))
        if end < across.low or start > across.high:
            continue
        x, width = across(start), max(THINNEST, across(end) - across(start))
        body += _bar(span, x, y, width)
        right = max(right, x + width)
    return body + svg.axis_text(right + 8, y + 15, svg.clipped(row.get("note", ""), 30))


def _bar(span: Span, x: float, y: float, width: float) -> str:
    state = _state(span)
    opacity = "0.55" if state == "mute" else "0.85"
    bar = svg.element("rect", **svg.paint(state), opacity=opacity, x=x, y=y, width=width, height=BAR, rx=6)
    fitting = (words for words in (span.get("label", ""), span.get("short", "")) if len(words) * 7 + 16 <= width)
    label = next(fitting, "")
    if not label:
        return bar
    on_dark = state in ("acc", "down", "risk")
    return bar + svg.label_text(x + 9, y + 15, label, colour="surf" if on_dark else "ink", size=11.5)


def _state(span: Span) -> str:
    state = span.get("state", "acc")
    return "acc" if state == "acc" else known(state)


def _days(span: Span, zone: tzinfo, words: Words) -> tuple[str, str]:
    start, end = (scale.day_words(scale.midnight_of(span[key], zone), words, year=True) for key in ("start", "end"))
    return start, end


def _told(row: Row, zone: tzinfo, words: Words) -> str:
    parts = [row["name"]]
    for span in row["spans"]:
        start, end = _days(span, zone, words)
        parts.append(" ".join(part for part in (span.get("label", ""), f"{start} – {end}") if part))
    return ", ".join([*parts, row["note"]] if row.get("note") else parts)


def _table(row: Row, zone: tzinfo, words: Words) -> list[tuple[str, ...]]:
    lines = [(span.get("label", ""), *_days(span, zone, words)) for span in row["spans"]]
    return [(row["name"], *line, row.get("note", "")) for line in lines or [("", "", "")]]
