"""When a device usually reports: learned by hour of day, later by hour of week. The dead-man's switch asks it.

Source: handbook, detector D8.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from telemetry.analysis import localtime
from telemetry.analysis.localtime import HOURS_A_WEEK

ROW = np.dtype([("day", "u1", 24), ("days", "u1", 24), ("week", "u1", (2, HOURS_A_WEEK)), ("hours", "<u4")])
UNKNOWN = 255  # of a weekly hour; otherwise per cent of the expected reports
REMEMBERED_DAYS = 10
DAILY_AFTER_H, WEEKLY_AFTER_H = 2 * 24, 14 * 24
EXPECTED = 75.0
LONGEST_ABSENCE_H = 4 * 24  # a longer silence is an outage, not a habit


def fresh() -> NDArray[Any]:
    """One row that has learned nothing."""
    row = np.zeros(1, ROW)
    row["week"] = UNKNOWN
    return row


def learn(row: Any, *, zone: str, hour: int, share: float) -> None:
    """Take in one closed hour; share: arrived of the expected reports, 0 to 1."""
    weekly = localtime.hour_of_week(zone, hour)
    clock = weekly % 24
    seen = round(100 * min(share, 1.0))
    days = min(int(row["days"][clock]) + 1, REMEMBERED_DAYS)
    row["day"][clock] = round(int(row["day"][clock]) + (seen - int(row["day"][clock])) / days)
    row["days"][clock] = days
    row["week"][0, weekly] = row["week"][1, weekly]
    row["week"][1, weekly] = seen
    row["hours"] += 1


def expected_hours(row: Any) -> NDArray[np.bool_]:
    """Which local hours of the week reports are to be expected in, shape (168,); all before two days are known."""
    if row["hours"] < DAILY_AFTER_H:
        return np.ones(HOURS_A_WEEK, bool)
    daily = np.tile((row["day"] >= EXPECTED) & (row["days"] > 0), 7)
    if row["hours"] < WEEKLY_AFTER_H:
        return daily
    week = row["week"].astype(np.float64)
    known = (row["week"] != UNKNOWN).all(axis=0)
    return np.where(known, week.mean(axis=0) >= EXPECTED, daily)


def packed(expected: NDArray[np.bool_]) -> bytes:
    """168 hours as 21 bytes, to be stored beside last_seen."""
    return np.packbits(expected).tobytes()


def expected_since(packed_hours: bytes, *, zone: str, now: float) -> float:
    """Start of the stretch of expected hours that `now` lies in; infinite outside of one, -infinite without end."""
    hour = int(now // 3600)
    weekly = localtime.hour_of_week(zone, hour)
    expected = np.unpackbits(np.frombuffer(packed_hours, np.uint8))[:HOURS_A_WEEK].astype(bool)
    return _stretch_start(expected, weekly, hour)


def _stretch_start(expected: NDArray[np.bool_], weekly: int, hour: int) -> float:
    if not expected[weekly]:
        return float("inf")
    if expected.all():
        return float("-inf")
    back = 0
    while expected[(weekly - back - 1) % HOURS_A_WEEK]:
        back += 1
    return (hour - back) * 3600.0
