"""Many series of one device at once, for a page: the same answers as `readings`, from one reading of each tier."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime

from access.models import Category
from access.viewer import Viewer
from telemetry.analysis.facts import SeriesData, SeriesKey
from telemetry.models import Device
from telemetry.samples import rollups
from telemetry.samples.blocks import blocks_of, hours_of
from telemetry.samples.codec import Matrix
from telemetry.samples.columns import columns, matrices
from telemetry.samples.hot import rows_between
from telemetry.samples.reads import Readings, _midnight, _Span, _states, suited, visible_stays
from telemetry.samples.rollups import HOUR_S
from telemetry.samples.series import START, STATE, Layouts, Series, layouts_of
from telemetry.samples.tables import TABLES, Tables
from telemetry.vocabulary import METRICS

type Known = dict[int, Layouts]


class _Shelf:
    """What was read for one device and category; each tier is asked once for a stretch of days, not once for a series."""

    def __init__(self, tables: Tables, known: Known) -> None:
        self.tables, self.known = tables, known
        self._hours: dict[tuple[date, date], dict[tuple[int, date], rollups.Hours]] = {}
        self._columns: dict[tuple[float, float], dict[int, dict[Series, SeriesData]]] = {}

    def hours(self, first: date, last: date) -> dict[tuple[int, date], rollups.Hours]:
        if (first, last) not in self._hours:
            self._hours[first, last] = hours_of(self.tables, self.known, first, last)
        return self._hours[first, last]

    def data(self, stay: int, since: float, until: float) -> dict[Series, SeriesData]:
        if (since, until) not in self._columns:
            self._columns[since, until] = self._read(since, until)
        return self._columns[since, until].get(stay, {})

    def _read(self, since: float, until: float) -> dict[int, dict[Series, SeriesData]]:
        start, end = datetime.fromtimestamp(since, UTC), datetime.fromtimestamp(until, UTC)
        held = blocks_of(self.tables, self.known, start.date(), end.date())
        hot = rows_between(self.tables, self.known, datetime.fromtimestamp(_midnight(start.date()), UTC), end)
        found = {}
        for stay, layouts in self.known.items():
            parts: list[Matrix] = [
                part for (of, _), some in sorted(held.items(), key=lambda i: i[0]) if of == stay for part in some
            ]
            parts += matrices(hot.get(stay, ()), layouts)
            found[stay] = columns(parts, layouts)
        return found


class _ShelfSpan(_Span):
    """One series read from the shelf."""

    def __init__(self, shelf: _Shelf, key: SeriesKey, kind: str, start: datetime, end: datetime) -> None:
        super().__init__(shelf.tables, shelf.known, key, kind, start, end)
        self.shelf = shelf

    def _rolled(self) -> dict[tuple[int, date], rollups.Hours]:
        return self.shelf.hours(self.first, self.last)

    def _data(self, stay: int, since: float, until: float) -> dict[Series, SeriesData]:
        return {series: data for series, data in self.shelf.data(stay, since, until).items() if series.key == self.key}


def many(
    device: Device, viewer: Viewer, category: Category, keys: Iterable[SeriesKey], *, start: datetime, end: datetime
) -> list[Readings]:
    """Readings of these series that the viewer may read, in the order of the keys; unknown ones are left out."""
    tables = TABLES[category]
    stays = [number for number, _ in visible_stays([device], viewer, category, now=False)]
    known = layouts_of(tables, stays) if stays else {}
    kinds = {s.key: s.kind for layouts in known.values() for s in layouts.every if s.kind != START}
    shelf, step_s, result = _Shelf(tables, known), suited(start, end), []
    for key in keys:
        kind = kinds.get(key)
        if kind is None:
            continue
        span = _ShelfSpan(shelf, key, kind, start, end)
        by_hour = step_s >= HOUR_S and step_s % HOUR_S == 0
        found = span.by_hours(step_s) if by_hour else span.by_samples(step_s)
        unit = METRICS[key.metric].unit if key.metric in METRICS else ""
        states = _states(key.metric, known) if kind == STATE else ()
        result.append(Readings(key, kind, unit, step_s, "hours" if by_hour else "samples", *found, states))
    return result
