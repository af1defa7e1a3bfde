"""Packing of samples: one day of one device in a few kilobytes, exactly.

Values that are short decimals (0.4132 is) become integers; along each series only the step from sample to sample is
kept, zigzag, with bytes of equal weight side by side; zstd at level 1 does the rest. Whatever is no short decimal keeps
its 64 bits. What comes out is what went in, bit for bit; a gap is NaN.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import zstandard
from numpy.typing import NDArray

type Floats = NDArray[np.float64]
type Bytes = bytes | memoryview

VERSION: Final = 1
LEVEL: Final = 1
EXPONENTS: Final = range(7)
RAW: Final = 255
"""Instead of an exponent: the 64 bits of the float itself."""
LARGEST: Final = 2.0**53
_HEAD: Final = struct.Struct("<BH")
_GROUP: Final = struct.Struct("<IHB")


class Unreadable(ValueError):
    """These bytes are no block of ours."""


@dataclass(frozen=True, slots=True)
class Matrix:
    """Samples that share their times. t: shape (n,), microseconds since 1970, any order. series: shape (k,), place of each
    column in layout 0. v: shape (n, k), NaN where there is no sample."""

    t: NDArray[np.int64]
    series: NDArray[np.uint16]
    v: Floats


def encode(matrices: Sequence[Matrix]) -> bytes:
    parts = [_HEAD.pack(VERSION, len(matrices))]
    for matrix in matrices:
        parts += _encoded(matrix)
    return zstandard.ZstdCompressor(level=LEVEL).compress(b"".join(parts))


def decode(data: Bytes) -> list[Matrix]:
    """Raises Unreadable."""
    try:
        plain = zstandard.ZstdDecompressor().decompress(bytes(data))
        version, count = _HEAD.unpack_from(plain)
        if version != VERSION:
            raise Unreadable(f"version {version}")
        reader = _Reader(plain, _HEAD.size)
        return [_decoded(reader) for _ in range(count)]
    except (zstandard.ZstdError, struct.error, ValueError) as error:
        raise Unreadable(str(error)) from error


def _encoded(matrix: Matrix) -> list[bytes]:
    n, k = matrix.v.shape
    gaps = np.isnan(matrix.v)
    has_gaps = bool(gaps.any())
    columns = np.ascontiguousarray(matrix.v.T)  # one series after the other: steps are small along time
    if has_gaps:
        columns = _filled(columns, gaps.T)
    whole, exponents = _integers(columns)
    return [
        _GROUP.pack(n, k, has_gaps),
        matrix.series.astype("<u2").tobytes(),
        exponents.tobytes(),
        *([np.packbits(gaps.T).tobytes()] if has_gaps else []),
        *_planes(_steps(_steps(matrix.t.reshape(1, n)))),
        *_planes(_steps(whole)),
    ]


def _decoded(reader: _Reader) -> Matrix:
    n, k, has_gaps = reader.unpack(_GROUP)
    series = reader.places(k)
    exponents = reader.octets(k)
    gaps = np.unpackbits(reader.octets((n * k + 7) // 8), count=n * k).reshape(k, n) if has_gaps else None
    t = np.cumsum(np.cumsum(_unplaned(reader, 1, n), axis=1), axis=1)[0]
    columns = _floats(np.cumsum(_unplaned(reader, k, n), axis=1), exponents)
    if gaps is not None:
        columns[gaps.astype(bool)] = np.nan
    return Matrix(t, series, np.ascontiguousarray(columns.T))


def _filled(columns: Floats, gaps: NDArray[np.bool_]) -> Floats:
    """Gaps repeat the value before them, so that they cost nothing."""
    at = np.where(gaps, 0, np.arange(columns.shape[1]))
    np.maximum.accumulate(at, axis=1, out=at)
    filled = np.take_along_axis(columns, at, axis=1)
    return np.where(np.isnan(filled), 0.0, filled)


def _integers(columns: Floats) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Each series times the smallest power of ten that makes all of it whole, or its bits."""
    k = columns.shape[0]
    exponents = np.full(k, RAW, np.uint8)
    whole = columns.view(np.int64).copy()
    left = np.flatnonzero((np.abs(columns) < LARGEST).all(axis=1) & ~(np.signbit(columns) & (columns == 0)).any(axis=1))
    for exponent in EXPONENTS:
        if left.size == 0:
            break
        factor = 10.0**exponent
        scaled = np.rint(columns[left] * factor)
        fits = ((scaled / factor == columns[left]) & (np.abs(scaled) < LARGEST)).all(axis=1)
        whole[left[fits]] = scaled[fits].astype(np.int64)
        exponents[left[fits]] = exponent
        left = left[~fits]
    return whole, exponents


def _floats(whole: NDArray[np.int64], exponents: NDArray[np.uint8]) -> Floats:
    columns = whole.view(np.float64).copy()
    for exponent in np.unique(exponents):
        if exponent != RAW:
            rows = exponents == exponent
            columns[rows] = whole[rows] / 10.0 ** int(exponent)
    return columns


def _steps(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """First value, then differences, along each row; wraps like the sums that undo it."""
    steps = rows.copy()
    steps[:, 1:] = rows[:, 1:] - rows[:, :-1]
    return steps


def _planes(steps: NDArray[np.int64]) -> list[bytes]:
    """Zigzag, then all lowest bytes, all second bytes, …; the planes above the largest value are left out."""
    zigzag = ((steps << 1) ^ (steps >> 63)).view(np.uint64).reshape(-1)
    used = (int(zigzag.max()).bit_length() + 7) // 8 if zigzag.size else 0
    octets = zigzag.astype("<u8").view(np.uint8).reshape(-1, 8)
    return [bytes([used]), np.ascontiguousarray(octets[:, :used].T).tobytes()]


def _unplaned(reader: _Reader, k: int, n: int) -> NDArray[np.int64]:
    used = int(reader.octets(1)[0])
    octets = np.zeros((k * n, 8), np.uint8)
    if used:
        octets[:, :used] = reader.octets(used * k * n).reshape(used, k * n).T
    zigzag = octets.view("<u8").reshape(k, n).astype(np.uint64)
    return (zigzag >> np.uint64(1)).view(np.int64) ^ -(zigzag & np.uint64(1)).view(np.int64)


class _Reader:
    def __init__(self, data: bytes, at: int) -> None:
        self.data, self.at = data, at

    def unpack(self, form: struct.Struct) -> tuple[int, ...]:
        values = form.unpack_from(self.data, self.at)
        self.at += form.size
        return values

    def octets(self, count: int) -> NDArray[np.uint8]:
        found = np.frombuffer(self.data, np.uint8, count, self.at)
        self.at += count
        return found

    def places(self, count: int) -> NDArray[np.uint16]:
        found = np.frombuffer(self.data, "<u2", count, self.at).astype(np.uint16)
        self.at += 2 * count
        return found
