"""Readings of days that were over before the device was known here: made up for a demonstration, or brought along.

They go past the hot tier straight into blocks and hours; what a device reports from now on takes the usual way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import numpy as np

from telemetry.samples import blocks, codec, rollups
from telemetry.samples.codec import Matrix
from telemetry.samples.columns import MICRO, columns
from telemetry.samples.series import Layouts, Series, layouts_of
from telemetry.samples.tables import TABLES

type Instants = Sequence[tuple[float, Mapping[Series, float]]]
"""Times (seconds since 1970, ascending, within one UTC day) and what was measured then; states by their codes."""


def keep_day(customer: UUID, day: date, told: Mapping[int, Instants]) -> None:
    """Keep a day of these stays, for a job of their customer; what was kept of that day before is replaced.

    Days in their order, oldest first: a counter goes on where the day before has left it. Series that the stay has not
    reported yet have no place in its layout and are left out.
    """
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
    for tables in TABLES.values():
        layouts = layouts_of(tables, told)
        before = blocks.blocks_of(tables, told, day - timedelta(days=1), day - timedelta(days=1))
        packed, hours = [], []
        for stay, instants in told.items():
            if stay not in layouts:
                continue
            known = layouts[stay]
            matrix = _matrix(instants, known)
            samples = int(np.count_nonzero(~np.isnan(matrix.v)))
            if not samples:
                continue
            last = blocks._last_of(before.get((stay, day - timedelta(days=1)), []), known)
            rolled = rollups.hours(columns([matrix], known), known, midnight, last)
            packed.append((stay, codec.encode([matrix]), samples))
            hours.append((stay, rollups.encode(rolled)))
        if packed:
            blocks._put(customer, tables, day, packed, hours)


def _matrix(instants: Instants, layouts: Layouts) -> Matrix:
    places = {series: place for place, series in enumerate(layouts.every)}
    used = sorted({places[series] for _, values in instants for series in values if series in places})
    column = {place: index for index, place in enumerate(used)}
    v = np.full((len(instants), len(used)), np.nan)
    for row, (_, values) in enumerate(instants):
        for series, value in values.items():
            if series in places:
                v[row, column[places[series]]] = value
    t = np.array([round(at * MICRO) for at, _ in instants], np.int64)
    return Matrix(t, np.array(used, np.uint16), v)
