"""Rows of any tier to columns: per series its times and values, each time once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from telemetry.analysis.facts import Floats, SeriesData, SeriesKey
from telemetry.samples.codec import Matrix
from telemetry.samples.series import START, Layouts, Series

MICRO: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class HotRow:
    """at: microseconds since 1970. values: packed float64 in the order of the layout."""

    stay: int
    at: int
    received: int
    layout: int
    values: bytes | memoryview


def matrices(rows: Sequence[HotRow], layouts: Layouts) -> list[Matrix]:
    """One matrix for each layout among the rows of one stay; rows keep their order within it."""
    by_layout: dict[int, list[HotRow]] = {}
    for row in rows:
        by_layout.setdefault(row.layout, []).append(row)
    return [
        _matrix(some, layouts.places(version)) for version, some in by_layout.items() if version in layouts.by_version
    ]


def _matrix(rows: Sequence[HotRow], places: list[int]) -> Matrix:
    width = max(len(row.values) for row in rows) // 8
    if all(len(row.values) == 8 * width for row in rows):
        v = np.frombuffer(b"".join(row.values for row in rows), "<f8").reshape(len(rows), width)
    else:
        # Layout 0 grew between these rows: the older ones end earlier.
        v = np.full((len(rows), width), np.nan)
        for index, row in enumerate(rows):
            values = np.frombuffer(row.values, "<f8")
            v[index, : values.size] = values
    t = np.fromiter((row.at for row in rows), np.int64, len(rows))
    return Matrix(t, np.array(places[:width], np.uint16), v)


def columns(parts: Iterable[Matrix], layouts: Layouts, wanted: Iterable[int] | None = None) -> dict[Series, SeriesData]:
    """Times and values of each series (of the `wanted` places in layout 0), ascending; of equal times the first counts.

    Earlier parts count before later ones, so hand over what was stored first, first.
    """
    parts = list(parts)
    if len(parts) == 1 and wanted is None and (np.diff(parts[0].t) > 0).all():
        return _of_one(parts[0], layouts.every)
    pieces: dict[int, list[tuple[NDArray[np.int64], Floats]]] = {}
    only = None if wanted is None else frozenset(wanted)
    for matrix in parts:
        for column, place in enumerate(matrix.series.tolist()):
            if only is None or place in only:
                v = matrix.v[:, column]
                there = ~np.isnan(v)
                if there.all():
                    pieces.setdefault(place, []).append((matrix.t, v))
                elif there.any():
                    pieces.setdefault(place, []).append((matrix.t[there], v[there]))
    every = layouts.every
    return {every[place]: _joined(some, every[place].bits) for place, some in pieces.items() if place < len(every)}


def _of_one(matrix: Matrix, every: Sequence[Series]) -> dict[Series, SeriesData]:
    """The usual case, a device that always says the same: all its series share one array of times."""
    t = matrix.t / MICRO
    rows = np.ascontiguousarray(matrix.v.T)
    there = ~np.isnan(rows)
    full = there.all(axis=1).tolist()
    found = {}
    for row, place in enumerate(matrix.series.tolist()):
        if full[row]:
            found[every[place]] = SeriesData(t, rows[row], every[place].bits)
        elif there[row].any():
            found[every[place]] = SeriesData(t[there[row]], rows[row][there[row]], every[place].bits)
    return found


def _joined(pieces: list[tuple[NDArray[np.int64], Floats]], bits: int) -> SeriesData:
    t = pieces[0][0] if len(pieces) == 1 else np.concatenate([t for t, _ in pieces])
    v = pieces[0][1] if len(pieces) == 1 else np.concatenate([v for _, v in pieces])
    steps = np.diff(t)
    if (steps <= 0).any():
        t, first = np.unique(t, return_index=True)  # the first of equal times; sorted
        v = v[first]
    return SeriesData(t / MICRO, v, bits)


def by_key(found: dict[Series, SeriesData]) -> tuple[dict[SeriesKey, SeriesData], dict[SeriesKey, SeriesData]]:
    """Values, and starts of counters, by their key. A series that came as 32 and 64 bit counter is the wider one's."""
    values: dict[SeriesKey, SeriesData] = {}
    starts: dict[SeriesKey, SeriesData] = {}
    for series, data in found.items():
        into = starts if series.kind == START else values
        held = into.get(series.key)
        if held is None or data.bits > held.bits:
            into[series.key] = data
    return values, starts
