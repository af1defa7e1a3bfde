"""D10: many signals of one device unlike themselves at once. Explains other findings and feeds the health score.

Source: handbook, detector D10, multi-signal mark.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from telemetry.analysis.facts import Floats

ROW = np.dtype(
    [
        ("usual", "<f4"),
        ("seen", "<u4"),
        ("before", "<f4"),
        ("marks", "<u2", 24),  # marked samples by hour, and samples at all, of the last day
        ("samples", "<u2", 24),
        ("hour_marks", "<u2"),
        ("hour_samples", "<u2"),
    ]
)
ODD_Z = 3.5
FEWEST = 3
SHARE = 0.10  # of the signals, until the device's own extremes are known
QUANTILE = 0.999
USUAL_SHARE = 0.9
LEARNED_AFTER = 5000  # samples; a quantile of one in a thousand means nothing earlier
RATE = 0.02


def fresh() -> NDArray[Any]:
    """One row that has learned nothing."""
    return np.zeros(1, ROW)


def step(row: Any, z: Floats) -> float:
    """How far the signals move together, in multiples of what marks: two samples in a row at 1 or more are a mark.

    z: (k,) of the signals that arrived. Returns the smaller of this sample's and the last one's multiple.
    """
    if z.size == 0:
        return 0.0
    odd = int(np.count_nonzero(z > ODD_Z))
    f = odd / np.sqrt(z.size)
    needed = max(FEWEST, SHARE * z.size) / np.sqrt(z.size)
    if row["seen"] >= LEARNED_AFTER:
        needed = max(needed, USUAL_SHARE * float(row["usual"]))
    multiple = float(f / needed)
    both = min(multiple, float(row["before"]))
    row["before"] = multiple
    row["usual"] += RATE * ((QUANTILE if f > row["usual"] else QUANTILE - 1.0) * (0.1 + row["usual"]))
    row["usual"] = max(0.0, float(row["usual"]))
    row["seen"] += 1
    row["hour_samples"] += 1
    row["hour_marks"] += both >= 1.0
    return both


def push_hour(row: Any) -> None:
    """Close the open hour."""
    for ring, hour in (("marks", "hour_marks"), ("samples", "hour_samples")):
        row[ring][:-1] = row[ring][1:].copy()
        row[ring][-1] = row[hour]
        row[hour] = 0


def marked_share(row: Any) -> float:
    """Part of the last day's samples that were marked, 0 to 1."""
    samples = int(row["samples"].sum()) + int(row["hour_samples"])
    marks = int(row["marks"].sum()) + int(row["hour_marks"])
    return marks / samples if samples else 0.0
