"""A device's analysis state as compact bytes: header, keys, tables of fixed-size rows, open findings.

Layout, little-endian: magic `SCAS`, version u2, u4 fingerprint of the tables' rows, sequence i8, first_at f8, last_at
f8, hour i8, config_at f8; then, as one zstd frame,
length-prefixed sections: keys, carried values, open hour, tables, tracks. Most of the tables is empty in most states, and
the store would take longer over ten kilobytes than the detectors do. Equal states give equal bytes. Version 1 had the
sections as they are, keys and tracks under zlib, and is still read: what took weeks to learn outlives an upgrade. A blob of
any other version is not: the caller rebuilds.
"""

import json
import struct
import threading
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import zstandard
from numpy.typing import NDArray

from telemetry.analysis.facts import Floats, SeriesKey
from telemetry.analysis.hysteresis import Subject, Track
from telemetry.analysis.layout import Channel, Role
from telemetry.analysis.signals import Carried

MAGIC = b"SCAS"
VERSION = 2
NO_HOUR = -1

_HEAD = struct.Struct("<4sHIqddqd")
_LENGTH = struct.Struct("<I")
_LEVEL = 1
_LARGEST = 64 * 1024 * 1024  # bytes; a state of a thousand ports has a twentieth of that


class _Zstd(threading.local):
    """One each for every thread: making them takes longer than using them, and they are not to be shared."""

    def __init__(self) -> None:
        self.compress = zstandard.ZstdCompressor(level=_LEVEL).compress
        self.decompress = zstandard.ZstdDecompressor().decompress


_zstd = _Zstd()


class UnknownState(ValueError):
    """The blob was not written by this version; rebuild the state from history."""


@dataclass
class DeviceState:
    """Everything remembered of one device between blocks.

    hour: the open hour since the epoch, NO_HOUR before the first sample. pending: float32 (n, C), the open hour's
    gauges at pending_t, one column per channel. tables: rows of the detectors, by table name.
    """

    sequence: int = 0
    first_at: float = float("nan")
    last_at: float = float("-inf")
    hour: int = NO_HOUR
    config_at: float = float("-inf")
    channels: list[Channel] = field(default_factory=list)
    ports: list[str] = field(default_factory=list)
    carried: Carried = field(default_factory=dict)
    pending_t: Floats = field(default_factory=lambda: np.empty(0))
    pending: NDArray[np.float32] = field(default_factory=lambda: np.empty((0, 0), np.float32))
    tables: dict[str, NDArray[Any]] = field(default_factory=dict)
    tracks: dict[Subject, Track] = field(default_factory=dict)


def pack(state: DeviceState, dtypes: Mapping[str, np.dtype[Any]]) -> bytes:
    """The state as bytes. dtypes: row layout of every table, in the order they are written."""
    head = _HEAD.pack(
        MAGIC,
        VERSION,
        _fingerprint(tuple(dtypes.items())),
        state.sequence,
        state.first_at,
        state.last_at,
        state.hour,
        state.config_at,
    )
    sections = [
        _packed_keys(tuple(state.channels), tuple(state.ports), tuple(state.carried)),
        np.array(list(state.carried.values()), "<f8").tobytes(),
        state.pending_t.astype("<f8").tobytes(),
        state.pending.astype("<f4").tobytes(),
        *(state.tables[name].astype(dtype).tobytes() for name, dtype in dtypes.items()),
        _packed_tracks(state.tracks),
    ]
    return head + _zstd.compress(b"".join(_LENGTH.pack(len(section)) + section for section in sections))


def unpack(blob: bytes, dtypes: Mapping[str, np.dtype[Any]]) -> DeviceState:
    """The state in these bytes; its arrays may be changed. Raises UnknownState for any other blob."""
    try:
        return _unpack(blob, dtypes)
    except (struct.error, zlib.error, zstandard.ZstdError, ValueError, KeyError, TypeError) as broken:
        raise UnknownState(str(broken)) from broken


