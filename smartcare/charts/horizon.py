"""What is coming: dated events on a line of days; a wider mark means a less certain date."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import NotRequired, TypedDict

from smartcare.charts import scale, svg
from smartcare.charts.states import SHAPES, known
from smartcare.charts.words import ENGLISH, Words

WIDTH, LEFT, RIGHT = 1000, 14, 986
ROW, LINE_GAP = 44, 18  # between label rows; from the last row's text to the line
MOST_ROWS = 4
TURNS_LEFT_AT = 760  # labels of later events stand left of their mark


class Event(TypedDict):
    """Something with a date. earliest, latest: the interval the date probably lies in."""

    at: date
    state: str
    title: str
    detail: NotRequired[str]
    earliest: NotRequired[date | None]
    latest: NotRequired[date | None]


@dataclass(slots=True)
class _Rows:
    """What stands in which label row, so that no label covers another and no stem crosses one."""

    labels: list[list[tuple[float, float]]] = field(default_factory=lambda: [[] for _ in range(MOST_ROWS)])
    stems: list[list[tuple[float, float]]] = field(default_factory=lambda: [[] for _ in range(MOST_ROWS)])

    def place(self, x: float, label: tuple[float, float]) -> int | None:
        """The first row free for a label whose stem runs down through the rows below; None when all are full."""
        stem = (x - 4, x + 4)
        for row in range(MOST_ROWS):
            below = range(row + 1, MOST_ROWS)
            free = not _meets(label, self.labels[row] + self.stems[row])
            if free and not any(_meets(stem, self.labels[under]) for under in below):
                self.labels[row].append(label)
                for under in below:
                    self.stems[under].append(stem)
                return row
        return None


def _meets(wanted: tuple[float, float], taken: list[tuple[float, float]]) -> bool:
    return any(start <= wanted[1] and wanted[0] <= end for start, end in taken)


def horizon(events: Sequence[Event], *, today: date, days: int = 90, words: Words = ENGLISH) -> svg.Chart:
    """Events of the next `days` days, the nearest first. Later ones are left out; overdue ones stand at today."""
    span = max(days, 1)
    last = today + timedelta(days=span)
    coming = sorted((event for event in events if event["at"] <= last), key=lambda event: event["at"])
    across = scale.Scale(0, span, LEFT, RIGHT)
    rows = _Rows()
    places = [_place(event, across((event["at"] - today).days), rows) for event in coming]
    used = max((row for _, row in places if row is not None), default=0) + 1
    line = 20 + (used - 1) * ROW + 20 + LINE_GAP + (ROW if used == 1 else 0)
    body = _line(across, today, last, line, words)
    for event, (x, row) in zip(coming, places, strict=True):
        body += _event(event, x, row, line) + _interval(event, across, today, line)
    told = "; ".join(_told(event, words) for event in coming)
    sentence = words.horizon if coming else words.horizon_empty
    name = sentence.format(days=span, events=told)
    header = (words.day, words.name, words.status, words.earliest, words.latest)
    table = tuple(_row(event, words) for event in coming)
    return svg.Chart(svg.picture((WIDTH, line + 38), name, body), name, header, table)


def _place(event: Event, x: float, rows: _Rows) -> tuple[float, int | None]:
    title, detail = svg.clipped(event["title"], 44), svg.clipped(event.get("detail", ""), 52)
    width = max(len(title) * 7, len(detail) * 6) + 12
    label = (x - 12 - width, x - 12) if x > TURNS_LEFT_AT else (x + 12, x + 12 + width)
    return x, rows.place(x, label)


def _line(across: scale.Scale, today: date, last: date, y: float, words: Words) -> str:
    body = svg.element("line", **svg.paint(stroke="line2"), x1=LEFT, x2=RIGHT, y1=y, y2=y, stroke_width=1.5)
    start, end = scale.midnight_of(today), scale.midnight_of(last)
    for moment, label in scale.time_ticks(start, end, words, most=6):
        x = across((moment.date() - today).days)
        body += svg.element("line", **svg.paint(stroke="line2"), x1=x, x2=x, y1=y - 5, y2=y + 5)
        if x > LEFT + 60:
            body += svg.axis_text(x, y + 24, label, anchor="middle")
    body += svg.element("circle", **svg.paint("acc"), cx=LEFT, cy=y, r=5)
    return body + svg.axis_text(LEFT - 6, y + 24, words.today, bold=True)


def _event(event: Event, x: float, row: int | None, line: float) -> str:
    state = known(event["state"])
    body = svg.element(
        "g",
        SHAPES[state],
        **svg.paint(state),
        transform=f"translate({svg.number(x - 6.5)} {svg.number(line - 6.5)}) scale(1.3)",
    )
    if row is None:
        return body
    y = 20 + row * ROW
    turned = x > TURNS_LEFT_AT
    words_x, anchor = (x - 12, "end") if turned else (x + 12, "start")
    stem = svg.element("line", **svg.paint(stroke=state), x1=x, x2=x, y1=y, y2=line, stroke_width=1.5, opacity="0.55")
    title = svg.axis_text(words_x, y + 4, svg.clipped(event["title"], 44), anchor=anchor, bold=True)
    detail = svg.axis_text(words_x, y + 20, svg.clipped(event.get("detail", ""), 52), anchor=anchor)
    return stem + body + title + detail


def _interval(event: Event, across: scale.Scale, today: date, line: float) -> str:
    earliest, latest = event.get("earliest"), event.get("latest")
    if not earliest or not latest or latest <= earliest:
        return ""
    start, end = across((earliest - today).days), across((latest - today).days)
    return svg.element(
        "rect",
        **svg.paint(known(event["state"])),
        opacity="0.22",
        x=start,
        y=line - 7,
        width=end - start,
        height=14,
        rx=7,
    )


def _told(event: Event, words: Words) -> str:
    detail = event.get("detail")
    return f"{scale.day_words(event['at'], words, year=True)}, {event['title']}" + (f", {detail}" if detail else "")


def _row(event: Event, words: Words) -> tuple[str, ...]:
    days = (event["at"], event.get("earliest"), event.get("latest"))
    at, earliest, latest = (scale.day_words(day, words, year=True) if day else "" for day in days)
    return at, event["title"], words.state[known(event["state"])], earliest, latest
