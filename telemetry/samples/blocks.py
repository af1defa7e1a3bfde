"""The compaction: hot rows of a day that is over become one block of a stay and day, and its hours.

Rows leave the hot table in the transaction that writes them here, so no sample is ever in neither or, for good, in both.
Late samples wait hot until the block of their day is rewritten with them; of equal series and times the first stays.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import numpy as np
from django.db import connection, transaction

from access.models import Category
from access.principal import job
from telemetry.analysis.facts import SeriesKey
from telemetry.samples import codec, rollups
from telemetry.samples.codec import Matrix
from telemetry.samples.columns import HotRow, columns, matrices
from telemetry.samples.series import COUNTERS, Layouts, layouts_of
from telemetry.samples.tables import TABLES, Tables

STAYS_AT_ONCE: Final = 50
_MICROS: Final = "(extract(epoch FROM h.at) * 1000000)::bigint"


def compact(at_most: int = 1_000) -> int:
    """Move hot rows older than two days into blocks, for up to so many stays; returns for how many.

    Call it again while it returns something. Safe to run twice at once: each customer's work is done by one at a time.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT customer, category, day, stay FROM find_hot_days(%s)", [at_most])
        found = cursor.fetchall()
    work: dict[tuple[UUID, str, date], list[int]] = defaultdict(list)
    for customer, category, day, stay in found:
        work[customer, category, day].append(stay)
    done = 0
    for (customer, category, day), stays in work.items():
        for first in range(0, len(stays), STAYS_AT_ONCE):
            done += _compact_stays(customer, Category(category), day, stays[first : first + STAYS_AT_ONCE])
    return done


def _compact_stays(customer: UUID, category: Category, day: date, stays: Sequence[int]) -> int:
    with job(customer), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [f"compaction of {customer}"])
        if not cursor.fetchone()[0]:
            return 0
        taken = _take(category, stays, day)
        if taken:
            _fold_in(customer, TABLES[category], day, taken)
    return len(taken)


def _take(category: Category, stays: Sequence[int], day: date) -> dict[int, list[HotRow]]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT h.stay, {_MICROS}, h.received, h.layout, h.values FROM take_hot_{category.value}(%s, %s) h"  # noqa: S608
            " ORDER BY h.stay, h.received, h.at",
            [list(stays), day],
        )
        taken: dict[int, list[HotRow]] = defaultdict(list)
        for row in cursor.fetchall():
            taken[row[0]].append(HotRow(*row))
    return dict(taken)


def _fold_in(customer: UUID, tables: Tables, day: date, taken: dict[int, list[HotRow]]) -> None:
    stays = list(taken)
    layouts = layouts_of(tables, stays)
    held = blocks_of(tables, stays, day - timedelta(days=1), day)
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
    blocks, hours = [], []
    for stay, rows in taken.items():
        parts = folded([*held.get((stay, day), []), *matrices(rows, layouts[stay])])
        samples = sum(int(np.count_nonzero(~np.isnan(part.v))) for part in parts)
        blocks.append((stay, codec.encode(parts), samples))
        before = last_of(held.get((stay, day - timedelta(days=1)), []), layouts[stay])
        rolled = rollups.hours(columns(parts, layouts[stay]), layouts[stay], midnight, before)
        hours.append((stay, rollups.encode(rolled)))
    put(customer, tables, day, blocks, hours)


def folded(parts: Sequence[Matrix]) -> list[Matrix]:
    """The same samples, each once, the earlier part's first; one matrix for each set of series, times ascending."""
    seen: dict[int, list[Any]] = defaultdict(list)
    by_series: dict[bytes, list[Matrix]] = defaultdict(list)
    for part in parts:
        v = part.v
        for column, place in enumerate(part.series.tolist()):
            known = seen[place]
            again = np.isin(part.t, np.concatenate(known)) if known else None
            if again is not None and again.any():
                v = v.copy() if v is part.v else v
                v[again, column] = np.nan
            known.append(part.t[~np.isnan(v[:, column])])
        by_series[part.series.tobytes()].append(Matrix(part.t, part.series, v))
    return [_one(some) for some in by_series.values()]


def _one(parts: Sequence[Matrix]) -> Matrix:
    t = np.concatenate([part.t for part in parts])
    v = np.concatenate([part.v for part in parts])
    times, first, group = np.unique(t, return_index=True, return_inverse=True)
    merged = v[first]
    if times.size < t.size:
        # Rows of one time: each cell is the first that is there.
        for row in range(t.size):
            into = merged[group[row]]
            merged[group[row]] = np.where(np.isnan(into), v[row], into)
    kept = ~np.isnan(merged).all(axis=1)
    return Matrix(times[kept], parts[0].series, merged[kept])


def last_of(parts: Iterable[Matrix], layouts: Layouts) -> dict[SeriesKey, tuple[float, float]]:
    wanted = [place for place, series in enumerate(layouts.every) if series.kind in COUNTERS]
    found = columns(parts, layouts, wanted)
    return {series.key: (float(data.t[-1]), float(data.v[-1])) for series, data in found.items() if data.t.size}


def blocks_of(tables: Tables, stays: Iterable[int], first: date, last: date) -> dict[tuple[int, date], list[Matrix]]:
    """Blocks of these days, both included, as far as the principal may read them."""
    rows = tables.block.objects.filter(stay__in=list(stays), day__gte=first, day__lte=last)
    return {(stay, day): codec.decode(data) for stay, day, data in rows.values_list("stay", "day", "data")}


def hours_of(tables: Tables, stays: Iterable[int], first: date, last: date) -> dict[tuple[int, date], rollups.Hours]:
    rows = tables.rollup.objects.filter(stay__in=list(stays), day__gte=first, day__lte=last)
    return {(stay, day): rollups.decode(data) for stay, day, data in rows.values_list("stay", "day", "data")}


def put(
    customer: UUID,
    tables: Tables,
    day: date,
    blocks: Sequence[tuple[int, bytes, int]],
    hours: Sequence[tuple[int, bytes]],
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f'INSERT INTO "{tables.block._meta.db_table}" (customer_id, stay, day, data, samples)'  # noqa: S608
            " SELECT %s, b.stay, %s, b.data, b.samples FROM unnest(%s::bigint[], %s::bytea[], %s::int[]) AS b (stay, data, samples)"
            " ON CONFLICT (customer_id, stay, day) DO UPDATE SET data = excluded.data, samples = excluded.samples",
            [customer, day, *(list(column) for column in zip(*blocks, strict=True))],
        )
        cursor.execute(
            f'INSERT INTO "{tables.rollup._meta.db_table}" (customer_id, stay, day, data)'  # noqa: S608
            " SELECT %s, r.stay, %s, r.data FROM unnest(%s::bigint[], %s::bytea[]) AS r (stay, data)"
            " ON CONFLICT (customer_id, stay, day) DO UPDATE SET data = excluded.data",
            [customer, day, *(list(column) for column in zip(*hours, strict=True))],
        )
