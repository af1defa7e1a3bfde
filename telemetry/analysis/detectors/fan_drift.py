"""D6: a fan slows down, or its speed begins to wobble, long before it stops.

Source: handbook, detector D6.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from telemetry.analysis.findings import Finding, Severity, figure
from telemetry.analysis.trend import middle

RULE = "fan-drift"
VERSION = 1
KIND = "fan_wear"

DAYS = 21
RECENT_DAYS = 3
FEWEST_DAYS = 10
ROW = np.dtype([("day_speed", "<f2", DAYS), ("day_wobble", "<f2", DAYS), ("speed", "<f2", 24), ("wobble", "<f2", 24)])
SLOWER = 0.90
WOBBLIER = 2.2
CRITICAL_SHARE = 0.5
FEWEST_HOURS = 6


def fresh(n: int) -> NDArray[Any]:
    """Rows without any history."""
    rows = np.zeros(n, ROW)
    for name in ROW.names or ():
        rows[name] = np.nan
    return rows


def push_hour(rows: NDArray[Any], speed: NDArray[np.float32], wobble: NDArray[np.float32]) -> None:
    """Append the median and the standard deviation of an hour, rpm, shape (N,)."""
    for name, values in (("speed", speed), ("wobble", wobble)):
        rows[name][:, :-1] = rows[name][:, 1:]
        rows[name][:, -1] = np.minimum(values, 60_000)


def push_day(rows: NDArray[Any]) -> None:
    """Close a UTC day with the medians of its hours."""
    for name in ("speed", "wobble"):
        rows[f"day_{name}"][:, :-1] = rows[f"day_{name}"][:, 1:]
        rows[f"day_{name}"][:, -1] = [_median(hours) for hours in rows[name]]


def evaluate(row: Any, subject: str, *, temperature: float) -> Finding | None:
    """What one fan says now. temperature: the device's newest, NaN if unknown; evidence only."""
    past_speed, past_wobble = row["day_speed"][:-RECENT_DAYS], row["day_wobble"][:-RECENT_DAYS]
    if np.isfinite(past_speed).sum() < FEWEST_DAYS - RECENT_DAYS or np.isfinite(row["speed"]).sum() < FEWEST_HOURS:
        return None
    base, base_wobble = _median(past_speed), _median(past_wobble)
    speed, wobble = _median(row["speed"]), _median(row["wobble"])
    slow, wobbly = speed < SLOWER * base, wobble > WOBBLIER * base_wobble
    if not (slow or wobbly):
        return None
    evidence = {
        "speed": figure(speed),
        "usual_speed": figure(base),
        "wobble": figure(wobble, 3),
        "usual_wobble": figure(base_wobble, 3),
        "unit": "rpm",
        "temperature": figure(temperature),
        "daily_speed": [figure(float(v)) for v in row["day_speed"]],
    }
    severity: Severity = "critical" if speed < CRITICAL_SHARE * base else "major"
    title = "A fan is slowing down" if slow else "A fan runs unevenly"
    return Finding(RULE, VERSION, KIND, subject, severity, title, evidence)


def _median(values: NDArray[np.float16]) -> float:
    return middle(values.astype(np.float64))
