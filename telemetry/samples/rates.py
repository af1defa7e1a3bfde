"""Counters as what people read: increase per second; and what an hour or a step looked like."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from telemetry.analysis.counters import WRAP
from telemetry.analysis.facts import Floats, SeriesData


@dataclass(frozen=True, slots=True)
class Steps:
    """Values with their weight. t: seconds since 1970. v: gauge or state value, or increase per second up to t.
    weight: 1 for each sample of a gauge, the seconds an increase took for a counter."""

    t: Floats
    v: Floats
    weight: Floats


@dataclass(frozen=True, slots=True)
class Summary:
    """What stretches of time looked like, one entry each: least, most, weighted mean, weight. slot: number of the stretch."""

    slot: NDArray[np.int64]
    least: Floats
    most: Floats
    mean: Floats
    weight: Floats


def of_gauge(data: SeriesData) -> Steps:
    return Steps(data.t, data.v, np.ones(data.t.size))


def of_counter(data: SeriesData, starts: SeriesData | None = None, before: tuple[float, float] | None = None) -> Steps:
    """before: time and value of the last sample earlier than these.

    A counter that fell has been reset: unless the sender says since when it counts, the step is a gap, since nobody
    knows what went by before the reset. A 32-bit counter that fell by more than half its range has wrapped.
    """
    t_before, v_before = before or (np.nan, np.nan)
    grown = np.diff(data.v, prepend=v_before)
    took = np.diff(data.t, prepend=t_before)
    if data.bits == 32:
        grown = np.where(grown < -WRAP / 2, grown + WRAP, grown)
    if starts is not None and starts.t.size == data.t.size:
        # The sender says that it counts anew: all it has counted since then is new.
        anew = np.diff(starts.v, prepend=starts.v[:1]) > 0
        grown = np.where(anew, data.v, grown)
        took = np.where(anew, data.t - starts.v, took)
    known = (grown >= 0) & (took > 0)  # false for NaN
    return Steps(data.t[known], grown[known] / took[known], took[known])


def summary(steps: Steps, step_s: float, *, since: float = 0.0) -> Summary:
    """Stretches of step_s seconds counted from `since`; those without a sample are missing."""
    if steps.t.size == 0:
        none = np.empty(0)
        return Summary(np.empty(0, np.int64), none, none, none, none)
    slot = np.floor((steps.t - since) / step_s).astype(np.int64)
    first = np.flatnonzero(np.diff(slot, prepend=slot[0] - 1))
    weight = np.add.reduceat(steps.weight, first)
    return Summary(
        slot[first],
        np.minimum.reduceat(steps.v, first),
        np.maximum.reduceat(steps.v, first),
        np.add.reduceat(steps.v * steps.weight, first) / weight,
        weight,
    )
