"""Static levels: what is wrong as soon as a second sample says so too, with a gap between raising and clearing."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from telemetry.analysis.facts import STATES, Floats
from telemetry.analysis.findings import Finding, Severity, figure
from telemetry.analysis.hysteresis import Tracks
from telemetry.analysis.layout import Channel, Role
from telemetry.analysis.signals import Signals

RULE = "level"
VERSION = 1


@dataclass(frozen=True, slots=True)
class Statement:
    """What a state that is a fault by itself means."""

    severity: Severity
    title: str


STATE_KINDS: Mapping[str, str] = {
    "fan.status": "fan_fault",
    "psu.status": "psu_fault",
    "sensor.status": "sensor_alarm",
    "device.reachable": "unreachable",
}
STATEMENTS: Mapping[tuple[str, str], Statement] = {
    ("fan.status", "failed"): Statement("critical", "A fan has failed"),
    ("fan.status", "warning"): Statement("warning", "The device complains about a fan"),
    ("psu.status", "failed"): Statement("major", "A power supply has failed"),
    ("psu.status", "warning"): Statement("warning", "The device complains about a power supply"),
    ("sensor.status", "shutdown"): Statement("critical", "A sensor reports that the device must shut down"),
    ("sensor.status", "critical"): Statement("critical", "A sensor reports a critical value"),
    ("sensor.status", "warning"): Statement("warning", "A sensor reports an unusual value"),
    ("device.reachable", "down"): Statement("major", "The collector cannot reach the device"),
}


_BAD_CODES: Mapping[str, Sequence[float]] = {
    metric: [float(code) for code, name in enumerate(names) if (metric, name) in STATEMENTS]
    for metric, names in STATES.items()
}
_WELL = Statement("info", "")  # never raised: carries the subject of a sample that is well


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


def watch(signals: Signals, limits: Mapping[Channel, Floats], tracks: Tracks, *, after: float) -> None:
    """Judge every sample newer than `after`. limits: the device's own, shape (n,), by the channel they limit."""
    fresh = signals.t > after
    only_fresh = bool(fresh.all())
    for (metric, subject), codes in sorted(signals.states.items()):
        judged = codes if only_fresh else np.where(fresh, codes, np.nan)
        _feed(tracks, _judged_states(metric, subject, signals.t, judged, tracks))
    for (role, subject), values in signals.gauges.items():
        level = LEVELS.get(role)
        if level is not None:
            judged = values if only_fresh else np.where(fresh, values, np.nan)
            _feed(tracks, _judged_values(level, subject, signals.t, judged, limits.get((role, subject)), tracks))


def _feed(tracks: Tracks, observations: Iterator[Observation]) -> None:
    for seen in observations:
        if seen.bad:
            tracks.true(seen.at, seen.finding)
        elif seen.good:
            tracks.false(seen.at, (seen.finding.kind, seen.finding.subject, RULE))


def _judged_states(metric: str, subject: str, t: Floats, codes: Floats, tracks: Tracks) -> Iterator[Observation]:
    kind = STATE_KINDS[metric]
    bad = np.zeros(codes.shape, np.bool_)
    for code in _BAD_CODES[metric]:
        bad |= codes == code
    if not bad.any() and not tracks.knows((kind, subject, RULE)):
        return
    for row in np.flatnonzero(np.isfinite(codes)):
        name = STATES[metric][int(codes[row])] if codes[row] >= 0 else "unknown"
        said = STATEMENTS.get((metric, name), _WELL)
        finding = Finding(RULE, VERSION, kind, subject, said.severity, said.title, {"metric": metric, "state": name})
        yield Observation(float(t[row]), bool(bad[row]), not bad[row], finding)


def _judged_values(
    level: Level, subject: str, t: Floats, values: NDArray[np.floating], own: Floats | None, tracks: Tracks
) -> Iterator[Observation]:
    gap = level.raise_at - level.clear_at
    own = np.broadcast_to(np.nan, t.shape) if own is None else own
    limit = np.where(np.isfinite(own), own, level.raise_at)
    bad, good = values >= limit, values < limit - gap
    if not bad.any() and not tracks.knows((level.kind, subject, RULE)):
        return
    for row in np.flatnonzero(np.isfinite(values)):
        evidence = {
            "level": figure(float(values[row])),
            "limit": figure(float(limit[row])),
            "limit_origin": "device" if np.isfinite(own[row]) else "fixed",
            "clears_below": figure(float(limit[row]) - gap),
            "unit": level.unit,
        }
        finding = Finding(RULE, VERSION, level.kind, subject, "critical", level.title, evidence)
        yield Observation(float(t[row]), bool(bad[row]), bool(good[row]), finding)
