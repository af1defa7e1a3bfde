"""What each series of a block means, worked out once for a set of keys: devices of one model share it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from telemetry.analysis.facts import SeriesKey


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


LIMIT_OF: Mapping[Role, Role] = {
    Role.TEMPERATURE: Role.TEMPERATURE_LIMIT,
    Role.LIGHT: Role.LIGHT_LIMIT,
    Role.POE: Role.POE_LIMIT,
}
Channel = tuple[Role, str]

COUNTERS = ("if.errors", "if.packets", "if.flaps", "if.io")
WATCHED_STATES = frozenset({"device.reachable", "sensor.status", "fan.status", "psu.status"})
_DIRECT: Mapping[str, tuple[Role, float]] = {
    "device.memory.utilization": (Role.MEMORY, 100.0),
    "device.cpu.utilization": (Role.CPU, 100.0),
    "sensor.temperature": (Role.TEMPERATURE, 1.0),
    "sensor.voltage": (Role.RAIL, 1.0),
    "fan.speed": (Role.FAN, 1.0),
    "poe.usage": (Role.POE, 1.0),
    "poe.limit": (Role.POE_LIMIT, 1.0),
    "icmp.loss": (Role.LOSS, 100.0),
    "icmp.rtt": (Role.DELAY, 1000.0),
    "if.utilization": (Role.LOAD, 100.0),
    "fs.utilization": (Role.FLASH, 100.0),
}


@dataclass(frozen=True, slots=True)
class Gauge:
    """A series that is a signal by itself. place: position among the block's series."""

    channel: Channel
    place: int
    scale: float


@dataclass(frozen=True, slots=True)
class Share:
    """A percentage of two series: used of a limit, or of used and free. The other keys may be missing."""

    channel: Channel
    place: int
    limit: SeriesKey
    free: SeriesKey


@dataclass(frozen=True, slots=True)
class Layout:
    """Places are positions among the block's series.

    counters: places by counter metric, opers: of operational states, with the port's row beside each. states: of
    watched states, by (metric, instance). speeds: places by port. uptime: place, or -1.
    """

    places: Mapping[SeriesKey, int]
    ports: tuple[str, ...]
    counter_places: NDArray[np.intp]
    counter_kinds: NDArray[np.intp]
    counter_ports: NDArray[np.intp]
    counter_keys: tuple[SeriesKey, ...]
    oper_places: NDArray[np.intp]
    oper_ports: NDArray[np.intp]
    oper_keys: tuple[SeriesKey, ...]
    states: Mapping[tuple[str, str], int]
    speeds: Mapping[str, int]
    gauges: tuple[Gauge, ...]
    shares: tuple[Share, ...]
    uptime: int


@lru_cache(maxsize=1024)
def of(keys: tuple[SeriesKey, ...]) -> Layout:
    """The layout of a block with these series."""
    counted = [(place, key) for place, key in enumerate(keys) if key.metric in COUNTERS]
    opers = [(place, key) for place, key in enumerate(keys) if key.metric == "if.oper_status"]
    ports = tuple(sorted({key.instance for _, key in [*counted, *opers]}))
    row = {port: number for number, port in enumerate(ports)}
    gauges = tuple(_gauges(keys))
    direct = {gauge.channel for gauge in gauges}
    return Layout(
        places={key: place for place, key in enumerate(keys)},
        ports=ports,
        counter_places=_positions(place for place, _ in counted),
        counter_kinds=_positions(COUNTERS.index(key.metric) for _, key in counted),
        counter_ports=_positions(row[key.instance] for _, key in counted),
        counter_keys=tuple(key for _, key in counted),
        oper_places=_positions(place for place, _ in opers),
        oper_ports=_positions(row[key.instance] for _, key in opers),
        oper_keys=tuple(key for _, key in opers),
        states={(key.metric, key.instance): place for place, key in enumerate(keys) if key.metric in WATCHED_STATES},
        speeds={key.instance: place for place, key in enumerate(keys) if key.metric == "if.speed"},
        gauges=gauges,
        shares=tuple(share for share in _shares(keys) if share.channel not in direct),
        uptime=next((place for place, key in enumerate(keys) if key.metric == "device.uptime"), -1),
    )


def _positions(numbers: Iterable[int]) -> NDArray[np.intp]:
    return np.array(list(numbers), np.intp)


def _gauges(keys: Iterable[SeriesKey]) -> Iterable[Gauge]:
    for place, key in enumerate(keys):
        role, scale = _DIRECT.get(key.metric, (None, 1.0))
        if key.metric == "sensor.temperature.limit" and key.label("limit") == "high.critical":
            role = Role.TEMPERATURE_LIMIT
        elif key.metric == "optic.power" and key.label("dir") in {"", "rx"}:
            role = Role.LIGHT
        elif key.metric == "optic.power.limit" and key.label("limit") == "low.critical":
            role = Role.LIGHT_LIMIT
        if role is not None:
            yield Gauge((role, key.instance or key.label("target")), place, scale)


def _shares(keys: Iterable[SeriesKey]) -> Iterable[Share]:
    roles = {"device.memory.usage": Role.MEMORY, "fs.usage": Role.FLASH}
    for place, key in enumerate(keys):
        if key.metric in roles and key.label("state") == "used":
            free = key._replace(labels=(("state", "free"),))
            limit = SeriesKey("fs.limit" if key.metric == "fs.usage" else "", key.instance)
            yield Share((roles[key.metric], key.instance), place, limit, free)
