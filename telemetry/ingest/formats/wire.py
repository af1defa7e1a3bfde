"""Protocol Buffers on the wire, as far as two small messages need it (protobuf.dev/programming-guides/encoding)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

VARINT: Final = 0
FIXED64: Final = 1
BYTES: Final = 2
FIXED32: Final = 5
_FIXED: Final = {FIXED64: 8, FIXED32: 4}

type Field = tuple[int, int, int | bytes]
"""Number, wire type, and the value: an int for varints, the raw bytes for everything else."""


type Schema = Mapping[int, "Schema | None"]
"""Field number -> the message in it, or None for a string."""


class Malformed(ValueError):
    """These bytes are no protobuf message."""


def varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def varint_field(number: int, value: int) -> bytes:
    return varint(number << 3 | VARINT) + varint(value)


def bytes_field(number: int, value: bytes) -> bytes:
    return varint(number << 3 | BYTES) + varint(len(value)) + value


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """The number at this position, and the position after it."""
    shift = value = 0
    while True:
        if at >= len(data) or shift > 63:
            raise Malformed("bad varint")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, at
        shift += 7


def read_field(data: bytes, at: int, end: int) -> tuple[int, int, int | bytes, int]:
    """Number, wire type and value of the field at this position, and the position after it. Raises Malformed."""
    tag, at = read_varint(data, at)
    number, kind = tag >> 3, tag & 7
    if number == 0:
        raise Malformed("field number 0")
    if kind == VARINT:
        value, at = read_varint(data, at)
        if at > end:
            raise Malformed("field longer than its message")
        return number, kind, value, at
    if kind == BYTES:
        size, at = read_varint(data, at)
    elif kind == FIXED64:
        size = 8
    elif kind == FIXED32:
        size = 4
    else:
        raise Malformed(f"wire type {kind}")
    if at + size > end:
        raise Malformed("field longer than its message")
    return number, kind, data[at : at + size], at + size


def fields(data: bytes) -> Iterator[Field]:
    """The fields of one message, in order. Raises Malformed where they stop making sense."""
    at, end = 0, len(data)
    while at < end:
        number, kind, value, at = read_field(data, at, end)
        yield number, kind, value


def count_messages(data: bytes, schema: Schema, most: int) -> int:
    """How many messages are in this one, at all levels; stops soon after `most`. Raises Malformed.

    Walks by position and cuts nothing out: this runs on large bodies before anything is built from them.
    """
    count, at, end, known = 0, 0, len(data), schema
    outer: list[tuple[int, Schema]] = []
    try:
        while count <= most:
            if at >= end:
                if at > end:
                    raise Malformed("field longer than its message")
                if not outer:
                    break
                end, known = outer.pop()
                continue
            tag, at = (data[at], at + 1) if data[at] < 0x80 else read_varint(data, at)
            kind = tag & 7
            if kind == BYTES:
                size, at = (data[at], at + 1) if data[at] < 0x80 else read_varint(data, at)
                inner = known.get(tag >> 3)
                if inner is None:
                    at += size
                    continue
                if at + size > end:
                    raise Malformed("field longer than its message")
                count += 1
                outer.append((end, known))
                end, known = at + size, inner
            elif kind == VARINT:
                at = read_varint(data, at)[1]
            elif kind in _FIXED:
                at += _FIXED[kind]
            else:
                raise Malformed(f"wire type {kind}")
    except IndexError as error:
        raise Malformed("message ends inside a field") from error
    return count


def field(number: int, kind: int, value: int | bytes) -> bytes:
    """One field as fields() would read it."""
    if isinstance(value, int):
        return varint_field(number, value)
    return bytes_field(number, value) if kind == BYTES else varint(number << 3 | kind) + value
