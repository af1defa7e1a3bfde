"""The two messages of remote_write 1.0 that we read: WriteRequest and TimeSeries.

Field numbers: https://prometheus.io/docs/specs/prw/remote_write_spec/#protocol. Written out instead of using wire.fields:
most of a request is the same labels again and again, so a label is decoded once and found by its bytes afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import Final, NamedTuple

from telemetry.ingest.formats import wire

type LabelSet = dict[str, str]
type KnownLabels = dict[bytes, tuple[str, str]]

UNSTORABLE: Final = ("", "")
"""Stands for a label that is not UTF-8 or holds U+0000."""

_LABELS: Final = 1 << 3 | wire.BYTES
_SAMPLES: Final = 2 << 3 | wire.BYTES
_SERIES: Final = 1
_NAME_FIRST: Final = b"\x0a"
_VALUE_SECOND: Final = b"\x12"
_DOUBLE_FIRST: Final = b"\x09"
_TIME_SECOND: Final = 2 << 3 | wire.VARINT
_DOUBLE: Final = Struct("<d").unpack
STALE: Final = Struct("<Q").pack(0x7FF0000000000002)
"""The NaN with which Prometheus says that a series has ended."""


class Series(NamedTuple):
    """One time series. labels: None if one of them is not UTF-8 or holds U+0000; samples: (8 bytes, milliseconds)."""

    labels: LabelSet | None
    samples: list[tuple[bytes, int]]


def series(body: bytes) -> Iterator[Series]:
    """The time series of a WriteRequest, one at a time. Raises wire.Malformed."""
    known: KnownLabels = {}
    for number, kind, value in wire.fields(body):
        if number == _SERIES and kind == wire.BYTES:
            assert isinstance(value, bytes)
            try:
                yield _series(value, known)
            except IndexError as error:
                raise wire.Malformed("message ends inside a field") from error


def _series(data: bytes, known: KnownLabels) -> Series:
    labels: LabelSet = {}
    samples = []
    storable = True
    at, end = 0, len(data)
    while at < end:
        tag = data[at]
        if tag != _LABELS and tag != _SAMPLES:
            at = wire.read_field(data, at, end)[3]  # exemplars, histograms, whatever comes later
            continue
        size = data[at + 1]
        at += 2
        if size >= 0x80:
            size, at = wire.read_varint(data, at - 1)
        part = data[at : at + size]
        at += size
        if tag == _SAMPLES:
            samples.append(_sample(part))
            continue
        label = known.get(part)
        if label is None:
            label = known[part] = _label(part)
        if label is UNSTORABLE:
            storable = False
        else:
            labels[label[0]] = label[1]
    if at > end:
        raise wire.Malformed("field longer than its message")
    return Series(labels if storable else None, samples)


def _label(data: bytes) -> tuple[str, str]:
    name, value = _name_and_value(data)
    if b"\0" in data and (b"\0" in name or b"\0" in value):
        return UNSTORABLE
    try:
        return name.decode(), value.decode()
    except UnicodeDecodeError:
        return UNSTORABLE


def _name_and_value(data: bytes) -> tuple[bytes, bytes]:
    if len(data) < 0x80 and data[:1] == _NAME_FIRST:  # as all senders write it: one byte is enough for each length
        middle = 2 + data[1]
        if data[middle : middle + 1] == _VALUE_SECOND and middle + 2 + data[middle + 1] == len(data):
            return data[2:middle], data[middle + 2 :]
    said = {1: b"", 2: b""}
    for number, kind, value in wire.fields(data):
        if number in said and kind == wire.BYTES:
            assert isinstance(value, bytes)
            said[number] = value
    return said[1], said[2]


def _sample(data: bytes) -> tuple[bytes, int]:
    value, milliseconds = bytes(8), 0
    if data[:1] == _DOUBLE_FIRST and len(data) > 10 and data[9] == _TIME_SECOND:  # as all senders write it
        milliseconds, end = wire.read_varint(data, 10)
        if end == len(data):
            return data[1:9], _signed(milliseconds)
    for number, kind, field in wire.fields(data):
        if number == 1 and kind == wire.FIXED64:
            assert isinstance(field, bytes)
            value = field
        elif number == 2 and kind == wire.VARINT:
            assert isinstance(field, int)
            milliseconds = field
    return value, _signed(milliseconds)


def _signed(number: int) -> int:
    return number - (1 << 64) if number >> 63 else number


def double(value: bytes) -> float:
    number: float = _DOUBLE(value)[0]
    return number
