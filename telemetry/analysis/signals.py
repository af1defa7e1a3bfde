"""From wire metrics to the signals detectors speak of: percentages, degrees, increases per port, states.

Carries what a later block needs (last counter values, limits that are sent rarely), so that a block may be of any size.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from telemetry.analysis import layout as layouts
from telemetry.analysis.counters import filled, increases
from telemetry.analysis.facts import DeviceFacts, Floats, SeriesData, SeriesKey
from telemetry.analysis.layout import COUNTERS, Channel, Layout, Role

RAIL_VOLTS = (11.0, 13.0)  # a sensor outside reads another rail, which D1 has no limit for
FRAME_BYTES = 700.0  # mean frame of mixed traffic; only for devices that count octets but no frames

States = dict[tuple[str, str], Floats]
Carried = dict[SeriesKey, float]


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
    """The block's series on one common time axis. after: counters ignore what is not newer."""

    def __init__(self, facts: DeviceFacts, after: float) -> None:
        self.data: list[SeriesData] = list(facts.series.values())
        times = [data.t for data in self.data if data.t.size]
        first = times[0] if times else np.empty(0)
        distinct = {id(data.t): data.t for data in self.data}.values()  # most series of a report share one array
        self._shared = all(t is first or np.array_equal(t, first) for t in distinct)
        self.t = first if self._shared else np.unique(np.concatenate(times))
        self._table = self._whole() if self._shared else self._none(0)
        self._late = self.t <= after
        self._is_late = bool(self._late.any())

    def column(self, place: int) -> Floats:
        """One series, shape (n,)."""
        column: Floats = self.columns([place])[0]
        return column

    def columns(self, places: Iterable[int], *, fresh: bool = False) -> Floats:
        """Series as (K, n), NaN where missing; fresh: without samples that counters have already seen."""
        wanted = list(places)
        if self._shared:
            table = self._table[wanted]
        else:
            chosen = [self.data[place] for place in wanted]
            table = self._none(len(chosen))
            for row, data in enumerate(chosen):
                table[row, np.searchsorted(self.t, data.t)] = data.v
        return np.where(self._late, np.nan, table) if fresh and self._is_late else table

    def _whole(self) -> Floats:
        """Every series, where all have the same times: (S, n)."""
        if not self.data:
            return self._none(0)
        return np.concatenate([data.v for data in self.data]).reshape(len(self.data), self.t.size)

    def _none(self, rows: int) -> Floats:
        return np.full((rows, self.t.size), np.nan)


def read(facts: DeviceFacts, carried: Carried, *, after: float, uplinks: Iterable[str] = ()) -> Signals:
    """The block as signals. after: time of the newest sample of earlier blocks; counters ignore what is not newer."""
    frame, layout, kept = _Frame(facts, after), layouts.of(tuple(facts.series)), dict(carried)
    grown = _grown(frame, layout, kept)
    totals = np.zeros((len(COUNTERS), len(layout.ports), frame.t.size))
    np.add.at(totals, (layout.counter_kinds, layout.counter_ports), np.where(np.isfinite(grown), grown, 0.0))
    errors, frames, flaps, octets = totals
    uncounted = (frames.sum(axis=1) == 0) & (octets.sum(axis=1) > 0)
    frames[uncounted] = octets[uncounted] / FRAME_BYTES
    gauges = _gauges(frame, layout, kept)
    for port in uplinks:
        load = _load(port, frame, layout, grown, after, kept)
        if load is not None and (Role.LOAD, port) not in gauges:
            gauges[Role.LOAD, port] = load.astype(np.float32)
    states = {name: frame.columns([place], fresh=True)[0] for name, place in layout.states.items()}
    uptime = frame.columns([layout.uptime], fresh=True)[0] if layout.uptime >= 0 else np.full(frame.t.shape, np.nan)
    changes = _changes(frame, layout, kept)
    return Signals(frame.t, gauges, layout.ports, errors, frames, flaps, changes, uptime, states, kept)


