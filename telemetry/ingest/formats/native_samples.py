"""Samples of a native report: the inner loop of ingest, written for speed first."""

from __future__ import annotations

from math import isfinite
from typing import Any, Final

from telemetry.ingest import rfc3339
from telemetry.ingest.batch import COUNTER, GAUGE, STATE, DecodeError, Labels, Rejections, Sample
from telemetry.ingest.formats.native_fields import BadItem, instant
from telemetry.ingest.limits import Limits
from telemetry.vocabulary import METRICS, is_custom

INSTANCE_CHARS: Final = 128
STATE_CHARS: Final = 32
LARGEST_COUNTER: Final = (1 << 64) - 1

_KINDS: Final = {name: (metric.kind, frozenset(metric.states)) for name, metric in METRICS.items()}
_NO_STATES: Final[frozenset[str]] = frozenset()
_new = tuple.__new__  # a third of the price of Sample(...), which binds nine arguments by name first


class SampleReader:
    """Reads the samples of one report. `sent_at`: seconds since 1970, the time of samples that name none."""

    __slots__ = ("label_chars", "labels", "rejections", "sent_at", "times")

    def __init__(self, sent_at: float, times: rfc3339.EpochTimes, limits: Limits, rejections: Rejections) -> None:
        self.sent_at = sent_at
        self.times = times
        self.labels = limits.labels
        self.label_chars = limits.label_chars
        self.rejections = rejections

    def read(self, listed: list[Any], path: str) -> tuple[tuple[Sample, ...], tuple[int, ...]]:
        """The samples that can be kept and, if some cannot, where the kept ones stood."""
        kept: list[Sample] = []
        refused: set[int] = set()
        for index, raw in enumerate(listed):
            try:
                kept.append(self._sample(raw))
            except BadItem as bad:
                self.rejections.add(bad.below(f"{path}[{index}]"), bad.code, bad.message)
                refused.add(index)
        return tuple(kept), positions(len(listed), refused)

    def _sample(self, raw: Any) -> Sample:
        if type(raw) is not dict:
            raise BadItem("wrong_type", "a sample is an object")
        get = raw.get
        name = get("m")
        if type(name) is not str:
            raise BadItem("wrong_type", "m is required, a string", "m")
        kind, states = _KINDS.get(name) or _custom_kind(name, raw)
        instance = get("i", "")
        if type(instance) is not str or len(instance) > INSTANCE_CHARS:
            raise BadItem("bad_value", f"i is a string of at most {INSTANCE_CHARS} characters", "i")
        raw_labels = get("l")
        labels = self._labels(raw_labels) if raw_labels is not None else ()
        value: int | float | None = None
        state: str | None = None
        if kind == STATE:
            state = _state(raw, states)
        else:
            value = get("v")
            if type(value) is not float:
                value = _number(value)
            if kind == COUNTER and (value < 0 or value > LARGEST_COUNTER):
                raise BadItem("bad_value", "a counter is between 0 and 18446744073709551615", "v")
            if get("s") is not None:
                raise BadItem("wrong_type", f"{name} is a {kind}: send v, not s", "s")
        t = instant(raw, "t", self.times) if "t" in raw else None
        start = instant(raw, "start", self.times) if "start" in raw else None
        return _new(Sample, (name, instance, labels, kind, value, state, self.sent_at if t is None else t, start, None))

    def _labels(self, raw: Any) -> Labels:
        if type(raw) is not dict:
            raise BadItem("wrong_type", "l is an object", "l")
        if len(raw) > self.labels:
            raise BadItem("too_many_labels", f"a sample has at most {self.labels} labels", "l")
        for key, value in raw.items():
            if type(value) is not str:
                raise BadItem("wrong_type", "label values are strings", "l")
            if len(value) > self.label_chars or len(key) > self.label_chars:
                raise DecodeError(400, "string_too_long", f"a label has more than {self.label_chars} characters")
        return tuple(raw.items()) if len(raw) < 2 else tuple(sorted(raw.items()))


def positions(count: int, refused: set[int]) -> tuple[int, ...]:
    return tuple(index for index in range(count) if index not in refused) if refused else ()


def _custom_kind(name: str, raw: dict[str, Any]) -> tuple[str, frozenset[str]]:
    """A name of the sender's own: a state if it has s, a counter if it says since when it counts, else a gauge."""
    if not is_custom(name):
        raise BadItem("unknown_metric", f"{name[:64]!r} is not in the vocabulary; own names begin with custom.", "m")
    if raw.get("s") is not None:
        return STATE, _NO_STATES
    return (COUNTER if raw.get("start") is not None else GAUGE), _NO_STATES


def _number(value: Any) -> int | float:
    """A number, or a decimal string for counters that a double would round."""
    if type(value) is int or type(value) is float and isfinite(value):
        return value
    if type(value) is str:
        if 1 <= len(value) <= 20 and value.isascii() and value.isdigit():
            return int(value)
        raise BadItem("bad_value", "v is not a decimal string of 1 to 20 digits", "v")
    if value is None:
        raise BadItem("bad_value", "v is required", "v")
    raise BadItem("wrong_type", "v is a number, or a decimal string", "v")


def _state(raw: dict[str, Any], states: frozenset[str]) -> str:
    state = raw.get("s")
    if type(state) is not str:
        raise BadItem("wrong_type", "s is required, a string: this is a state", "s")
    if raw.get("v") is not None:
        raise BadItem("wrong_type", "a state has s and no v", "v")
    if states and state not in states:
        raise BadItem("bad_value", f"s is one of {', '.join(sorted(states))}", "s")
    if not state or len(state) > STATE_CHARS:
        raise BadItem("bad_value", f"s has 1 to {STATE_CHARS} characters", "s")
    return state
