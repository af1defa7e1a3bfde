"""D3: a port breaks frames far more often than it used to; and the special case of mismatched duplex.

Per port, errors E and frames F by the hour. A single pulled cable is one bad hour: several bad hours are asked for.
Source: handbook, detector D3.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from telemetry.analysis.facts import DAY, Floats
from telemetry.analysis.findings import Finding, Severity, figure
from telemetry.analysis.trend import Factors

RULE = "link-errors"
VERSION = 1
ERRORS_KIND, DUPLEX_KIND = "link_errors", "duplex_mismatch"

EVERY_H = 3
ROW = np.dtype(
    [
        ("e24", "<f4", 24),
        ("f24", "<f4", 24),
        ("e14", "<f4", 14),  # completed UTC days
        ("f14", "<f4", 14),
        ("e_day", "<f8"),
        ("f_day", "<f8"),
        ("e_hour", "<f8"),
        ("f_hour", "<f8"),
    ]
)
UNKNOWN_PAST = 1e-8  # ratio taken for the past of a port without one
RECENT_DAYS = 2  # today and the two days before are not the past
FEWEST_ERRORS = 30
FEWEST_HOURS, FEWEST_HOURS_FAST = 8, 4
WORSE, WORSE_HOUR = 10.0, 5.0  # times the port's own past
FLOOR, FLOOR_HOUR = 5e-7, 2e-8
FAST = 1e-5
BAD = 1e-4
DUPLEX_RANK = 0.5
DUPLEX_HOURS = 12
CONFIG_S = 7 * DAY
FAILS_AT = 1e-2
MAJOR, CRITICAL = 1e-4, 1e-3


def fresh(n: int) -> NDArray[Any]:
    """Rows without any history; an hour without frames counts as nothing seen."""
    return np.zeros(n, ROW)


def add(rows: NDArray[Any], errors: Floats, frames: Floats) -> None:
    """Increases of the open hour, shape (P,)."""
    rows["e_hour"] += errors
    rows["f_hour"] += frames


def push_hour(rows: NDArray[Any]) -> None:
    """Close the open hour."""
    for ring, hour, day in (("e24", "e_hour", "e_day"), ("f24", "f_hour", "f_day")):
        rows[ring][:, :-1] = rows[ring][:, 1:]
        rows[ring][:, -1] = rows[hour]
        rows[day] += rows[hour]
        rows[hour] = 0.0


def push_day(rows: NDArray[Any]) -> None:
    """Close a UTC day."""
    for ring, day in (("e14", "e_day"), ("f14", "f_day")):
        rows[ring][:, :-1] = rows[ring][:, 1:]
        rows[ring][:, -1] = rows[day]
        rows[day] = 0.0


def evaluate(
    rows: NDArray[Any],
    ports: Sequence[str],
    *,
    at: float,
    config_at: float,
    half_duplex: frozenset[str],
    factors: Factors,
) -> Iterator[Finding]:
    """Ports that are in trouble at `at`. config_at: last change of speed or duplex on the device, epoch seconds."""
    e24, f24 = rows["e24"].astype(np.float64), rows["f24"].astype(np.float64)
    past = slice(None, -RECENT_DAYS)
    e_past, f_past = rows["e14"][:, past].sum(1, dtype=np.float64), rows["f14"][:, past].sum(1, dtype=np.float64)
    base = np.where(f_past > 0, (e_past + 0.5) / (f_past + 1e6), UNKNOWN_PAST)
    errors, frames = e24.sum(axis=1), f24.sum(axis=1)
    ratio = _ratio(errors, frames)
    hours = (e24 > np.maximum(WORSE_HOUR * base, FLOOR_HOUR)[:, None] * f24 + 0.5).sum(axis=1)
    fast_ratio = _ratio(e24[:, -6:].sum(axis=1), f24[:, -6:].sum(axis=1))
    fast_hours = (e24[:, -6:] > FAST * f24[:, -6:] + 1).sum(axis=1)
    lasting = hours >= FEWEST_HOURS
    slow = (ratio > np.maximum(FLOOR, WORSE * base)) & (errors >= FEWEST_ERRORS) & lasting
    fast = (fast_ratio > FAST) & (fast_hours >= FEWEST_HOURS_FAST)
    bad = (ratio > BAD) & lasting
    for row in np.flatnonzero(slow | fast | bad):
        port = ports[int(row)]
        now = float(max(ratio[row], fast_ratio[row]) if fast[row] else ratio[row])
        evidence = {
            "ratio": figure(now, 3),
            "ratio_before": figure(float(base[row]), 3),
            "bad_hours": int(max(hours[row], fast_hours[row])),
            "errors": round(float(errors[row])),
            "frames": figure(float(frames[row])),
            "hourly_ratio": [figure(v, 3) for v in _ratio(e24[row], f24[row])],
        }
        config_is_recent = at - config_at <= CONFIG_S
        half = port in half_duplex
        follows = _follows_load(e24[row], f24[row])
        if half or (config_is_recent and follows):
            evidence |= {"half_duplex": half, "config_changed_at": round(config_at) if config_is_recent else None}
            title = "A port and its neighbour disagree about speed or duplex"
            yield Finding(RULE, VERSION, DUPLEX_KIND, port, "warning", title, evidence)
            continue
        left = _time_left(rows[row], now)
        eta = tuple(float(round(at + left * f)) for f in factors.of(ERRORS_KIND)) if left is not None else (None,) * 3
        severity: Severity = "critical" if now > CRITICAL else "major" if now > MAJOR else "warning"
        title = "A link breaks far more frames than it used to"
        yield Finding(RULE, VERSION, ERRORS_KIND, port, severity, title, evidence, *eta)


def _ratio(errors: Floats, frames: Floats) -> Floats:
    return np.divide(errors, frames, out=np.zeros_like(errors), where=frames > 0)


def _follows_load(errors: Floats, frames: Floats) -> bool:
    """Whether errors per frame rise with the load: rank correlation over the hours with traffic."""
    busy = frames > 0
    if busy.sum() < DUPLEX_HOURS:
        return False
    ratio, load = _ranks(errors[busy] / frames[busy]), _ranks(frames[busy])
    if ratio.std() == 0 or load.std() == 0:
        return False
    return bool(np.corrcoef(ratio, load)[0, 1] >= DUPLEX_RANK)


def _ranks(values: Floats) -> Floats:
    """Ranks with ties sharing their mean."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    shared: Floats = ((ends - counts + ends - 1) / 2.0)[inverse]
    return shared


def _time_left(row: Any, now: float) -> float | None:
    """Seconds until the ratio reaches one in a hundred, where it has grown on 4 of the last 6 days."""
    ratio = _ratio(row["e14"][-7:].astype(np.float64), row["f14"][-7:].astype(np.float64))
    if (np.diff(ratio) > 0).sum() < 4 or now >= FAILS_AT:
        return None
    last = ratio[-6:]
    days = np.flatnonzero(last > 0)
    if days.size < 3:
        return None
    slope = float(np.polyfit(days, np.log(last[days]), 1)[0])
    return float(np.log(FAILS_AT / now) / slope * DAY) if slope > 0 and now > 0 else None
