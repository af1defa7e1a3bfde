"""Static levels: what is wrong the moment it is seen, with a gap between raising and clearing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from telemetry.analysis.facts import STATES, Floats
from telemetry.analysis.findings import Finding, Severity, figure
from telemetry.analysis.hysteresis import Tracks
from telemetry.analysis.signals import Channel, Role, Signals

RULE = "level"
VERSION = 1


@dataclass(frozen=True, slots=True)
class StateRule:
    """A state that is a fault by itself."""

    kind: str
    bad: tuple[str, ...]
    severity: Severity
    title: str


STATE_RULES: Mapping[str, StateRule] = {
    "fan.status": StateRule("fan_failed", ("failed",), "critical", "A fan has failed"),
    "psu.status": StateRule("psu_failed", ("failed",), "major", "A power supply has failed"),
    "sensor.status": StateRule("sensor_critical", ("critical", "shutdown"), "critical", "A sensor reports danger"),
    "device.reachable": StateRule("unreachable", ("down",), "major", "The collector cannot reach the device"),
}


@dataclass(frozen=True, slots=True)
class Level:
    """raise_at, clear_at: reached and left. below_limit: both are distances below the device's own limit."""

    kind: str
    raise_at: float
    clear_at: float
    unit: str
    title: str


# The limits are those D1 forecasts to; the gap keeps a value that hovers from ringing again and again.
LEVELS: Mapping[Role, Level] = {
    Role.MEMORY: Level("memory_exhaustion", 97.0, 95.0, "%", "Memory is almost used up"),
    Role.FLASH: Level("flash_exhaustion", 99.0, 97.0, "%", "Storage is full"),
    Role.TEMPERATURE: Level("overheating", 78.0, 75.0, "Cel", "The device is too hot"),
}


@dataclass(frozen=True, slots=True)
class Observation:
    """One sample judged: bad, good, or neither (between the two thresholds)."""

    at: float
    bad: bool
    good: bool
    finding: Finding


def watch(signals: Signals, limits: Mapping[Channel, float], tracks: Tracks, *, after: float) -> None:
    """Judge every sample newer than `after`; limits: the device's own, by the channel they limit."""
    fresh = signals.t > after
    for (metric, subject), codes in sorted(signals.states.items()):
        _feed(tracks, _judged_states(metric, subject, signals.t, np.where(fresh, codes, np.nan), tracks))
    for (role, subject), values in signals.gauges.items():
        level = LEVELS.get(role)
        if level is not None:
            own = limits.get((role, subject), np.nan)
            _feed(tracks, _judged_values(level, subject, signals.t, np.where(fresh, values, np.nan), own, tracks))


def _feed(tracks: Tracks, observations: Iterator[Observation]) -> None:
    for seen in observations:
        if seen.bad:
            tracks.true(seen.at, seen.finding)
        elif seen.good:
            tracks.false(seen.at, (seen.finding.kind, seen.finding.subject, RULE))


def _judged_states(metric: str, subject: str, t: Floats, codes: Floats, tracks: Tracks) -> Iterator[Observation]:
    rule = STATE_RULES[metric]
    bad = np.isin(codes, [STATES[metric].index(name) for name in rule.bad])
    if not bad.any() and not tracks.knows((rule.kind, subject, RULE)):
        return
    for row in np.flatnonzero(np.isfinite(codes)):
        name = STATES[metric][int(codes[row])] if codes[row] >= 0 else "unknown"
        evidence = {"metric": metric, "state": name}
        finding = Finding(RULE, VERSION, rule.kind, subject, rule.severity, rule.title, evidence)
        yield Observation(float(t[row]), bool(bad[row]), not bad[row], finding)


def _judged_values(
    level: Level, subject: str, t: Floats, values: NDArray[np.float64], own: float, tracks: Tracks
) -> Iterator[Observation]:
    gap = level.raise_at - level.clear_at
    limit = own if np.isfinite(own) else level.raise_at
    bad, good = values >= limit, values < limit - gap
    if not bad.any() and not tracks.knows((level.kind, subject, RULE)):
        return
    for row in np.flatnonzero(np.isfinite(values)):
        evidence = {
            "level": figure(float(values[row])),
            "limit": figure(limit),
            "limit_origin": "device" if np.isfinite(own) else "fixed",
            "clears_below": figure(limit - gap),
            "unit": level.unit,
        }
        finding = Finding(RULE, VERSION, level.kind, subject, "critical", level.title, evidence)
        yield Observation(float(t[row]), bool(bad[row]), bool(good[row]), finding)
