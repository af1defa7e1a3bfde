"""D7: probes to the gateway keep getting lost, hour after hour, more than this line ever lost.

Source: handbook, detector D7.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from telemetry.analysis.findings import Finding, Severity, figure
from telemetry.analysis.trend import middle

RULE = "wan-loss"
VERSION = 1
KIND = "wan_loss"

EVERY_H = 3
DAYS = 14
RECENT_DAYS = 2
FEWEST_DAYS = 3
ROW = np.dtype([("loss", "<f2", 24), ("delay", "<f2", 24), ("day_loss", "<f2", DAYS), ("day_delay", "<f2", DAYS)])
LEAST = 0.01  # % taken for the past of a line that loses nothing
HIGH, HIGH_TIMES = 0.25, 5.0
HOUR_HIGH, HOUR_TIMES = 0.08, 3.0
SHARE = 0.55
FEWEST_HOURS = 12
MAJOR, CRITICAL = 1.0, 3.0


def fresh(n: int) -> NDArray[Any]:
    """Rows without any history."""
    rows = np.zeros(n, ROW)
    for name in ROW.names or ():
        rows[name] = np.nan
    return rows


def push_hour(rows: NDArray[Any], loss: NDArray[np.float32], delay: NDArray[np.float32]) -> None:
    """Append an hour's mean loss (%) and delay (ms), shape (N,)."""
    for name, values in (("loss", loss), ("delay", delay)):
        rows[name][:, :-1] = rows[name][:, 1:]
        rows[name][:, -1] = np.minimum(values, 60_000)


def push_day(rows: NDArray[Any]) -> None:
    """Close a UTC day with the medians of its hours."""
    for name in ("loss", "delay"):
        rows[f"day_{name}"][:, :-1] = rows[f"day_{name}"][:, 1:]
        rows[f"day_{name}"][:, -1] = [_median(hours) for hours in rows[name]]


def evaluate(row: Any, subject: str, *, early: bool) -> Finding | None:
    """What one target says now. early: a line without three days of past may be judged by the fixed levels alone."""
    hours = row["loss"][np.isfinite(row["loss"])].astype(np.float64)
    known = int(np.isfinite(row["day_loss"]).sum())
    if hours.size < FEWEST_HOURS or (known < FEWEST_DAYS and not early):
        return None
    past = _median(row["day_loss"][:-RECENT_DAYS])
    base = max(past if np.isfinite(past) else 0.0, LEAST)
    mean = float(hours.mean())
    share = float((hours > max(HOUR_HIGH, HOUR_TIMES * base)).mean())
    if mean <= max(HIGH, HIGH_TIMES * base) or share <= SHARE:
        return None
    delay, usual_delay = _median(row["delay"]), _median(row["day_delay"][:-RECENT_DAYS])
    evidence = {
        "mean": figure(mean, 3),
        "usual": figure(base, 3),
        "unit": "%",
        "share_of_hours": round(share, 2),
        "delay_times_usual": figure(delay / usual_delay, 3) if usual_delay > 0 else None,
        "hourly": [figure(float(v), 3) for v in row["loss"]],
        **({"provisional": True} if known < FEWEST_DAYS else {}),
    }
    severity: Severity = "critical" if mean >= CRITICAL else "major" if mean >= MAJOR else "warning"
    title = "The line to the gateway keeps losing packets"
    return Finding(RULE, VERSION, KIND, subject, severity, title, evidence)


def _median(values: NDArray[np.float16]) -> float:
    return middle(values.astype(np.float64))
