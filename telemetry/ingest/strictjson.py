"""JSON as strict as the rest of the system needs it: what is refused here cannot fail later, in the database.

The standard parser takes NaN, 1e999, duplicate keys, NUL and half surrogate pairs, and dies of RecursionError (not
ValueError) on deep nesting. Depth is therefore measured on the bytes before anything is parsed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from math import isfinite
from typing import Any, Final, NoReturn

from telemetry.ingest.batch import DecodeError

LARGEST: Final = 1 << 63

_ESCAPED_BACKSLASH: Final = b"\\\\"
_BRACKETS: Final = bytes.maketrans(b"{}", b"[]")
_ALL_BUT_BRACKETS: Final = bytes(byte for byte in range(256) if byte not in b"{}[]")
_LONE_SURROGATE: Final = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F]"
)


def loads(body: bytes, depth: int, values: int) -> Any:
    """One JSON value. Raises DecodeError: 400 with the house rule that was broken, 413 for more values than allowed."""
    text = _checked_text(body, depth, values)
    try:
        return _DECODER.decode(text)
    except (ValueError, RecursionError) as error:
        raise malformed(error) from error


def lines(body: bytes, depth: int, values: int) -> Iterator[tuple[int, Any]]:
    """Each line's number (from 1) and value. Empty lines are passed over. Raises DecodeError as it gets there."""
    text = _checked_text(body, depth, values)
    for number, line in enumerate(text.split("\n"), start=1):
        stripped = line.strip(" \t\r")
        if not stripped:
            continue
        try:
            value, end = _DECODER.raw_decode(stripped)
        except (ValueError, RecursionError) as error:
            raise malformed(error, f"line {number}") from error
        if end != len(stripped):
            raise DecodeError(400, "malformed", "more than one JSON value on a line", f"line {number}")
        yield number, value


def malformed(error: BaseException, path: str | None = None) -> DecodeError:
    """The refusal for whatever the parser raised; our own refusals pass unchanged."""
    if isinstance(error, _Refused):
        return DecodeError(400, error.code, str(error), path)
    if isinstance(error, json.JSONDecodeError):
        return DecodeError(400, "malformed", f"not JSON: {error.msg} at character {error.pos}", path)
    return DecodeError(400, "malformed", "not JSON", path)


def outside_strings(body: bytes, values: int) -> bytes:
    """The body without its strings. Raises DecodeError 413 if it has more than two strings for each value allowed."""
    if b"\\" in body:
        body = body.replace(_ESCAPED_BACKSLASH, b"").replace(b'\\"', b"")
    if body.count(b'"') > 4 * values:
        raise _too_many(values)
    return b"".join(body.split(b'"')[::2])


def deeper_than(outside: bytes, depth: int) -> bool:
    """Whether brackets nest deeper than this; linear, and never recursive.

    A body that is cut short may reach twice the depth unnoticed: harmless, and the parser refuses it anyway.
    """
    brackets = outside.translate(_BRACKETS, _ALL_BUT_BRACKETS)
    for _ in range(depth):  # each round takes away the innermost level of every branch
        brackets = brackets.replace(b"[]", b"")
        if not brackets:
            return False
    return b"[]" in brackets or brackets.count(b"[") > depth


def _too_many(values: int) -> DecodeError:
    return DecodeError(413, "too_many", f"more than {values} values in one report; split it")


def _checked_text(body: bytes, depth: int, values: int) -> str:
    outside = outside_strings(body, values)
    if deeper_than(outside, depth):
        raise DecodeError(400, "too_deep", f"nested deeper than {depth} levels")
    # Three bytes on the wire may become a hundred in memory; what separates and holds values is counted before
    if outside.count(b",") + outside.count(b"[") + outside.count(b"{") > values:
        raise _too_many(values)
    if b"\\u" in body:
        _check_escapes(body)
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DecodeError(400, "bad_utf8", f"not UTF-8 at byte {error.start}") from error


def _check_escapes(body: bytes) -> None:
    escapes = body.replace(_ESCAPED_BACKSLASH, b"//")  # keeps its length: neighbours must not come together
    if b"\\u0000" in escapes:
        raise DecodeError(400, "nul_character", "a string holds U+0000, which cannot be stored")
    if _LONE_SURROGATE.search(escapes):
        raise DecodeError(400, "lone_surrogate", "a string holds half of a surrogate pair")


class _Refused(ValueError):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Refused("duplicate_key", "an object names the same key twice")
    return found


def _integer(digits: str) -> int:
    if len(digits) > 20:  # before int(): the standard library refuses thousands of digits with its own words
        raise _Refused("number_too_large", "an integer needs more than 64 bits; send counters as decimal strings")
    number = int(digits)
    if not -LARGEST <= number < LARGEST:
        raise _Refused("number_too_large", "an integer needs more than 64 bits; send counters as decimal strings")
    return number


def _finite(digits: str) -> float:
    number = float(digits)
    if not isfinite(number):
        raise _Refused("number_not_finite", "a number is too large for a double")
    return number


def _constant(name: str) -> NoReturn:
    raise _Refused("number_not_finite", f"{name} is not a JSON number")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_unique, parse_int=_integer, parse_float=_finite, parse_constant=_constant
)
