"""From wire metrics to the signals detectors speak of: percentages, degrees, increases per port, states.

Carries what a later block needs (last counter values, limits that are sent rarely), so that a block may be of any size.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from telemetry.analysis.counters import increases, last_known
from telemetry.analysis.facts import DeviceFacts, Floats, SeriesData, SeriesKey


class Role(IntEnum):
    """What a gauge means to the detectors; the numbers are part of the stored state."""

    MEMORY = 1  # % of the pool in use
    FLASH = 2  # % of the volume in use
    TEMPERATURE = 3  # degrees Celsius
    RAIL = 4  # volts of a 12 V rail
    LIGHT = 5  # received dBm
    POE = 6  # watts drawn
    FAN = 7  # revolutions per minute
    LOSS = 8  # % of probes lost
    DELAY = 9  # ms to the same target
    LOAD = 10  # % of an uplink's capacity
    CPU = 11  # %
    TEMPERATURE_LIMIT = 23
    LIGHT_LIMIT = 25
    POE_LIMIT = 26


LIMIT_OF = {
    Role.TEMPERATURE: Role.TEMPERATURE_LIMIT,
    Role.LIGHT: Role.LIGHT_LIMIT,
    Role.POE: Role.POE_LIMIT,
}
RAIL_VOLTS = (11.0, 13.0)  # a sensor outside reads another rail, which D1 has no limit for
FRAME_BYTES = 700.0  # mean frame of mixed traffic; only for devices that count octets but no frames

Channel = tuple[Role, str]
States = dict[tuple[str, str], Floats]
Carried = dict[SeriesKey, float]

_DIRECT: Mapping[str, tuple[Role, float]] = {
    "device.memory.utilization": (Role.MEMORY, 100.0),
    "device.cpu.utilization": (Role.CPU, 100.0),
    "sensor.temperature": (Role.TEMPERATURE, 1.0),
    "fan.speed": (Role.FAN, 1.0),
    "poe.usage": (Role.POE, 1.0),
    "poe.limit": (Role.POE_LIMIT, 1.0),
    "icmp.loss": (Role.LOSS, 100.0),
    "icmp.rtt": (Role.DELAY, 1000.0),
    "if.utilization": (Role.LOAD, 100.0),
    "fs.utilization": (Role.FLASH, 100.0),
}
_WATCHED_STATES = frozenset({"device.reachable", "sensor.status", "fan.status", "psu.status"})


@dataclass(frozen=True, slots=True)
class Signals:
    """A block in the detectors' words.

    t: shape (n,), strictly ascending. gauges: float32 (n,), NaN where missing. ports: names. errors, frames, flaps:
    (P, n) increases, 0 where nothing arrived. changes: (P, n) changes of the operational state.
    """

    t: Floats
    gauges: dict[Channel, NDArray[np.float32]]
    ports: tuple[str, ...]
    errors: Floats
    frames: Floats
    flaps: Floats
    changes: Floats
    uptime: Floats
    states: States
    carried: Carried


class _Frame:
    """The block's series on one common time axis."""

    def __init__(self, facts: DeviceFacts, after: float) -> None:
        times = [data.t for data in facts.series.values() if data.t.size]
        first = times[0] if times else np.empty(0)
        if all(t is first or np.array_equal(t, first) for t in times):
            self.t = first
            self._rows: dict[int, NDArray[np.intp]] = {}
        else:
            self.t = np.unique(np.concatenate(times))
            self._rows = {id(t): np.searchsorted(self.t, t) for t in times}
        self.fresh = self.t > after

    def column(self, data: SeriesData) -> Floats:
        rows = self._rows.get(id(data.t))
        if rows is None:
            return data.v if data.v.size else np.full(self.t.shape, np.nan)
        column = np.full(self.t.shape, np.nan)
        column[rows] = data.v
        return column

    def fresh_column(self, data: SeriesData) -> Floats:
        """Without samples older than what counters have already seen."""
        return np.where(self.fresh, self.column(data), np.nan)


def read(facts: DeviceFacts, carried: Carried, *, after: float, uplinks: Iterable[str] = ()) -> Signals:
    """The block as signals. after: time of the newest sample of earlier blocks; counters ignore what is not newer."""
    frame = _Frame(facts, after)
    kept = dict(carried)
    gauges = _gauges(facts, frame, kept)
    ports = _ports(facts)
    index = {name: row for row, name in enumerate(ports)}
    shape = (len(ports), frame.t.size)
    errors, frames, octets, flaps, changes = (np.zeros(shape) for _ in range(5))
    states: States = {}
    uptime = np.full(frame.t.shape, np.nan)
    lines: dict[tuple[str, str], Floats] = {}
    for key, data in facts.series.items():
        if key.metric in {"if.errors", "if.packets", "if.io", "if.flaps"}:
            grown = increases(frame.fresh_column(data), before=kept.get(key, np.nan), bits=data.bits)
            kept[key] = last_known(frame.fresh_column(data), kept.get(key, np.nan))
            into = {"if.errors": errors, "if.packets": frames, "if.io": octets, "if.flaps": flaps}[key.metric]
            into[index[key.instance]] += np.nan_to_num(grown)
            if key.metric == "if.io":
                lines[key.instance, key.label("dir")] = grown
        elif key.metric == "if.oper_status":
            column = frame.fresh_column(data)
            changes[index[key.instance]] = _changes(column, kept.get(key, np.nan))
            kept[key] = last_known(column, kept.get(key, np.nan))
        elif key.metric == "if.speed":
            kept[key] = last_known(frame.column(data), kept.get(key, np.nan))
        elif key.metric == "device.uptime":
            uptime = frame.fresh_column(data)
        elif key.metric in _WATCHED_STATES:
            states[key.metric, key.instance] = frame.fresh_column(data)
    uncounted = frames.sum(axis=1) == 0
    frames[uncounted] = octets[uncounted] / FRAME_BYTES
    for port in uplinks:
        load = _load(port, lines, frame.t, after, kept)
        if load is not None and (Role.LOAD, port) not in gauges:
            gauges[Role.LOAD, port] = load.astype(np.float32)
    return Signals(frame.t, gauges, ports, errors, frames, flaps, changes, uptime, states, kept)


