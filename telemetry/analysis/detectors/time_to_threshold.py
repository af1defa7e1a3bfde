"""D1: when will a quantity that creeps in one direction reach the limit it fails at?

Six-hour values, compared only with the same time of day, over windows of several lengths; guards against warm-up after
a restart, single steps and returning saw-teeth. Source: handbook, detector D1.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from telemetry.analysis import trend
from telemetry.analysis.facts import DAY, HOUR, Floats
from telemetry.analysis.findings import Finding, figure, severity_by_eta
from telemetry.analysis.layout import Role

RULE = "time-to-threshold"
VERSION = 1

SLOT_H = 6
A_DAY = 24 // SLOT_H  # six-hour values a day
RING = 14 * A_DAY
DAILY = 20
HOURS = 48
TEETH = 3
ROW = np.dtype(
    [
        ("ring", "<f4", RING),  # six-hour values, oldest first, sign as measured
        ("daily", "<f4", DAILY),  # worst value of each day that has left the ring
        ("leaving", "<f4"),  # worst value of the day that is leaving
        ("left", "u1"),  # how many of its values have left
        ("hours", "<f4", HOURS),
        ("limit", "<f4"),
        ("before", "<f4"),  # the worst value before the rise that is open now
        ("regime", "<f8"),  # last restart: memory starts anew
        ("values", "<u2"),  # six-hour values so far
        ("trough", "<f4"),  # lowest since the last sudden fall
        ("teeth", "<f4", TEETH),  # heights of the last rises that ended in one, and how long ago in six hours
        ("ages", "<u2", TEETH),
    ]
)

WINDOWS_D = (2, 4, 7, 14)
MIN_VALUES = 8
MIN_Z = 2.8
WARM_UP_VALUES = 12  # a curve needs this many values to be told from a line
WARM_UP_SHARE = 0.5
STEP_VALUES = 16
STEP_SHARE = 0.7
MIN_HOURS_A_SLOT = 2
FALL_SHARE, LEAST_FALL = 0.5, 0.02  # a fall of half the rise, and of 2 % of the limit, ends a tooth
TOOTH_DAYS = 24  # older teeth are forgotten
TALLER = 1.15  # a rise this much taller than any tooth is no tooth
NOVEL_DAYS = 0.5  # of its own slope a rise has to go beyond what was there before
JUMP_SHARE = 0.45  # of the rise between two six-hour values is a file somebody put there

# Short history, only where the installation asked for findings before the usual two days: hours instead of six hours.
EARLY_HOURS = 12
EARLY_Z = 3.4  # twelve values in strict order reach 3.7
EARLY_SHARE = 0.7
EARLY_RISE = 0.08  # of the way to the limit
EARLY_HORIZON_D = 4.0

SAG_V = 0.12  # a rail this far below its own past ...
SAG_BELOW_V = 11.9  # ... and below this is failing, whatever the trend


@dataclass(frozen=True, slots=True)
class Quantity:
    """One kind of finding. sign: -1 for what falls. limit: where it fails; NaN if only the device can say.

    horizon_d: how far ahead a date is told. known_after_d: days of its past that have to be known before. restarts: it
    begins anew with the device. has_teeth: it is emptied now and then, so that every rise looks like a trend.
    """

    kind: str
    sign: int
    statistic: Literal["max", "median"]
    horizon_d: float
    limit: float
    unit: str
    title: str
    origin: str = "fixed"
    steps_are_normal: bool = False
    early: bool = False
    restarts: bool = False
    known_after_d: float = 0.0
    has_teeth: bool = False


QUANTITIES: Mapping[Role, Quantity] = {
    Role.MEMORY: Quantity(
        "memory_exhaustion", 1, "max", 7, 97.0, "%", "Memory is running out", early=True, restarts=True
    ),
    Role.FLASH: Quantity(
        "flash_exhaustion",
        1,
        "median",
        10,
        99.0,
        "%",
        "Storage is filling up",
        early=True,
        known_after_d=10,  # logs are rotated once a week or more often
        has_teeth=True,
    ),
    Role.TEMPERATURE: Quantity(
        "overheating", 1, "max", 14, 78.0, "Cel", "The device is getting hotter", "assumed", known_after_d=7
    ),
    Role.RAIL: Quantity("psu_rail", -1, "median", 10, 11.4, "V", "A power supply voltage is sagging"),
    Role.LIGHT: Quantity("optics_decay", -1, "median", 21, -20.0, "dBm", "Received light is fading", "assumed"),
    Role.POE: Quantity(
        "poe_budget", 1, "max", 14, np.nan, "W", "Power for connected devices is running out", steps_are_normal=True
    ),
}


def fresh(n: int) -> NDArray[Any]:
    """Rows without any history."""
    rows = np.zeros(n, ROW)
    for name in ("ring", "daily", "leaving", "hours", "limit", "before", "trough", "teeth"):
        rows[name] = np.nan
    rows["regime"] = -np.inf
    return rows


def has_enough(row: Any) -> bool:
    """Whether six-hour values suffice, so that hours need not be looked at."""
    return int(np.count_nonzero(np.isfinite(row["ring"]))) >= MIN_VALUES


def push_hour(rows: NDArray[Any], values: NDArray[np.float32]) -> None:
    """Append one hour value per row, NaN where nothing arrived."""
    rows["hours"][:, :-1] = rows["hours"][:, 1:]
    rows["hours"][:, -1] = values


def push_slot(rows: NDArray[Any], signs: NDArray[np.float32]) -> None:
    """Close six hours: their median joins the ring, what drops out of it is kept as the worst of its day."""
    gone = rows["ring"][:, 0] * signs
    rows["leaving"] = np.fmax(rows["leaving"], gone)
    rows["left"] += 1
    full = rows["left"] >= A_DAY
    if full.any():
        rows["daily"][full, :-1] = rows["daily"][full, 1:]
        rows["daily"][full, -1] = rows["leaving"][full] * signs[full]
        rows["leaving"][full] = np.nan
        rows["left"][full] = 0
    newest = _slot_values(rows["hours"][:, -SLOT_H:])
    _follow_teeth(rows, newest)
    rows["ring"][:, :-1] = rows["ring"][:, 1:]
    rows["ring"][:, -1] = newest
    rows["values"] = np.minimum(rows["values"] + np.isfinite(newest), 60_000)


def _follow_teeth(rows: NDArray[Any], newest: NDArray[np.float32]) -> None:
    """Keep the heights of rises that ended in a sudden fall, as logs do when they are rotated."""
    rows["ages"] = np.minimum(rows["ages"] + 1, 60_000)
    last = rows["ring"][:, -1]
    rise = last - rows["trough"]
    fell = (last - newest >= FALL_SHARE * rise) & (last - newest >= LEAST_FALL * np.abs(last))
    if fell.any():
        for name, value in (("teeth", rise), ("ages", np.zeros(len(rows)))):
            rows[name][fell, :-1] = rows[name][fell, 1:]
            rows[name][fell, -1] = value[fell]
    rows["trough"] = np.where(fell, newest, np.fmin(rows["trough"], newest))


def _slot_values(hours: NDArray[np.float32]) -> NDArray[np.float32]:
    ordered = np.sort(hours, axis=1)  # NaN last
    count = np.isfinite(hours).sum(axis=1)
    rows = np.arange(len(hours))
    upper, lower = count // 2, np.maximum(count - 1, 0) // 2
    middle = (ordered[rows, np.minimum(upper, SLOT_H - 1)] + ordered[rows, lower]) / np.float32(2)
    return np.where(count >= MIN_HOURS_A_SLOT, middle, np.float32(np.nan))


@dataclass(frozen=True, slots=True)
class _Candidate:
    window: int  # six-hour (or hour) values
    fit: trend.Fit


@dataclass(frozen=True, slots=True)
class Verdict:
    """finding: what holds now, if anything. before: worst value before the rise. over: back below it."""

    finding: Finding | None
    before: float = float("nan")
    over: bool = False


def evaluate(
    row: Any, quantity: Quantity, subject: str, *, at: float, boundary: float, factors: trend.Factors, early: bool
) -> Verdict | None:
    """What one series says at a six-hour boundary (or at any hour in the early mode of short histories).

    at: time of the sample that closed the hour. boundary: end of the last closed hour.
    """
    values = row["ring"].astype(np.float64) * quantity.sign
    limit, origin = _limit(row, quantity)
    if not np.isfinite(limit):
        return Verdict(None)
    if not has_enough(row):
        return Verdict(_early(row, quantity, subject, limit, origin, at, factors) if early and quantity.early else None)
    level, middle = _last_day(values)
    if not np.isfinite(level):
        return None  # nothing arrived lately: nothing can be said, for or against
    before_rise = float(row["before"])
    over = np.isfinite(before_rise) and np.isfinite(middle) and middle < before_rise
    if quantity.has_teeth and _has_just_fallen(row, values):
        return Verdict(None, over=True) if over else None
    best, longest = _best(values, quantity, boundary, float(row["regime"]))
    sagging = _sagging(values) if quantity.kind == "psu_rail" else False
    if best is None:
        finding = _sag_finding(row, quantity, subject, limit, level) if sagging else None
        return Verdict(finding, over=over and finding is None)
    before = _before(row, values, longest, quantity.sign)
    novel = _is_novel(quantity, before, middle, best.fit.slope, early=early)
    novel = novel and (early or row["values"] >= quantity.known_after_d * A_DAY)
    if quantity.has_teeth and _is_a_tooth(row, level, best.window):
        novel = False
    left = max(0.0, (limit - level) / best.fit.slope) * DAY
    lo, eta, hi = trend.span(left, factors.of(quantity.kind))
    if not novel or eta > quantity.horizon_d * DAY:
        finding = _sag_finding(row, quantity, subject, limit, level) if sagging else None
        return Verdict(finding, over=over and finding is None)
    evidence = {
        "window_d": best.window / A_DAY,
        **_figures(best.fit, quantity, level, limit, origin, factors),
        "values": [figure(v) for v in row["ring"].tolist()],
        "step_s": int(SLOT_H * HOUR),
        "until": boundary,
    }
    finding = _finding(quantity, subject, at, (lo, eta, hi), evidence)
    return Verdict(finding, before=float(before.max()) if before.size else float("nan"))


def _limit(row: Any, quantity: Quantity) -> tuple[float, str]:
    own = float(row["limit"])
    if np.isfinite(own):
        return own * quantity.sign, "device"
    return quantity.limit * quantity.sign, quantity.origin


def _last_day(values: Floats) -> tuple[float, float]:
    last = values[-A_DAY:]
    return float(np.fmax.reduce(last)), trend.middle(last)


def _best(values: Floats, quantity: Quantity, boundary: float, regime: float) -> tuple[_Candidate | None, int]:
    """The candidate with the greatest lower limit, and the longest candidate's length."""
    best: _Candidate | None = None
    longest = 0
    since = int((boundary - regime) // (SLOT_H * HOUR)) if quantity.restarts and np.isfinite(regime) else RING
    for days in WINDOWS_D:
        length = min(days * A_DAY, since)
        candidate = _candidate(values[-length:], quantity) if length >= MIN_VALUES else None
        if candidate is not None:
            longest = max(longest, candidate.window)
            if best is None or candidate.fit.low > best.fit.low:
                best = candidate
            if length < days * A_DAY:
                break
        if length < days * A_DAY and length == since:
            break
    return best, longest


def _candidate(values: Floats, quantity: Quantity) -> _Candidate | None:
    present = int(np.count_nonzero(np.isfinite(values)))
    if present < MIN_VALUES:
        return None
    fitted = trend.fit(values, seasons=A_DAY, step=1.0 / A_DAY, least_z=MIN_Z)
    if fitted is None or fitted.slope <= 0:
        return None
    if not quantity.steps_are_normal:
        if present >= WARM_UP_VALUES and _is_flattening(values, A_DAY, WARM_UP_SHARE):
            return None
        if present >= STEP_VALUES and _is_a_step(values, A_DAY, STEP_SHARE):
            return None
    if quantity.has_teeth and _jumps(values):
        return None
    return _Candidate(values.size, fitted)


def _is_flattening(values: Floats, seasons: int, share: float) -> bool:
    """Whether the second half rises much slower than the first: a cache that fills, not a leak."""
    half = values.size // 2
    first = trend.fit(values[:half], seasons=seasons, step=1.0)
    second = trend.fit(values[half:], seasons=seasons, step=1.0)
    if first is None or second is None:
        return False
    return second.slope <= 0 or second.slope < share * first.slope


def _jumps(values: Floats) -> bool:
    """Whether one jump between neighbouring values makes up much of the rise."""
    rise = trend.middle(values[-A_DAY:]) - trend.middle(values[:A_DAY])
    return bool(np.fmax.reduce(np.diff(values)) > JUMP_SHARE * rise)


def _is_a_step(values: Floats, block: int, share: float) -> bool:
    """Whether one jump between neighbouring days makes up most of the rise."""
    whole = values[values.size % block :].reshape(-1, block)
    medians = np.array([median for day in whole if np.isfinite(median := trend.middle(day))])
    if medians.size < 2:
        return False
    rise = medians[-1] - medians[0]
    return bool(rise <= 0 or np.diff(medians).max() > share * rise)


def _is_novel(quantity: Quantity, before: Floats, middle: float, slope: float, *, early: bool) -> bool:
    """Whether the last day lies above everything before the rise; without a past only where none is needed."""
    if before.size < MIN_VALUES:
        return early or not quantity.has_teeth
    return middle > float(before.max()) + (NOVEL_DAYS * slope if quantity.has_teeth else 0.0)


def _before(row: Any, values: Floats, longest: int, sign: int) -> Floats:
    """Every value of the 20 days before the longest candidate's window; days that have left the ring count once."""
    older = values[: values.size - longest]
    days = DAILY - older.size // A_DAY
    daily = row["daily"].astype(np.float64)[DAILY - max(days, 0) :] * sign
    both = np.concatenate((daily, older))
    return both[np.isfinite(both)]


def _is_a_tooth(row: Any, level: float, window: int) -> bool:
    """Whether the rise is no taller than earlier ones that ended in a fall; a window with a fall in it shows a trend."""
    recent = row["ages"] <= TOOTH_DAYS * A_DAY
    teeth = row["teeth"][recent & np.isfinite(row["teeth"])]
    if teeth.size == 0 or int(row["ages"][-1]) < window:
        return False
    return bool(level - float(row["trough"]) <= TALLER * float(teeth.max()))


def _has_just_fallen(row: Any, values: Floats) -> bool:
    """Whether a tooth that made up most of what there is to see ended within the last day."""
    if row["ages"][-1] >= A_DAY or not np.isfinite(row["teeth"][-1]):
        return False
    seen = values[-7 * A_DAY :]
    return bool(row["teeth"][-1] >= FALL_SHARE * (np.nanmax(seen) - np.nanmin(seen)))


def _sagging(values: Floats) -> bool:
    """Whether the rail lies below its own past; values are negated volts."""
    now = values[-3:]
    past = values[: -5 * A_DAY]
    if np.count_nonzero(np.isfinite(past)) < MIN_VALUES or not np.isfinite(now).any():
        return False
    return -trend.middle(now) < min(-trend.middle(past) - SAG_V, SAG_BELOW_V)


def _early(
    row: Any, quantity: Quantity, subject: str, limit: float, origin: str, at: float, factors: trend.Factors
) -> Finding | None:
    """Hours instead of six hours: a short and therefore strict look, marked provisional."""
    hours = row["hours"].astype(np.float64) * quantity.sign
    present = np.flatnonzero(np.isfinite(hours))
    if present.size < EARLY_HOURS:
        return None
    hours = hours[present[0] :]
    fitted = trend.fit(hours, seasons=1, step=1.0 / 24, least_z=EARLY_Z)
    if fitted is None or fitted.slope <= 0:
        return None
    level = float(np.nanmax(hours[-3:])) if np.isfinite(hours[-3:]).any() else float(np.nanmax(hours))
    rise = level - hours[0]
    if (
        rise < EARLY_RISE * (limit - hours[0])
        or _is_flattening(hours, 1, EARLY_SHARE)
        or _is_a_step(hours, 3, STEP_SHARE)
    ):
        return None
    lo, eta, hi = trend.span(max(0.0, (limit - level) / fitted.slope) * DAY, factors.of(quantity.kind))
    if eta > EARLY_HORIZON_D * DAY:
        return None
    evidence = {
        "provisional": True,
        "window_d": round(hours.size / 24, 2),
        **_figures(fitted, quantity, level, limit, origin, factors),
        "values": [figure(v) for v in row["hours"].tolist()],
        "step_s": int(HOUR),
        "until": (at // HOUR) * HOUR,
    }
    return _finding(quantity, subject, at, (lo, eta, hi), evidence)


def _figures(
    fitted: trend.Fit, quantity: Quantity, level: float, limit: float, origin: str, factors: trend.Factors
) -> dict[str, Any]:
    sign = quantity.sign
    low, high = sorted((fitted.low * sign, fitted.high * sign))
    return {
        "slope_a_day": figure(fitted.slope * sign),
        "slope_range": [figure(low), figure(high)],
        "z": figure(fitted.z, 3),
        "level": figure(level * sign),
        "limit": figure(limit * sign),
        "limit_origin": origin,
        "unit": quantity.unit,
        "factors": list(factors.of(quantity.kind)),
        "factor_version": factors.version,
    }


def _finding(
    quantity: Quantity, subject: str, at: float, left: tuple[float, float, float], evidence: dict[str, Any]
) -> Finding:
    lo, eta, hi = (float(round(at + seconds)) for seconds in left)
    severity = severity_by_eta(at, eta, lo)
    if quantity.kind == "poe_budget" and severity == "critical":
        severity = "major"
    return Finding(RULE, VERSION, quantity.kind, subject, severity, quantity.title, evidence, lo, eta, hi)


def _sag_finding(row: Any, quantity: Quantity, subject: str, limit: float, level: float) -> Finding:
    evidence = {
        "reason": "below its own past",
        "level": figure(-level),
        "limit": figure(-limit),
        "unit": quantity.unit,
        "values": [figure(v) for v in row["ring"].tolist()],
        "step_s": int(SLOT_H * HOUR),
    }
    return Finding(RULE, VERSION, quantity.kind, subject, "major", "A power supply voltage has dropped", evidence)