def _grown(frame: _Frame, layout: Layout, kept: Carried) -> Floats:
    """Increases of every counter, (K, n); keeps the counters' newest values."""
    values = frame.columns(layout.counter_places, fresh=True)
    before = _before(layout.counter_keys, kept)
    bits = np.array([frame.data[place].bits for place in layout.counter_places], np.int64)
    grown = increases(values, before=before, bits=bits)
    _keep(layout.counter_keys, values, before, kept)
    return grown


def _changes(frame: _Frame, layout: Layout, kept: Carried) -> Floats:
    """(P, n): 1 where a port went up or came down; unknown words and missing samples are neither."""
    changes = np.zeros((len(layout.ports), frame.t.size))
    if not layout.oper_keys:
        return changes
    codes = frame.columns(layout.oper_places, fresh=True)
    codes = np.where(codes >= 0, codes, np.nan)
    before = _before(layout.oper_keys, kept)
    known = filled(codes, before)
    then = np.concatenate([before[:, None], known[:, :-1]], axis=1)
    both = np.isfinite(codes) & np.isfinite(then)
    changes[layout.oper_ports] = both & ((codes == 0) != (then == 0))
    _keep(layout.oper_keys, codes, before, kept)
    return changes


def _before(keys: tuple[SeriesKey, ...], kept: Carried) -> Floats:
    return np.array([kept.get(key, np.nan) for key in keys])


def _keep(keys: tuple[SeriesKey, ...], values: Floats, before: Floats, kept: Carried) -> None:
    if keys and values.shape[1]:
        kept.update(zip(keys, filled(values, before)[:, -1].tolist(), strict=True))


def _gauges(frame: _Frame, layout: Layout, kept: Carried) -> dict[Channel, NDArray[np.float32]]:
    found = {}
    for gauge in layout.gauges:
        if gauge.channel[0] != Role.RAIL or _is_rail(frame, gauge, kept):
            found[gauge.channel] = frame.column(gauge.place) * gauge.scale
    for share in layout.shares:
        used = frame.column(share.place)
        limit = _rarely_sent(share.limit, frame, layout, kept)
        free = _rarely_sent(share.free, frame, layout, kept)
        found[share.channel] = _percent(used, np.where(np.isfinite(limit), limit, used + free))
    return {channel: column.astype(np.float32) for channel, column in sorted(found.items())}


def _is_rail(frame: _Frame, gauge: layouts.Gauge, kept: Carried) -> bool:
    """Whether the sensor reads a 12 V rail; its first reading decides once and for all."""
    key = SeriesKey("sensor.voltage", gauge.channel[1])
    values = frame.data[gauge.place].v
    if key not in kept and values.size:
        kept[key] = float(values[0])
    low, high = RAIL_VOLTS
    return low <= kept.get(key, 0.0) <= high


def _rarely_sent(key: SeriesKey, frame: _Frame, layout: Layout, kept: Carried) -> Floats:
    """Each row with the newest value known by then, also from earlier blocks; NaN if there never was one."""
    before = np.array([kept.get(key, np.nan)])
    if key not in layout.places:
        return np.full(frame.t.shape, before[0])
    values = frame.columns([layout.places[key]])
    _keep((key,), values, before, kept)
    held: Floats = filled(values, before)[0]
    return held


def _percent(part: Floats, whole: Floats) -> Floats:
    percent: Floats = np.divide(100.0 * part, whole, out=np.full(part.shape, np.nan), where=whole > 0)
    return percent


def _load(port: str, frame: _Frame, layout: Layout, grown: Floats, after: float, kept: Carried) -> Floats | None:
    """% of the uplink's speed in its busier direction; None without speed or octets."""
    speed = _rarely_sent(SeriesKey("if.speed", port), frame, layout, kept)
    lines = [n for n, key in enumerate(layout.counter_keys) if key.metric == "if.io" and key.instance == port]
    if not lines or frame.t.size == 0:
        return None
    seconds = np.diff(frame.t, prepend=after if np.isfinite(after) else np.nan)
    busier = np.fmax.reduce(grown[lines], axis=0)
    can = (seconds > 0) & (speed > 0)
    load: Floats = np.divide(800.0 * busier, seconds * speed, out=np.full(frame.t.shape, np.nan), where=can)
    return load