def _ports(facts: DeviceFacts) -> tuple[str, ...]:
    counted = {"if.errors", "if.packets", "if.io", "if.flaps", "if.oper_status"}
    return tuple(sorted({key.instance for key in facts.series if key.metric in counted}))


def _changes(codes: Floats, before: float) -> Floats:
    """1 where a port went up or came down; unknown words and missing samples are neither."""
    is_up = np.where(np.isfinite(codes) & (codes >= 0), codes == 0, np.nan)
    present = np.flatnonzero(np.isfinite(is_up))
    out = np.zeros(codes.shape)
    if present.size:
        now = is_up[present]
        first = now[0] if not np.isfinite(before) else float(before == 0)
        out[present] = now != np.concatenate(([first], now[:-1]))
    return out


def _gauges(facts: DeviceFacts, frame: _Frame, kept: Carried) -> dict[Channel, NDArray[np.float32]]:
    found: dict[Channel, Floats] = {}
    for key, data in facts.series.items():
        role, scale = _DIRECT.get(key.metric, (None, 1.0))
        subject = key.instance or key.label("target")
        if key.metric == "sensor.temperature.limit" and key.label("limit") == "high.critical":
            role = Role.TEMPERATURE_LIMIT
        elif key.metric == "optic.power" and key.label("dir") in {"", "rx"}:
            role = Role.LIGHT
        elif key.metric == "optic.power.limit" and key.label("limit") == "low.critical":
            role = Role.LIGHT_LIMIT
        elif key.metric == "sensor.voltage" and _is_rail(data, kept, key):
            role = Role.RAIL
        if role is not None:
            found[role, subject] = frame.column(data) * scale
    _shares(facts, frame, kept, found)
    return {channel: column.astype(np.float32) for channel, column in sorted(found.items())}


def _is_rail(data: SeriesData, kept: Carried, key: SeriesKey) -> bool:
    """Whether the sensor reads a 12 V rail; its first reading decides once and for all."""
    if key not in kept and data.v.size:
        kept[key] = float(data.v[0])
    low, high = RAIL_VOLTS
    return low <= kept.get(key, 0.0) <= high


def _shares(facts: DeviceFacts, frame: _Frame, kept: Carried, found: dict[Channel, Floats]) -> None:
    """Percentages of memory pools and volumes, where the device reports bytes."""
    for key, data in facts.series.items():
        if key.label("state") != "used":
            continue
        if key.metric == "device.memory.usage" and (Role.MEMORY, key.instance) not in found:
            free = _filled(facts, frame, kept, key._replace(labels=(("state", "free"),)))
            used = frame.column(data)
            found[Role.MEMORY, key.instance] = _percent(used, used + free)
        elif key.metric == "fs.usage":
            limit = _filled(facts, frame, kept, SeriesKey("fs.limit", key.instance))
            free = _filled(facts, frame, kept, key._replace(labels=(("state", "free"),)))
            used = frame.column(data)
            found[Role.FLASH, key.instance] = _percent(used, np.where(np.isfinite(limit), limit, used + free))


def _filled(facts: DeviceFacts, frame: _Frame, kept: Carried, key: SeriesKey) -> Floats:
    """A rarely sent series, each row with the newest value known by then."""
    data = facts.series.get(key)
    column = frame.column(data) if data is not None else None
    before = kept.get(key, np.nan)
    if column is not None:
        kept[key] = last_known(column, before)
    return filled(column, before, frame.t.size)


def filled(column: NDArray[np.floating] | None, before: float, n: int) -> Floats:
    """Each row with the newest value known by then, `before` until the first; shape (n,), also where column is None."""
    if column is None or n == 0:
        return np.full(n, before)
    newest = np.maximum.accumulate(np.where(np.isfinite(column), np.arange(n), -1))
    return np.where(newest >= 0, column[np.maximum(newest, 0)].astype(np.float64), before)


def _percent(part: Floats, whole: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(whole > 0, 100.0 * part / whole, np.nan)


def _load(port: str, lines: Mapping[tuple[str, str], Floats], t: Floats, after: float, kept: Carried) -> Floats | None:
    """% of the uplink's speed in its busier direction; None without speed or octets."""
    speed = kept.get(SeriesKey("if.speed", port), np.nan)
    grown = [column for (name, _), column in lines.items() if name == port]
    if not grown or not speed > 0 or t.size == 0:
        return None
    seconds = np.diff(t, prepend=after if np.isfinite(after) else np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = 100.0 * 8.0 * np.fmax.reduce(grown) / (seconds * speed)
    return np.where(seconds > 0, share, np.nan)
