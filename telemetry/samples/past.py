"""Readings of days that were over before the device was known here: made up for a demonstration, or brought along.

They go past the hot tier straight into blocks and hours; what a device reports from now on takes the usual way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import numpy as np

from telemetry.analysis.facts import Floats
from telemetry.samples import blocks, codec, rollups
from telemetry.samples.codec import Matrix
from telemetry.samples.columns import MICRO, columns
from telemetry.samples.series import Layouts, Series, layouts_of
from telemetry.samples.tables import TABLES


@dataclass(frozen=True, slots=True)
class Past:
    """Readings of one stay. t: shape (n,), seconds since 1970, ascending. v: shape (n, k), one column for each of
    `series`; states by their codes, NaN where nothing was measured."""

    series: Sequence[Series]
    t: Floats
    v: Floats


def keep_day(customer: UUID, day: date, told: Mapping[int, Past]) -> None:
    """Keep a UTC day of these stays, for a job of their customer; what was kept of that day before is replaced.

    Days in their order, oldest first: a counter goes on where the day before has left it. Series that the stay has not
    reported yet have no place in its layout and are left out.
    """
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
    for tables in TABLES.values():
        layouts = layouts_of(tables, told)
        before = blocks.blocks_of(tables, told, day - timedelta(days=1), day - timedelta(days=1))
        packed, hours = [], []
        for stay, readings in told.items():
            if stay not in layouts:
                continue
            known = layouts[stay]
            matrix = _matrix(readings, known)
            samples = int(np.count_nonzero(~np.isnan(matrix.v)))
            if not samples:
                continue
            last = blocks.last_of(before.get((stay, day - timedelta(days=1)), []), known)
            rolled = rollups.hours(columns([matrix], known), known, midnight, last)
            packed.append((stay, codec.encode([matrix]), samples))
            hours.append((stay, rollups.encode(rolled)))
        if packed:
            blocks.put(customer, tables, day, packed, hours)


def _matrix(readings: Past, layouts: Layouts) -> Matrix:
    """Columns that have a place in the layout, in the order of their places."""
    places = {series: place for place, series in enumerate(layouts.every)}
    kept = sorted((places[series], column) for column, series in enumerate(readings.series) if series in places)
    t = np.rint(readings.t * MICRO).astype(np.int64)
    v = np.ascontiguousarray(readings.v[:, [column for _, column in kept]])
    return Matrix(t, np.array([place for place, _ in kept], np.uint16), v)
