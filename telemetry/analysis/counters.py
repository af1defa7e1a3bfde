"""Cumulative counters to increases, across restarts of the device and wraps of 32-bit counters."""

import numpy as np
from numpy.typing import NDArray

from telemetry.analysis.facts import Floats

WRAP = 2.0**32
# Increases are kept as multiples of this, so that sums are exact and do not depend on how the samples were cut.
GRAIN = 2.0**-10


def increases(values: Floats, *, before: float, bits: int = 64) -> Floats:
    """How much the counter grew up to each sample; NaN where that cannot be known.

    values: shape (n,), cumulative, NaN where the sample is missing. before: the last value seen earlier, or NaN.
    A value below its predecessor is a reset and counts itself; a 32-bit counter that fell by more than half its
    range has wrapped. A missing sample costs nothing: the next one carries the increase.
    """
    grown = np.full(values.shape, np.nan)
    present = np.flatnonzero(np.isfinite(values))
    if present.size == 0:
        return grown
    now = values[present]
    then = np.concatenate(([before], now[:-1]))
    step = now - then
    fell = step < 0
    wrapped = fell & (bits == 32) & (step < -WRAP / 2) & (then < WRAP)
    step = np.where(wrapped, step + WRAP, np.where(fell, now, step))
    grown[present] = np.rint(step / GRAIN) * GRAIN
    return grown


def last_known(values: NDArray[np.floating], before: float) -> float:
    """The newest finite value, or `before` when none arrived."""
    present = np.flatnonzero(np.isfinite(values))
    return float(values[present[-1]]) if present.size else before
