"""What people read: newest values and charts, from whichever tier has them; always for a viewer, inside its principal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final
from uuid import UUID

import numpy as np
from django.db import connection

from access.models import Category
from access.viewer import Viewer
from telemetry.analysis.facts import Floats, Labels, SeriesData, SeriesKey
from telemetry.models import Device, DeviceStay
from telemetry.samples import rates
from telemetry.samples.blocks import blocks_of, hours_of
from telemetry.samples.columns import MICRO, columns
from telemetry.samples.hot import Reading, newest_of
from telemetry.samples.rates import Steps, Summary
from telemetry.samples.rollups import HOUR_S, HOURS, Hours
from telemetry.samples.series import COUNTERS, START, STATE, Layouts, Series, layouts_of
from telemetry.samples.tables import TABLES, Tables
from telemetry.vocabulary import METRICS, category_of

POINTS: Final = 500
STEPS_S: Final = (60, 300, 900, 1_800, 3_600, 10_800, 21_600, 43_200, 86_400)
RAW_UP_TO: Final = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Readings:
    """One series over a stretch of time. t: seconds since 1970, start of each step, or of each sample where step_s is 0.
    least, most, mean: in `unit`, of a counter in `unit` per second. tier: "samples" or "hours".

    states: the words of the values, where the series is a state. shape of all arrays: (n,), t ascending.
    """

    key: SeriesKey
    kind: str
    unit: str
    step_s: int
    tier: str
    t: Floats
    least: Floats
    most: Floats
    mean: Floats
    states: tuple[str, ...] = ()

    @property
    def per_second(self) -> bool:
        return self.kind in COUNTERS


def visible_stays(
    devices: Iterable[Device], viewer: Viewer, category: Category, *, now: bool
) -> list[tuple[int, UUID]]:
    """Numbers of the devices' stays the viewer may read in this category, with their device. now: the present stay alone."""
    rows = DeviceStay.objects.visible_to(viewer, category).filter(device__in=[device.pk for device in devices])
    if now:
        rows = rows.filter(until=None)
    return list(rows.order_by("since").values_list("number", "device_id"))


def latest(devices: Iterable[Device], viewer: Viewer, category: Category) -> dict[UUID, list[Reading]]:
    """The newest value of each series of each device at the site where it is now; devices without any are missing."""
    stays = dict(visible_stays(devices, viewer, category, now=True))
    return {stays[stay]: found for stay, found in newest_of(stays, category).items()}


def series_of(device: Device, viewer: Viewer, category: Category) -> list[Series]:
    """What there is to be read of a device, in the order in which it first reported it."""
    stays = [number for number, _ in visible_stays([device], viewer, category, now=False)]
    known = layouts_of(TABLES[category], stays, versions={})
    found = {series: None for layouts in known.values() for series in layouts.every if series.kind != START}
    return list(found)


def readings(
    device: Device,
    viewer: Viewer,
    metric: str,
    instance: str = "",
    labels: Labels = (),
    *,
    start: datetime,
    end: datetime,
    step_s: int | None = None,
) -> Readings | None:
    """One series from start up to end; None if the viewer may not read it or nothing is known of it (the same answer).

    step_s: 0 for every sample, None for what suits a chart. Raises KeyError for a metric nobody knows.
    """
    category = Category(category_of(metric))
    tables = TABLES[category]
    key = SeriesKey(metric, instance, tuple(sorted(labels)))
    stays = [number for number, _ in visible_stays([device], viewer, category, now=False)]
    known = {stay: layouts for stay, layouts in layouts_of(tables, stays).items() if _places(layouts, key)}
    if not known:
        return None
    step_s = suited(start, end) if step_s is None else step_s
    kind = next(s.kind for layouts in known.values() for s in layouts.every if s.key == key and s.kind != START)
    span = _Span(tables, known, key, kind, start, end)
    by_hour = step_s >= HOUR_S and step_s % HOUR_S == 0
    found = span.by_hours(step_s) if by_hour else span.by_samples(step_s)
    unit = METRICS[metric].unit if metric in METRICS else ""
    states = _states(metric, known) if kind == STATE else ()
    return Readings(key, kind, unit, step_s, "hours" if by_hour else "samples", *found, states)


