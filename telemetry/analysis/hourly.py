"""Samples to hour values: made of what arrived, and the same however the samples were cut into blocks."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from telemetry.analysis.blob import DeviceState
from telemetry.analysis.facts import HOUR, Floats
from telemetry.analysis.layout import Channel

Gauges = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Summary:
    """One hour of every channel, shape (C,): NaN where nothing arrived. reports: how many arrived at all."""

    highest: Gauges
    middle: Gauges
    mean: Gauges
    deviation: Gauges
    newest: Gauges
    reports: int


def matrix(gauges: Mapping[Channel, Gauges], channels: Sequence[Channel], n: int) -> Gauges:
    """The block's gauges as (n, C), one column per channel of the state."""
    table = np.full((n, len(channels)), np.nan, np.float32)
    for column, channel in enumerate(channels):
        if channel in gauges:
            table[:, column] = gauges[channel]
    return table


def by_hour(t: Floats) -> Iterator[tuple[int, slice]]:
    """Hours since the epoch with the rows that belong to them; t ascending. None for a block of events alone."""
    if t.size == 0:
        return
    hours = np.floor_divide(t, HOUR).astype(np.int64)
    starts = np.flatnonzero(np.diff(hours, prepend=-1))
    for start, stop in zip(starts, np.append(starts[1:], t.size), strict=True):
        yield int(hours[start]), slice(int(start), int(stop))


def merged(state: DeviceState, t: Floats, rows: Gauges) -> tuple[Floats, Gauges]:
    """The open hour with more rows in it; a late sample takes its place, a repeated one replaces itself."""
    if state.pending_t.size == 0:
        return t.copy(), rows.copy()
    if t[0] > state.pending_t[-1]:
        return np.concatenate([state.pending_t, t]), np.concatenate([state.pending, rows])
    times = np.unique(np.concatenate([state.pending_t, t]))
    table = np.full((times.size, rows.shape[1]), np.nan, np.float32)
    table[np.searchsorted(times, state.pending_t)] = state.pending
    into = np.searchsorted(times, t)
    table[into] = np.where(np.isfinite(rows), rows, table[into])
    return times, table


def summary(pending: Gauges, channels: int) -> Summary:
    """Statistics of one hour; pending: (n, C)."""
    if len(pending) == 0 or channels == 0:
        empty = np.full(channels, np.nan, np.float32)
        return Summary(empty, empty, empty, empty, empty, len(pending))
    ordered = np.sort(pending, axis=0)  # NaN last
    present = np.isfinite(pending)
    count = present.sum(axis=0)
    columns = np.arange(channels)
    some = np.maximum(count, 1)
    upper, lower = np.minimum(count // 2, len(pending) - 1), np.maximum(count - 1, 0) // 2
    sums = np.where(present, pending, np.float32(0)).astype(np.float64)
    mean = sums.sum(axis=0) / some
    square = ((sums - np.where(present, mean, 0.0)) ** 2).sum(axis=0) / some
    newest = len(pending) - 1 - np.argmax(present[::-1], axis=0)
    none = count == 0
    return Summary(
        highest=ordered[some - 1, columns],
        middle=(ordered[upper, columns] + ordered[lower, columns]) / np.float32(2),
        mean=np.where(none, np.nan, mean).astype(np.float32),
        deviation=np.where(count > 1, np.sqrt(square), np.nan).astype(np.float32),
        newest=pending[newest, columns],
        reports=len(pending),
    )
