"""The hot tier: what arrived in the last days, as rows; and the newest value of each series."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import numpy as np
from django.db import connection

from access.models import Category
from telemetry.analysis.facts import Floats, SeriesData, SeriesKey
from telemetry.samples.codec import Matrix
from telemetry.samples.columns import MICRO, HotRow, by_key, columns, matrices
from telemetry.samples.series import Layouts, layout_zero, layouts_of
from telemetry.samples.tables import TABLES, Tables

READ_AT_ONCE = 300
"""Rows of one stay in one call of news(): a device that comes back with a week of samples is read in several."""
_MICROS = "(extract(epoch FROM h.at) * 1000000)::bigint AS at"

HEALTH_ROW, TRAFFIC_ROW, EVENT_ROW = range(3)
_ARMS = [
    *(
        f"SELECT {kind} AS kind, h.stay, {_MICROS}, h.received, h.layout, h.values FROM {tables.hot} h"  # noqa: S608
        for kind, tables in enumerate(TABLES.values())
    ),
    f"SELECT {EVENT_ROW}, h.stay, {_MICROS}, h.received, h.severity, convert_to(jsonb_build_array("  # noqa: S608
    "h.code, h.component, h.text, extract(epoch FROM h.received_at))::text, 'UTF8') FROM telemetry_deviceevent h",
]


def _from_all(condition: str, of_samples: str = "") -> str:
    conditions = [condition + of_samples, condition + of_samples, condition]
    return " UNION ALL ".join(f"{arm} WHERE {some}" for arm, some in zip(_ARMS, conditions, strict=True))


# The days that the news of these devices may lie in: those of the others need not be looked at, stay by stay.
_OLDEST = (
    "(SELECT CASE WHEN count(*) > count(f.oldest) THEN '-infinity' ELSE coalesce(min(f.oldest), '-infinity') END"
    " FROM telemetry_analysisdue f WHERE f.device_id = ANY (%(devices)s::uuid[]))"
)
# One statement, so one snapshot: what it does not show of a receipt it shows of none of the three tables, nor in the flag.
_AFTER = (
    "SELECT n.* FROM unnest(%(stays)s::bigint[], %(cursors)s::bigint[]) AS c (stay, up_to)"  # noqa: S608 - our own names
    " CROSS JOIN LATERAL (SELECT * FROM ("
    f"{_from_all('h.stay = c.stay AND h.received > c.up_to', of_samples=f' AND h.at >= {_OLDEST}')}"
    f") r ORDER BY r.received LIMIT {READ_AT_ONCE + 1}) n"
)
_OF_RECEIPT = _from_all("h.stay = %(stay)s AND h.received = %(received)s")


@dataclass(slots=True)
class Arrived:
    """New samples of one stay and category. series: by key, times ascending. starts: since when a counter counts, where
    the sender says so (seconds since 1970, to be compared with itself alone)."""

    series: Mapping[SeriesKey, SeriesData] = field(default_factory=dict)
    starts: Mapping[SeriesKey, SeriesData] = field(default_factory=dict)
    interval_s: int | None = None
    parts: list[Matrix] = field(default_factory=list, repr=False)
    layouts: Layouts = field(default_factory=Layouts, repr=False)

    @property
    def newest(self) -> float | None:
        """Time of the newest sample, seconds since 1970."""
        times = [float(data.t[-1]) for data in self.series.values() if data.t.size]
        return max(times, default=None)


@dataclass(frozen=True, slots=True)
class Happened:
    """An event. at, seen_at: seconds since 1970, by the device's clock and by ours. severity: 0 emergency to 7 debug."""

    at: float
    severity: int
    code: str
    component: str
    text: str
    seen_at: float


@dataclass(slots=True)
class News:
    """What one stay said after its cursor. up_to: receipt number to read on from. more: there was too much for one call."""

    up_to: int
    health: Arrived = field(default_factory=Arrived)
    traffic: Arrived = field(default_factory=Arrived)
    events: tuple[Happened, ...] = ()
    more: bool = False

    @property
    def interval_s(self) -> int | None:
        """Seconds between its reports as the sender last promised them."""
        return self.health.interval_s or self.traffic.interval_s


def news(cursors: Mapping[int, int], devices: Iterable[UUID] = ()) -> dict[int, News]:
    """What these stays said after their cursors, for a job of their customers. Stays that said nothing are missing.

    cursors: stay -> receipt number last read, 0 for none. For one stay receipt numbers become visible in their order
    (telemetry/migrations/0005), so `up_to` is a safe place to read on from. devices: those of the stays, if each has its
    work flag: the flags tell how old their news may be; without, every day of the hot tier is looked through.
    """
    rows: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
    with connection.cursor() as cursor:
        wanted: dict[str, Any] = {"stays": list(cursors), "cursors": list(cursors.values()), "devices": list(devices)}
        cursor.execute(_AFTER, wanted)
        for row in cursor.fetchall():
            rows[row[1]].append(row)
    found: dict[int, News] = {}
    kinds: tuple[dict[int, list[Any]], ...] = (defaultdict(list), defaultdict(list), defaultdict(list))
    for stay, some in rows.items():
        kept = _cut_between_receipts(some) if len(some) > READ_AT_ONCE else some
        found[stay] = News(kept[-1][3], more=kept is not some)
        for kind, *row in kept:
            kinds[kind][stay].append(_happened(row) if kind == EVENT_ROW else HotRow(*row))
    for category, by_stay in zip(TABLES, kinds, strict=False):
        for stay, arrived in _arrived(TABLES[category], by_stay).items():
            setattr(found[stay], category.value, arrived)
    for stay, events in kinds[EVENT_ROW].items():
        found[stay].events = tuple(events)
    return found


