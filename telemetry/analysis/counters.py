"""Cumulative counters to increases, across restarts of the device and wraps of 32-bit counters."""

import numpy as np
from numpy.typing import NDArray

from telemetry.analysis.facts import Floats

WRAP = 2.0**32
# Increases are kept as multiples of this, so that sums are exact and do not depend on how the samples were cut.
GRAIN = 2.0**-10


def increases(values: Floats, *, before: Floats, bits: NDArray[np.int64] | int = 64) -> Floats:
    """How much each counter grew up to each sample; NaN where that cannot be known.

    values: shape (K, n), cumulative, NaN where a sample is missing. before: (K,), the last value seen earlier, or NaN.
    bits: (K,), width of the counters. A value below its predecessor is a reset and counts itself; a 32-bit counter
    that fell by more than half its range has wrapped. A missing sample costs nothing: the next one carries the increase.
    """
    known = filled(values, before)
    then = np.concatenate([before[:, None], known[:, :-1]], axis=1)
    step = values - then
    fell = step < 0
    if fell.any():
        narrow = np.broadcast_to(np.asarray(bits) == 32, before.shape)[:, None]
        wrapped = fell & narrow & (step < -WRAP / 2) & (then < WRAP)
        step = np.where(wrapped, step + WRAP, np.where(fell, values, step))
    grown: Floats = np.rint(step / GRAIN) * GRAIN
    return grown


def filled(values: NDArray[np.floating], before: Floats) -> Floats:
    """Each sample with the newest value known by then, `before` until the first; values (K, n), before (K,)."""
    present = np.isfinite(values)
    if present.all():
        return values.astype(np.float64)
    newest = np.maximum.accumulate(np.where(present, np.arange(values.shape[1]), -1), axis=1)
    held = np.take_along_axis(values, np.maximum(newest, 0), axis=1)
    return np.where(newest >= 0, held, before[:, None]).astype(np.float64)