def _unpack(blob: bytes, dtypes: Mapping[str, np.dtype[Any]]) -> DeviceState:
    magic, version, rows_of, sequence, first_at, last_at, hour, config_at = _HEAD.unpack_from(blob)
    if magic != MAGIC or version not in _READ or rows_of != _fingerprint(tuple(dtypes.items())):
        raise UnknownState(f"state of version {version} or with other rows, not {VERSION}")
    sections = _READ[version](blob[_HEAD.size :])
    if len(sections) != 5 + len(dtypes):
        raise UnknownState(f"{len(sections)} sections, not {5 + len(dtypes)}")
    channels, ports, carried = _unpacked_keys(sections[0])
    pending_t = np.frombuffer(sections[2], "<f8").copy()
    pending = np.frombuffer(sections[3], "<f4").reshape(pending_t.size, len(channels)).copy()
    rows = zip(dtypes.items(), sections[4:-1], strict=True)
    return DeviceState(
        sequence=sequence,
        first_at=first_at,
        last_at=last_at,
        hour=hour,
        config_at=config_at,
        channels=list(channels),
        ports=list(ports),
        carried=dict(zip(carried, np.frombuffer(sections[1], "<f8").tolist(), strict=True)),
        pending_t=pending_t,
        pending=pending,
        tables={name: np.frombuffer(data, dtype).copy() for (name, dtype), data in rows},
        tracks=_unpacked_tracks(sections[-1]),
    )


@lru_cache(maxsize=4)
def _fingerprint(dtypes: tuple[tuple[str, np.dtype[Any]], ...]) -> int:
    """Changes with any field of any row, so that a changed detector never reads its predecessor's bytes."""
    return zlib.crc32(repr([(name, dtype.descr) for name, dtype in dtypes]).encode())


def _sections(data: bytes) -> list[bytes]:
    found, at = [], 0
    while at < len(data):
        (length,) = _LENGTH.unpack_from(data, at)
        at += _LENGTH.size
        if at + length > len(data):
            raise UnknownState("cut short")
        found.append(data[at : at + length])
        at += length
    return found


def _of_version_1(data: bytes) -> list[bytes]:
    keys, *rest, tracks = _sections(data)
    return [zlib.decompress(keys), *rest, zlib.decompress(tracks) if tracks else b""]


def _of_version_2(data: bytes) -> list[bytes]:
    return _sections(_zstd.decompress(data, max_output_size=_LARGEST))


_READ: Mapping[int, Callable[[bytes], list[bytes]]] = {1: _of_version_1, VERSION: _of_version_2}


# Devices of one model share their keys: most calls find them ready.
@lru_cache(maxsize=1024)
def _packed_keys(channels: tuple[Channel, ...], ports: tuple[str, ...], carried: tuple[SeriesKey, ...]) -> bytes:
    listed = [[[int(role), subject] for role, subject in channels], ports, carried]
    return json.dumps(listed, separators=(",", ":")).encode()


@lru_cache(maxsize=1024)
def _unpacked_keys(data: bytes) -> tuple[tuple[Channel, ...], tuple[str, ...], tuple[SeriesKey, ...]]:
    channels, ports, carried = json.loads(data)
    return (
        tuple((Role(role), subject) for role, subject in channels),
        tuple(ports),
        tuple(
            SeriesKey(metric, instance, tuple((name, value) for name, value in labels))
            for metric, instance, labels in carried
        ),
    )


def _packed_tracks(tracks: Mapping[Subject, Track]) -> bytes:
    if not tracks:
        return b""
    listed = [[*subject, *track.as_list()] for subject, track in sorted(tracks.items())]
    return json.dumps(listed, separators=(",", ":")).encode()


def _unpacked_tracks(data: bytes) -> dict[Subject, Track]:
    if not data:
        return {}
    listed = json.loads(data)
    return {(kind, subject, rule): Track.from_list(rest) for kind, subject, rule, *rest in listed}
