"""OTLP without its encoding: what the protobuf reader and the JSON reader both produce."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

type Attributes = dict[str, str | int | float | bool]
"""Scalar attributes by key; lists and maps are left out, nothing of ours is told in them."""

SCALARS: Final = frozenset((str, int, float, bool))
UNSTORABLE: Final = "\0"
UNSTORABLE_TEXT: Final = "a string holds U+0000 or is not UTF-8"
DELTA: Final = 1  # AggregationTemporality
NO_RECORDED_VALUE: Final = 1  # DataPointFlags


class Point(NamedTuple):
    """One number data point; times in nanoseconds since 1970, 0 where there is none."""

    attributes: Attributes
    value: int | float | None
    t: int
    start: int
    flags: int


class Stream(NamedTuple):
    """One metric. `shape`: gauge, sum, or the name of one that cannot be kept; `size` points."""

    name: str
    shape: str
    monotonic: bool
    temporality: int
    size: int
    points: Iterable[Point]


class Record(NamedTuple):
    """One log record; `body` is its text, None if it has none."""

    attributes: Attributes
    severity: int
    body: str | None
    t: int
    observed: int


def body_text(value: Any) -> str:
    """A log body as text: strings as they are, everything else as compact JSON, nothing as nothing."""
    if value is None or type(value) is str:
        return value or ""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
