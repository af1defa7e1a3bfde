"""Reading a request's body within bounds: bytes from the server, then one level of compression.

Never `request.body`: under WSGI it is empty for a chunked request, without any error, and an empty OTLP request is a
legal success. The stream is read here, when the server ends it by itself (`wsgi.input_terminated`).
"""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import cramjam
import zstandard

from telemetry.ingest import rooms
from telemetry.ingest.batch import DecodeError
from telemetry.ingest.limits import MIB, UNAUTHENTICATED_BYTES, Limits

STRAYS_AT_ONCE: Final = 2
CHUNK: Final = 64 * 1024
ZSTD_WINDOW: Final = 8 * MIB
ZSTD_SLICE: Final = 256
"""Input fed at a time: a block of 4 bytes may hold 128 KiB, so one slice makes 8 MiB at the very most."""

HTTP_ENCODINGS: Final = ("gzip", "zstd", "deflate")
SNAPPY_ONLY: Final = ("snappy",)

type Environ = Mapping[str, Any]


def read_wire(environ: Environ, limit: int) -> bytes:
    """The body as it came. Raises DecodeError: 413 above `limit` bytes, 411 without any end, 400 if it is cut short."""
    declared = _declared_length(environ)
    if declared is not None and declared > limit:
        raise too_large(limit)
    if declared is None and not environ.get("wsgi.input_terminated"):
        if environ.get("HTTP_TRANSFER_ENCODING"):
            raise DecodeError(411, "length_required", "send Content-Length: this server does not end a chunked body")
        return b""
    body = _read(environ, limit + 1 if declared is None else declared)
    if len(body) > limit:
        raise too_large(limit)
    if declared is not None and len(body) < declared:
        raise DecodeError(400, "truncated", f"{len(body)} of {declared} bytes arrived")
    return body


def discard(environ: Environ, limit: int = UNAUTHENTICATED_BYTES) -> None:
    """Read a little and forget it, so that a refused sender sees its answer instead of a broken connection.

    Not from one that waits to be asked for it (RFC 9110, section 10.1.1), nor while others are slow to send theirs.
    """
    if environ.get("HTTP_EXPECT", "").lower() == "100-continue":
        return
    try:
        declared = _declared_length(environ)
    except DecodeError:
        return
    if declared == 0 or (declared is None and not environ.get("wsgi.input_terminated")):
        return
    with contextlib.suppress(rooms.Full), rooms.STRAYS.place(None, STRAYS_AT_ONCE):
        _read(environ, limit if declared is None else min(declared, limit))


def _declared_length(environ: Environ) -> int | None:
    text: str = environ.get("CONTENT_LENGTH") or ""
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise DecodeError(411, "length_required", "Content-Length is not a number of bytes")
    return int(text)


def _read(environ: Environ, want: int) -> bytes:
    read: Callable[[int], bytes] = environ["wsgi.input"].read
    first = read(min(CHUNK, want)) if want else b""
    if len(first) == want:
        return first
    parts, got = [first], len(first)
    while parts[-1] and got < want:
        parts.append(read(min(CHUNK, want - got)))
        got += len(parts[-1])
    return b"".join(parts)


def content_encoding(header: str | None, allowed: tuple[str, ...] = HTTP_ENCODINGS) -> str:
    """The one encoding of a body, `identity` if none. Raises DecodeError 415 for any other and for two at once."""
    name = (header or "identity").strip().lower() or "identity"
    name = "gzip" if name == "x-gzip" else name
    if name in allowed or (name == "identity" and "snappy" not in allowed):
        return name
    raise DecodeError(
        415, "unsupported_encoding", f"Content-Encoding must be one of: {', '.join(allowed) or 'identity'}"
    )


def decompress(wire: bytes, encoding: str, limits: Limits) -> bytes:
    """The body without its compression. Raises DecodeError: 413 if it grows too large, 400 if cut or followed by more.

    Never holds more than the limit and one chunk, whatever the compressed bytes promise.
    """
    if encoding == "identity":
        if len(wire) > limits.body_bytes:
            raise too_large(limits.body_bytes)
        return wire
    return _DECOMPRESSORS[encoding](wire, limits.inflated_bytes(len(wire)))


def too_large(limit: int) -> DecodeError:
    return DecodeError(413, "too_large", f"more than {limit} bytes; send smaller reports")


def _inflate(wire: bytes, limit: int, wbits: int) -> bytes:
    stream = zlib.decompressobj(wbits)
    parts, got, rest = [], 0, wire
    try:
        while not stream.eof:
            part = stream.decompress(rest, CHUNK)
            if not part and not stream.eof:
                raise cut_short()
            got += len(part)
            if got > limit:
                raise too_large(limit)
            parts.append(part)
            rest = stream.unconsumed_tail
    except zlib.error as error:
        raise not_compressed() from error
    if stream.unused_data:
        raise trailing_data()
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _gunzip(wire: bytes, limit: int) -> bytes:
    return _inflate(wire, limit, wbits=16 + zlib.MAX_WBITS)


def _undeflate(wire: bytes, limit: int) -> bytes:
    """RFC 9110 says zlib format; some clients send the bare stream, which cannot begin like a zlib header."""
    has_header = len(wire) >= 2 and wire[0] & 0x0F == 8 and (wire[0] << 8 | wire[1]) % 31 == 0
    return _inflate(wire, limit, wbits=zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS)


def _unzstd(wire: bytes, limit: int) -> bytes:
    stream = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW).decompressobj()
    parts, got = [], 0
    try:
        for piece in _slices(wire, ZSTD_SLICE):
            if stream.eof:
                raise trailing_data()
            part = stream.decompress(piece)
            got += len(part)
            if got > limit:
                raise too_large(limit)
            parts.append(part)
    except zstandard.ZstdError as error:
        raise not_compressed() from error
    if stream.unused_data:
        raise trailing_data()
    if not stream.eof:
        raise cut_short()
    return b"".join(parts)


def _slices(wire: bytes, size: int) -> Iterator[bytes]:
    return (wire[start : start + size] for start in range(0, len(wire), size))


def _unsnappy(wire: bytes, limit: int) -> bytes:
    """Snappy's block format opens with the length of what follows: refused by that number, before any allocation."""
    try:
        promised = cramjam.snappy.decompress_raw_len(wire)
    except cramjam.DecompressionError as error:
        raise not_compressed() from error
    if promised > limit:
        raise too_large(limit)
    try:
        return bytes(cramjam.snappy.decompress_raw(wire))
    except cramjam.DecompressionError as error:
        raise not_compressed() from error


_DECOMPRESSORS: Final[Mapping[str, Callable[[bytes, int], bytes]]] = {
    "gzip": _gunzip,
    "deflate": _undeflate,
    "zstd": _unzstd,
    "snappy": _unsnappy,
}


def cut_short() -> DecodeError:
    return DecodeError(400, "truncated", "the compressed body ends too early")


def trailing_data() -> DecodeError:
    return DecodeError(400, "trailing_data", "something follows the compressed body; send one member only")


def not_compressed() -> DecodeError:
    return DecodeError(400, "bad_compression", "the body is not what Content-Encoding says")