def _arrived(tables: Tables, by_stay: Mapping[int, list[HotRow]]) -> dict[int, Arrived]:
    known = layouts_of(tables, by_stay, {stay: {row.layout for row in rows} for stay, rows in by_stay.items()})
    found = {}
    for stay, rows in by_stay.items():
        layouts = known.get(stay, Layouts())
        parts = matrices(rows, layouts)
        series, starts = by_key(columns(parts, layouts))
        found[stay] = Arrived(series, starts, layouts.interval_s, parts, layouts)
    return found


def _happened(row: Sequence[Any]) -> Happened:
    _, at, _, severity, packed = row
    code, component, text, seen_at = json.loads(bytes(packed))
    return Happened(at / MICRO, severity, code, component, text, seen_at)


def _cut_between_receipts(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """The rows of the last receipt may be cut in two: leave it for the next call, or read all of it if it is alone."""
    kept = [row for row in rows if row[3] != rows[-1][3]]
    if kept:
        return kept
    with connection.cursor() as cursor:
        cursor.execute(_OF_RECEIPT, {"stay": rows[0][1], "received": rows[0][3]})
        return list(cursor.fetchall())


def rows_between(tables: Tables, stays: Iterable[int], start: datetime, end: datetime) -> dict[int, list[HotRow]]:
    """Hot rows with start <= at < end, as stored: first come, first."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT h.stay, {_MICROS}, h.received, h.layout, h.values FROM {tables.hot} h"  # noqa: S608
            " WHERE h.stay = ANY (%s) AND h.at >= %s AND h.at < %s ORDER BY h.stay, h.received, h.at",
            [list(stays), start, end],
        )
        found: dict[int, list[HotRow]] = defaultdict(list)
        for row in cursor.fetchall():
            found[row[0]].append(HotRow(*row))
    return dict(found)


# ---- newest values


@dataclass(frozen=True, slots=True)
class Reading:
    """The newest value of one series. state: the word, where the value stands for one. at: seconds since 1970."""

    key: SeriesKey
    kind: str
    value: float
    state: str | None
    at: float


def keep_latest(news: Mapping[int, Arrived], category: Category) -> None:
    """Move the newest values on, for a job of the stays' customers. Only who holds a device's claim may call this.

    An older sample that arrives late does not replace a newer one.
    """
    tables = TABLES[category]
    news = {stay: new for stay, new in news.items() if new.parts}
    held = {
        stay: (np.frombuffer(values, "<f8"), np.frombuffer(times, "<f8"))
        for stay, values, times in tables.latest.objects.filter(stay__in=list(news)).values_list(
            "stay", "values", "times"
        )
    }
    rows = []
    for stay, new in news.items():
        values, times = _moved_on(held.get(stay), new)
        rows.append((stay, values.astype("<f8").tobytes(), times.astype("<f8").tobytes()))
    _put_latest(tables, rows)


def _moved_on(held: tuple[Floats, Floats] | None, new: Arrived) -> tuple[Floats, Floats]:
    size = len(new.layouts.every)
    values, times = np.full(size, np.nan), np.full(size, -np.inf)
    if held is not None:
        values[: held[0].size], times[: held[1].size] = held
    for matrix in new.parts:
        newest_first = np.argsort(-matrix.t, kind="stable")  # of equal times the first stays first
        v = matrix.v[newest_first]
        row = (~np.isnan(v)).argmax(axis=0)
        value, at = v[row, np.arange(v.shape[1])], matrix.t[newest_first][row] / MICRO
        newer = ~np.isnan(value) & (at > times[matrix.series])
        values[matrix.series[newer]], times[matrix.series[newer]] = value[newer], at[newer]
    return values, times


def _put_latest(tables: Tables, rows: Sequence[tuple[int, bytes, bytes]]) -> None:
    if not rows:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            f'INSERT INTO "{tables.latest._meta.db_table}" (customer_id, stay, "values", times, updated_at)'  # noqa: S608
            " SELECT s.customer_id, r.stay, r.packed, r.times, statement_timestamp()"
            " FROM unnest(%s::bigint[], %s::bytea[], %s::bytea[]) AS r (stay, packed, times)"
            " JOIN telemetry_devicestay s ON s.number = r.stay"
            " ON CONFLICT (customer_id, stay) DO UPDATE SET values = excluded.values, times = excluded.times,"
            " updated_at = excluded.updated_at",
            [list(column) for column in zip(*rows, strict=True)],
        )


def newest_of(stays: Iterable[int], category: Category) -> dict[int, list[Reading]]:
    """The newest value of each series of these stays, as far as the principal may read them."""
    tables = TABLES[category]
    with connection.cursor() as cursor:
        # One statement: what it costs is mostly to plan it, and the way there and back.
        cursor.execute(
            "SELECT n.stay, n.values, n.times, l.series::text, l.words"  # noqa: S608 - our own names
            f' FROM "{tables.latest._meta.db_table}" n JOIN "{tables.layout._meta.db_table}" l'
            " ON l.customer_id = n.customer_id AND l.stay = n.stay AND l.version = 0 WHERE n.stay = ANY (%s)",
            [list(stays)],
        )
        rows = cursor.fetchall()
    return {stay: _readings(values, times, layout_zero(text, words)) for stay, values, times, text, words in rows}


def _readings(packed: Any, packed_times: Any, layouts: Layouts) -> list[Reading]:
    values, times = np.frombuffer(packed, "<f8"), np.frombuffer(packed_times, "<f8")
    found = []
    for series, value, at in zip(layouts.every, values.tolist(), times.tolist(), strict=False):
        if series.kind != "start" and at > 0:
            word = layouts.word(series.key.metric, value) if series.kind == "state" else None
            found.append(Reading(series.key, series.kind, value, word, at))
    return found