def suited(start: datetime, end: datetime) -> int:
    """Seconds per point for a chart of some hundred points; 0 where every sample has room."""
    if end - start <= RAW_UP_TO:
        return 0
    least = (end - start).total_seconds() / POINTS
    return next((step for step in STEPS_S if step >= least), STEPS_S[-1])


def _places(layouts: Layouts, key: SeriesKey) -> list[int]:
    return [place for place, series in enumerate(layouts.every) if series.key == key]


def _states(metric: str, known: dict[int, Layouts]) -> tuple[str, ...]:
    words = METRICS[metric].states if metric in METRICS else ()
    return words or max((layouts.words for layouts in known.values()), key=len)


class _Span:
    """One series of some stays between two times."""

    def __init__(
        self, tables: Tables, known: dict[int, Layouts], key: SeriesKey, kind: str, start: datetime, end: datetime
    ) -> None:
        self.tables, self.known, self.key, self.kind = tables, known, key, kind
        self.start, self.end = start.timestamp(), end.timestamp()
        self.first, self.last = start.astimezone(UTC).date(), end.astimezone(UTC).date()

    def by_samples(self, step_s: int) -> tuple[Floats, Floats, Floats, Floats]:
        parts = [self._steps(stay, self.start, self.end) for stay in self.known]
        steps = _one_after_the_other([part for part in parts if part.t.size])
        if not step_s:
            return steps.t, steps.v, steps.v, steps.v
        return _points(rates.summary(steps, step_s), step_s)

    def by_hours(self, step_s: int) -> tuple[Floats, Floats, Floats, Floats]:
        """Hours of the days that are rolled up, samples of the others."""
        rolled = self._rolled()
        summaries: list[Summary] = []
        for stay, layouts in self.known.items():
            places = _places(layouts, self.key)
            days = [day for of, day in rolled if of == stay]
            for day in days:
                for place in places:
                    figures = rolled[stay, day].of(place)
                    if figures is not None:
                        summaries.append(_of_day(figures, day))
            for since, until in self._days_without(days):
                summaries.append(rates.summary(self._steps(stay, since, until), HOUR_S))
        return _points(self._coarser(summaries, step_s), step_s)

    def _rolled(self) -> dict[tuple[int, date], Hours]:
        return hours_of(self.tables, self.known, self.first, self.last)

    def _days_without(self, rolled: Sequence[date]) -> list[tuple[float, float]]:
        """Stretches between start and end, by whole days, that have no hours yet."""
        gaps: list[tuple[float, float]] = []
        day = self.first
        while day <= self.last:
            if day not in rolled:
                since = max(self.start, _midnight(day))
                until = min(self.end, _midnight(day) + 86_400)
                if gaps and gaps[-1][1] == since:
                    since = gaps.pop()[0]
                gaps.append((since, until))
            day += timedelta(days=1)
        return gaps

    def _coarser(self, hours: Sequence[Summary], step_s: int) -> Summary:
        filled = [summary for summary in hours if summary.slot.size]
        if not filled:
            return rates.summary(Steps(*(np.empty(0),) * 3), step_s)
        slot, least, most, mean, weight = (
            np.concatenate([getattr(summary, name) for summary in filled])
            for name in ("slot", "least", "most", "mean", "weight")
        )
        at = slot * HOUR_S
        inside = (at >= self.start - (self.start % HOUR_S)) & (at < self.end)
        order = np.argsort(at[inside], kind="stable")
        at, least, most = at[inside][order], least[inside][order], most[inside][order]
        steps = Steps(at, mean[inside][order], weight[inside][order])
        if not at.size:
            return rates.summary(steps, step_s)
        mid = rates.summary(steps, step_s)
        first = np.flatnonzero(np.diff(np.floor(at / step_s), prepend=-1))
        return Summary(
            mid.slot, np.minimum.reduceat(least, first), np.maximum.reduceat(most, first), mid.mean, mid.weight
        )

    def _steps(self, stay: int, since: float, until: float) -> Steps:
        """Values of one stay with since <= t < until."""
        data = self._data(stay, since, until)
        found = {series.kind: some for series, some in sorted(data.items(), key=lambda item: item[0].bits)}
        values = next((found[kind] for kind in ("counter", "counter32", "gauge", "state") if kind in found), None)
        if values is None:
            return Steps(*(np.empty(0),) * 3)
        steps = rates.of_counter(values, found.get(START)) if self.kind in COUNTERS else rates.of_gauge(values)
        inside = (steps.t >= since) & (steps.t < until)
        return Steps(steps.t[inside], steps.v[inside], steps.weight[inside])

    def _data(self, stay: int, since: float, until: float) -> dict[Series, SeriesData]:
        layouts = self.known[stay]
        places = _places(layouts, self.key)
        first, last = _day(since), _day(until)
        held = blocks_of(self.tables, [stay], first, last)
        parts = [part for (_, day), some in sorted(held.items(), key=lambda item: item[0]) for part in some]
        found = columns(parts, layouts, places)
        for series, hot in self._hot(stay, layouts, places, since, until).items():
            found[series] = _after(found[series], hot) if series in found else hot
        return found

    def _hot(
        self, stay: int, layouts: Layouts, places: list[int], since: float, until: float
    ) -> dict[Series, SeriesData]:
        """The one value of each hot row that is wanted, cut out by the database."""
        found: dict[Series, SeriesData] = {}
        for place in places:
            slots = {version: layouts.places(version) for version in layouts.by_version}
            at = [(version, order.index(place)) for version, order in slots.items() if place in order]
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT (extract(epoch FROM h.at) * 1000000)::bigint, substring(h.values FROM 1 + 8 * s.slot FOR 8)"  # noqa: S608
                    f" FROM {self.tables.hot} h JOIN unnest(%s::int[], %s::int[]) AS s (layout, slot) ON s.layout = h.layout"
                    " WHERE h.stay = %s AND h.at >= to_timestamp(%s) AND h.at < to_timestamp(%s) ORDER BY h.at, h.received",
                    [[v for v, _ in at], [slot for _, slot in at], stay, _midnight(_day(since)), until],
                )
                rows = [row for row in cursor.fetchall() if len(row[1]) == 8]
            if rows:
                t = np.fromiter((row[0] for row in rows), np.int64, len(rows))
                v = np.frombuffer(b"".join(row[1] for row in rows), "<f8")
                there = ~np.isnan(v)
                times, first = np.unique(t[there], return_index=True)
                found[layouts.every[place]] = SeriesData(times / MICRO, v[there][first], layouts.every[place].bits)
        return found


def _after(block: SeriesData, hot: SeriesData) -> SeriesData:
    """Both together; of equal times the block's, which came first."""
    t, first = np.unique(np.concatenate([block.t, hot.t]), return_index=True)
    return SeriesData(t, np.concatenate([block.v, hot.v])[first], block.bits)


def _one_after_the_other(parts: list[Steps]) -> Steps:
    if not parts:
        return Steps(*(np.empty(0),) * 3)
    t, v, weight = (np.concatenate([getattr(part, name) for part in parts]) for name in ("t", "v", "weight"))
    order = np.argsort(t, kind="stable")
    return Steps(t[order], v[order], weight[order])


def _of_day(figures: Floats, day: date) -> Summary:
    least, most, mean, weight = figures
    there = ~np.isnan(mean)
    slot = int(_midnight(day) // HOUR_S) + np.arange(HOURS)
    return Summary(slot[there], least[there], most[there], mean[there], weight[there])


def _points(found: Summary, step_s: int) -> tuple[Floats, Floats, Floats, Floats]:
    return found.slot.astype(np.float64) * step_s, found.least, found.most, found.mean


def _midnight(day: date) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()


def _day(at: float) -> date:
    return datetime.fromtimestamp(at, UTC).date()
