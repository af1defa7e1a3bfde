"""D4: a port that goes up and down, far more often than it used to and not because somebody switches it daily.

Source: handbook, detector D4.
"""

from collections.abc import Iterator, Sequence
from math import exp
from typing import Any

import numpy as np
from numpy.typing import NDArray

from telemetry.analysis import localtime
from telemetry.analysis.facts import DAY, HOUR, Event, Floats
from telemetry.analysis.findings import Finding, Severity

RULE = "flapping"
VERSION = 1
KIND = "link_flapping"

WINDOW_H = 72
PATTERN_DAYS = 7
ROW = np.dtype(
    [
        ("hours", "u1", WINDOW_H),  # transitions an hour
        ("base", "<f4"),  # transitions a day, without the last 72 h
        ("days", "<u4", PATTERN_DAYS),  # local hours with a transition, one bit each, newest day last
        ("today", "<u4"),
        ("flaps", "<f8"),  # of the open hour, by each source
        ("changes", "<f8"),
        ("events", "<f8"),
        ("is_down", "u1"),  # administratively
    ]
)
FEWEST = 4
CALM_A_DAY = 0.02  # such a port has not moved for weeks: four transitions are enough
ORDINARY_A_DAY = 0.1  # a port that moves at all may do so this often without anybody noticing
CHANCE = 3e-5  # of as many transitions on a port as ordinary as it was before
MAJOR_A_DAY = 20
FORGET = 1.0 / (14 * 24)  # the base remembers 14 days
PATTERN_OF, PATTERN_HELD = 5, 4  # same hour on 4 of the last 5 working days
PATTERN_HOURS = 4  # a port somebody switches has two such hours (and their neighbours), a flapping one many
WORKING_DAYS = 5


def fresh(n: int) -> NDArray[Any]:
    """Rows without any history."""
    return np.zeros(n, ROW)


def add(rows: NDArray[Any], flaps: Floats, changes: Floats) -> None:
    """Transitions of the open hour by the flap counter and by the operational state, shape (P,)."""
    rows["flaps"] += flaps
    rows["changes"] += changes


def add_event(rows: NDArray[Any], ports: Sequence[str], event: Event) -> None:
    """A link event of the open hour; other events are left alone."""
    words = event.text.lower()
    if event.instance in ports and ("link" in words or "line protocol" in words) and ("up" in words or "down" in words):
        rows["events"][ports.index(event.instance)] += 1


def push_hour(rows: NDArray[Any], *, zone: str, hour: int) -> None:
    """Close the open hour; whichever source says most counts."""
    most = np.maximum(np.maximum(rows["flaps"], rows["changes"]), rows["events"])
    rows["base"] += (24.0 * rows["hours"][:, 0].astype(np.float32) - rows["base"]) * np.float32(FORGET)
    rows["hours"][:, :-1] = rows["hours"][:, 1:]
    rows["hours"][:, -1] = np.minimum(most, 255).astype(np.uint8)
    local = localtime.hour_of_week(zone, hour) % 24
    rows["today"] |= np.where(most > 0, np.uint32(1 << local), np.uint32(0))
    rows["flaps"] = rows["changes"] = rows["events"] = 0.0
    if localtime.day(zone, hour + 1) != localtime.day(zone, hour):
        if localtime.hour_of_week(zone, hour) < WORKING_DAYS * 24:
            rows["days"][:, :-1] = rows["days"][:, 1:]
            rows["days"][:, -1] = rows["today"]
        rows["today"] = 0


def evaluate(rows: NDArray[Any], ports: Sequence[str], *, boundary: float, zone: str) -> Iterator[Finding]:
    """Ports that flap at the hour that has just closed."""
    counts = rows["hours"].sum(axis=1, dtype=np.int64)
    for row in np.flatnonzero((counts >= FEWEST) & (rows["is_down"] == 0)):
        base = float(rows["base"][row])
        hours = np.flatnonzero(rows["hours"][row])
        times = [int(boundary - (WINDOW_H - h) * HOUR) for h in hours]
        usual = _pattern(rows["days"][row])
        unusual = [
            (when, int(rows["hours"][row][h]))
            for when, h in zip(times, hours, strict=True)
            if localtime.hour_of_week(zone, int(when // HOUR)) % 24 not in usual
        ]
        count = sum(n for _, n in unusual)
        if count < _needed(base):
            continue
        last_day = sum(n for when, n in unusual if when >= boundary - DAY)
        evidence = {
            "transitions": count,
            "window_h": WINDOW_H,
            "last_24h": last_day,
            "usual_a_day": round(base, 3),
            "hours": [[when, n] for when, n in unusual],
        }
        severity: Severity = "major" if last_day >= MAJOR_A_DAY else "warning"
        yield Finding(RULE, VERSION, KIND, ports[int(row)], severity, "A port keeps going up and down", evidence)


def _needed(base: float) -> int:
    """How many transitions in the window are more than chance on a port with so many a day before (Poisson)."""
    if base < CALM_A_DAY:
        return FEWEST
    mean = WINDOW_H / 24 * max(base, ORDINARY_A_DAY)
    needed, term = 0, exp(-mean)
    tail = 1.0 - term  # of more than `needed`
    while tail >= CHANCE or needed + 1 < FEWEST:
        needed += 1
        term *= mean / needed
        tail -= term
    return needed + 1


def _pattern(days: NDArray[np.uint32]) -> set[int]:
    """Local hours in which the port changes on most working days: somebody switches it."""
    held = set()
    last = [int(bits) for bits in days[-PATTERN_OF:]]
    for hour in range(24):
        near = sum(1 << ((hour + step) % 24) for step in (-1, 0, 1))
        if sum(bool(bits & near) for bits in last) >= PATTERN_HELD:
            held.add(hour)
    return held if len(held) <= PATTERN_HOURS + 2 else set()
