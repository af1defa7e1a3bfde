"""Busy hours: a row for each part of the day, a column for each day, stronger where there was more."""

from collections.abc import Sequence
from datetime import date, timedelta

from smartcare.charts import scale, svg
from smartcare.charts.words import ENGLISH, Words

LEFT, ROW, COLUMN = 40, 21, 10.1
FAINTEST = 0.07


def heat(
    rows: Sequence[Sequence[float | None]],
    *,
    first_day: date,
    label: str = "",
    unit: str = "",
    hours_per_row: int = 3,
    words: Words = ENGLISH,
) -> svg.Chart:
    """rows: shape (24 / hours_per_row, days), row 0 begins at midnight; missing values stay hollow."""
    days = max((len(row) for row in rows), default=0)
    clean = [[scale.finite(value) for value in row] for row in rows]
    peak = max((value for row in clean for value in row if value is not None), default=0.0)
    width, height = max(LEFT + days * COLUMN + 2, 120), len(rows) * ROW
    body = ""
    for index, row in enumerate(clean):
        body += svg.axis_text(LEFT - 8, index * ROW + 14, _clock(index, hours_per_row), anchor="end")
        body += "".join(_cell(value, peak, LEFT + day * COLUMN, index * ROW) for day, value in enumerate(row))
    if days:
        last = first_day + timedelta(days=days - 1)
        body += svg.axis_text(LEFT, height + 18, scale.day_words(first_day, words))
        body += svg.axis_text(LEFT + days * COLUMN, height + 18, scale.day_words(last, words), anchor="end")
    name = _name(clean, peak, days, first_day, label, hours_per_row, words)
    header, table = _table(clean, hours_per_row, unit, words)
    return svg.Chart(svg.picture((width, height + 24), name, body), name, header, table)


def _clock(index: int, hours: int) -> str:
    return f"{index * hours:02d}:00"


def _cell(value: float | None, peak: float, x: float, y: float) -> str:
    place = {"x": x, "y": y, "width": 8.7, "height": 19, "rx": 2.5}
    if value is None:
        return svg.element("rect", **svg.paint("", "line"), **place)
    share = max(value, 0.0) / peak if peak > 0 else 0.0
    return svg.element("rect", **svg.paint("acc"), opacity=f"{max(FAINTEST, share):.2f}", **place)


def _name(
    clean: list[list[float | None]], peak: float, days: int, first_day: date, label: str, hours: int, words: Words
) -> str:
    for index, row in enumerate(clean):
        for day, value in enumerate(row):
            if value == peak and peak > 0:
                busiest = scale.day_words(first_day + timedelta(days=day), words)
                return words.heat.format(label=label, days=days, time=_clock(index, hours), day=busiest)
    return words.nothing_yet.format(label=label)


def _table(
    clean: list[list[float | None]], hours: int, unit: str, words: Words
) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    rows = []
    for index, row in enumerate(clean):
        values = scale.present(row)
        mean = scale.short(sum(values) / len(values), unit) if values else ""
        rows.append((_clock(index, hours), mean, scale.short(max(values), unit) if values else ""))
    return (words.time, words.mean, words.high), tuple(rows)
