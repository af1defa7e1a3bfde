"""D2: when will the busiest opening hours fill the uplink?

One value a working day, the 95th percentile of the load in opening hours; growth is compounded, hence logarithms.
Source: handbook, detector D2.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from telemetry.analysis import localtime, trend
from telemetry.analysis.facts import DAY, HOUR, Floats
from telemetry.analysis.findings import Finding, Severity, figure

RULE = "uplink-capacity"
VERSION = 1
KIND = "uplink_capacity"

DAYS = 35
SLOTS = 288  # of five minutes
ROW = np.dtype(
    [
        ("p95", "<f2", DAYS),
        ("median", "<f2", DAYS),
        ("day", "<f2", SLOTS),
        ("profile", "<f4", 24),  # mean load by local hour, slowly forgetting
        ("days", "<u2"),
    ]
)
FORGET = 0.1
KNOWN_DAYS = 7  # the profile says nothing earlier
OPEN_SHARE = 0.5  # an hour at least half as busy as the busiest is an opening hour
USUAL_OPEN = (9, 17)
PEOPLE_ARE_AWAKE = (6, 22)  # a nightly backup would otherwise be taken for the working day
WORKING_SHARE = 0.35
WINDOWS_D = (14, 21, 35)
FEWEST_WORKING_DAYS = 8
FEWEST_DAYS = 28
MIN_Z = 2.6
FULL = 90.0
LEAST_LEVEL = 35.0
HORIZON_D = 30.0


def fresh(n: int) -> NDArray[Any]:
    """Rows without any history."""
    rows = np.zeros(n, ROW)
    for name in ("p95", "median", "day", "profile"):
        rows[name] = np.nan
    return rows


def push_samples(row: Any, t: Floats, load: NDArray[np.float32], *, zone: str) -> None:
    """Put an hour's samples (% of capacity) into the open local day."""
    present = np.isfinite(load)
    if not present.any():
        return
    hour = int(t[0] // HOUR)
    local = t[present] + localtime.offset_s(zone, hour)
    slots = ((local % DAY) // (DAY / SLOTS)).astype(int)
    np.fmax.at(row["day"], slots, load[present].astype(np.float16))
    clock = localtime.hour_of_week(zone, hour) % 24
    mean = np.float32(load[present].astype(np.float64).mean())
    old = row["profile"][clock]
    row["profile"][clock] = mean if not np.isfinite(old) else old + np.float32(FORGET) * (mean - old)


def push_day(rows: NDArray[Any]) -> None:
    """Close a local day."""
    for row in rows:
        opening = row["day"].reshape(24, -1)[_open_hours(row)].ravel().astype(np.float64)
        opening = opening[np.isfinite(opening)]
        for name, q in (("p95", 95), ("median", 50)):
            row[name][:-1] = row[name][1:].copy()
            row[name][-1] = np.percentile(opening, q) if opening.size >= 12 else np.nan
        row["day"] = np.nan
        row["days"] = min(int(row["days"]) + 1, 60_000)


def _open_hours(row: Any) -> NDArray[np.bool_]:
    clock = np.arange(24)
    awake = (clock >= PEOPLE_ARE_AWAKE[0]) & (clock < PEOPLE_ARE_AWAKE[1])
    profile = np.where(awake, np.nan_to_num(row["profile"]), 0.0)
    if row["days"] < KNOWN_DAYS or profile.max() <= 0:
        return (clock >= USUAL_OPEN[0]) & (clock < USUAL_OPEN[1])
    opening: NDArray[np.bool_] = profile >= OPEN_SHARE * profile.max()
    return opening


def evaluate(row: Any, subject: str, *, at: float, factors: trend.Factors) -> Finding | None:
    """What one uplink says after a local day has closed."""
    if row["days"] < FEWEST_DAYS:
        return None
    p95, median = row["p95"].astype(np.float64), row["median"].astype(np.float64)
    if not np.isfinite(median).any():
        return None
    working = np.isfinite(p95) & (np.nan_to_num(median) > WORKING_SHARE * np.nanmax(median)) & (np.nan_to_num(p95) > 0)
    log = np.where(working, np.log(np.where(working, p95, 1.0)), np.nan)
    best = max(
        (fit for days in WINDOWS_D if (fit := _fit(log[-days:])) is not None), key=lambda fit: fit.low, default=None
    )
    if best is None:
        return None
    days = np.flatnonzero(np.isfinite(log))[-FEWEST_WORKING_DAYS:]
    level = float(np.exp(np.median(log[days] + best.slope * (DAYS - 1 - days))))
    left = max(0.0, float(np.log(FULL / level)) / best.slope) * DAY
    lo, eta, hi = trend.span(left, factors.of(KIND))
    if level <= LEAST_LEVEL or eta > HORIZON_D * DAY:
        return None
    evidence = {
        "level": figure(level),
        "limit": FULL,
        "unit": "%",
        "growth_a_week": figure(float(np.expm1(7 * best.slope) * 100), 3),
        "z": figure(best.z, 3),
        "factors": list(factors.of(KIND)),
        "factor_version": factors.version,
        "values": [figure(float(v), 3) if use else None for v, use in zip(p95, working, strict=True)],
        "step_s": int(DAY),
        "until": round(at),
    }
    severity: Severity = "major" if eta < 3 * DAY else "info"
    ends = (float(round(at + lo)), float(round(at + eta)), float(round(at + hi)))
    return Finding(RULE, VERSION, KIND, subject, severity, "The uplink is filling up in opening hours", evidence, *ends)


def _fit(log: Floats) -> trend.Fit | None:
    if np.isfinite(log).sum() < FEWEST_WORKING_DAYS:
        return None
    fit = trend.fit(log, seasons=1, step=1.0)
    return fit if fit is not None and fit.z > MIN_Z and fit.slope > 0 else None
