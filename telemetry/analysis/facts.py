"""Typed facts of one device: what arrived since the last time, as arrays, with everything a detector may know.

Nothing here reads a clock or a database. Times are epoch seconds (float64), ascending within a series.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Labels = tuple[tuple[str, str], ...]
DeviceKind = Literal["firewall", "router", "switch", "ap", "other"]

HOUR = 3600.0
DAY = 86400.0

# A state travels as the position of its name here; -1 is a word we do not know. The order is the vocabulary's.
_EQUIPMENT = ("ok", "warning", "failed", "absent")
STATES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "device.reachable": ("up", "down"),
        "sensor.status": ("ok", "warning", "critical", "shutdown", "absent", "failed"),
        "fan.status": _EQUIPMENT,
        "psu.status": _EQUIPMENT,
        "poe.status": ("on", "off", "faulty"),
        "if.admin_status": ("up", "down", "testing", "unknown", "dormant", "notPresent", "lowerLayerDown"),
        "if.oper_status": ("up", "down", "testing", "unknown", "dormant", "notPresent", "lowerLayerDown"),
    }
)


class SeriesKey(NamedTuple):
    """One metric of one instance; labels sorted by name, as the decoders leave them."""

    metric: str
    instance: str = ""
    labels: Labels = ()

    def label(self, name: str) -> str:
        return next((value for key, value in self.labels if key == name), "")


@dataclass(frozen=True, slots=True)
class SeriesData:
    """Arrived samples only. t, v: shape (n,), t ascending; a state's v is its code (`state_code`).

    bits: width of a cumulative counter, 32 only if the sender said so.
    """

    t: Floats
    v: Floats
    bits: int = 64


@dataclass(frozen=True, slots=True)
class Event:
    """Something the device said happened; `at` by the device's clock, visible from `seen_at` on."""

    at: float
    text: str
    seen_at: float
    instance: str = ""


@dataclass(frozen=True, slots=True)
class Interval:
    """A half-open stretch of time [start, end), for instance announced maintenance."""

    start: float
    end: float

    def holds(self, at: float) -> bool:
        return self.start <= at < self.end


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """New samples and events of one device, and what is known of the device itself.

    interval_s: seconds between its reports. timezone: IANA name of the site's zone.
    sequence: number of the last sample block in here; 0 if the caller does not number blocks.
    """

    device_id: str
    kind: DeviceKind
    interval_s: int
    timezone: str
    series: Mapping[SeriesKey, SeriesData]
    events: tuple[Event, ...] = ()
    maintenance: tuple[Interval, ...] = ()
    sequence: int = 0


class Sample(NamedTuple):
    """One value of one series at one time; `value` is a number or the name of a state."""

    metric: str
    instance: str
    labels: Labels
    t: float
    value: float | str
    bits: int = 64


def state_code(metric: str, name: str) -> float:
    """Code of a state's name: its position in STATES, -1 for a word the vocabulary does not have."""
    known = STATES.get(metric, ())
    return float(known.index(name)) if name in known else -1.0


@dataclass
class _Column:
    bits: int = 64
    points: dict[float, float] = field(default_factory=dict)


def series_of(samples: Iterable[Sample]) -> dict[SeriesKey, SeriesData]:
    """Group samples in any order into series; of two samples with the same time the later given one counts."""
    columns: dict[SeriesKey, _Column] = {}
    for sample in samples:
        column = columns.setdefault(SeriesKey(sample.metric, sample.instance, tuple(sorted(sample.labels))), _Column())
        column.bits = sample.bits
        value = sample.value if not isinstance(sample.value, str) else state_code(sample.metric, sample.value)
        column.points[sample.t] = float(value)
    return {key: _arrays(column) for key, column in sorted(columns.items())}


def _arrays(column: _Column) -> SeriesData:
    points = sorted(column.points.items())
    return SeriesData(
        np.array([t for t, _ in points], np.float64), np.array([v for _, v in points], np.float64), column.bits
    )
