"""Hours of one stay and day: for ranges too long to be read sample by sample."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

import numpy as np
import zstandard
from numpy.typing import NDArray

from telemetry.analysis.facts import SeriesData, SeriesKey
from telemetry.samples import rates
from telemetry.samples.codec import Bytes, Floats, Unreadable
from telemetry.samples.series import COUNTERS, START, Layouts, Series

HOURS: Final = 24
HOUR_S: Final = 3600.0
VERSION: Final = 1
_HEAD: Final = struct.Struct("<BH")
_FIGURES: Final = 4  # least, most, mean, weight


@dataclass(frozen=True, slots=True)
class Hours:
    """series: shape (k,), places in layout 0. figures: shape (k, 4, 24), least, most, mean, weight; NaN where nothing is."""

    series: NDArray[np.uint16]
    figures: Floats

    def of(self, place: int) -> Floats | None:
        """Figures of one series, shape (4, 24)."""
        at = np.flatnonzero(self.series == place)
        return self.figures[at[0]] if at.size else None


def hours(
    found: dict[Series, SeriesData], layouts: Layouts, midnight: float, before: dict[SeriesKey, tuple[float, float]]
) -> Hours:
    """midnight: start of the UTC day, seconds since 1970. before: last time and value of each counter earlier than it."""
    places = {series: place for place, series in enumerate(layouts.every)}
    starts = {series.key: data for series, data in found.items() if series.kind == START}
    told = [(series, data) for series, data in found.items() if series.kind != START]
    figures = np.full((len(told), _FIGURES, HOURS), np.nan)
    for index, (series, data) in enumerate(told):
        counts = series.kind in COUNTERS
        steps = (
            rates.of_counter(data, starts.get(series.key), before.get(series.key)) if counts else rates.of_gauge(data)
        )
        if steps.t.size:
            found_hours = rates.summary(steps, HOUR_S, since=midnight)
            figures[index][:, found_hours.slot] = (
                found_hours.least,
                found_hours.most,
                found_hours.mean,
                found_hours.weight,
            )
    return Hours(np.array([places[series] for series, _ in told], np.uint16), figures)


def encode(rolled: Hours) -> bytes:
    """Seven digits are plenty for a chart: half the room."""
    octets = rolled.figures.astype("<f4").view(np.uint8).reshape(-1, 4).T
    plain = _HEAD.pack(VERSION, rolled.series.size) + rolled.series.astype("<u2").tobytes() + octets.tobytes()
    return zstandard.ZstdCompressor(level=1).compress(plain)


def decode(data: Bytes) -> Hours:
    """Raises Unreadable."""
    try:
        plain = zstandard.ZstdDecompressor().decompress(bytes(data))
        version, k = _HEAD.unpack_from(plain)
        if version != VERSION:
            raise Unreadable(f"version {version}")
        series = np.frombuffer(plain, "<u2", k, _HEAD.size)
        octets = np.frombuffer(plain, np.uint8, offset=_HEAD.size + 2 * k).reshape(4, -1)
        figures = np.ascontiguousarray(octets.T).view("<f4").reshape(k, _FIGURES, HOURS)
    except (zstandard.ZstdError, struct.error, ValueError) as error:
        raise Unreadable(str(error)) from error
    return Hours(series.astype(np.uint16), figures.astype(np.float64))
