"""D9: how unlike itself is a value at this time of day? Explains what else moved; never raises anything.

Additive Holt-Winters without trend, many series at a time. Source: handbook, detector D9.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from telemetry.analysis.facts import DAY, Floats

SLOTS = 48
ROW = np.dtype(
    [
        ("level", "<f8"),
        ("mean", "<f4"),  # of the absolute residual, slowly forgetting
        ("square", "<f4"),
        ("typical", "<f4"),  # mean absolute residual of the last hundred or so
        ("n", "<u4"),
        ("marked_at", "<f8"),  # when it was last unlike itself
        ("slots", "<f4", SLOTS),
    ]
)
LEVEL_GAIN = 0.05
SLOT_GAIN = 0.1
CLIP = 5.0  # times the typical residual; one wild value moves nothing far
CLIP_AFTER = 50
TYPICAL_RATE = 0.01
LONGEST_MEMORY = 5000
MARK_Z = 6.0
MARK_AFTER_S = 2 * DAY


def fresh(n: int) -> NDArray[Any]:
    """Rows without any history."""
    rows = np.zeros(n, ROW)
    rows["marked_at"] = -np.inf
    return rows


def step(rows: NDArray[Any], values: Floats, *, local_s: float, days: int) -> Floats:
    """Judge one value per row, then learn from it; returns z, shape (S,), 0 where the value is missing.

    values: (S,), NaN where missing. local_s: seconds since local midnight. days: whole days since the first value.
    """
    slot = int(local_s // (DAY / SLOTS)) % SLOTS
    present = np.isfinite(values)
    first = present & (rows["n"] == 0)
    rows["level"][first] = values[first]
    residual = np.where(present, values - rows["level"] - rows["slots"][:, slot], 0.0)
    size = np.abs(residual)
    z = np.where(present, _score(rows, size), 0.0)
    _learn(rows, residual, size, present, slot, days)
    return z


def _score(rows: NDArray[Any], size: Floats) -> Floats:
    mean = rows["mean"].astype(np.float64)
    deviation = np.sqrt(np.maximum(rows["square"].astype(np.float64) - mean * mean, 0.0))
    # A series that has never moved has no deviation: any move is then odd, but no move is infinitely so.
    floor = 1e-3 * mean + 1e-9 * np.abs(rows["level"]) + 1e-12
    z: Floats = np.where(rows["n"] > 1, (size - mean) / np.maximum(deviation, floor), 0.0)
    return z


def _learn(
    rows: NDArray[Any], residual: Floats, size: Floats, present: NDArray[np.bool_], slot: int, days: int
) -> None:
    # Nothing from a value that is missing; its residual is 0.
    learnt = 1.0 if present.all() else present.astype(np.float64)
    reach = np.where(rows["n"] >= CLIP_AFTER, CLIP * rows["typical"].astype(np.float64), np.inf)
    clipped = np.minimum(np.maximum(residual, -reach), reach)
    rows["level"] += LEVEL_GAIN * clipped
    rows["slots"][:, slot] += max(SLOT_GAIN, 1.0 / (days + 1)) * clipped
    rows["n"] += present
    count = 1.0 / np.maximum(rows["n"], 1)
    quick = learnt * np.maximum(TYPICAL_RATE, count)
    slow = learnt * np.maximum(1.0 / LONGEST_MEMORY, count)
    rows["typical"] += quick * (size - rows["typical"])
    rows["mean"] += slow * (size - rows["mean"])
    rows["square"] += slow * (size * size - rows["square"])


def score(z: Floats) -> Floats:
    """0 to 1, larger is odder; a mark (z = 6) is one half."""
    above = np.maximum(z, 0.0)
    odd: Floats = above / (above + MARK_Z)
    return odd
