"""From the samples of one device and time to packed rows: which layout they have, in which order, who is left out.

A device reports the same series every time, so the work is done once and remembered: the plan of a set of series says
where each value goes. New series are registered in a small statement of their own, before the report is stored.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import isnan, nan
from operator import itemgetter
from typing import Any, Final, NamedTuple

from django.conf import settings

from telemetry.ingest.batch import COUNTER, STATE, Sample
from telemetry.ingest.keys import KeyStopped, Sender
from telemetry.ingest.memory import Remembered
from telemetry.ingest.store import ask
from telemetry.vocabulary import HEALTH, METRICS, TRAFFIC, category_of

REMEMBERED_S: Final = 600.0
ROOM: Final = 20_000
UNKNOWN_STATE: Final = nan

_name_of: Final = itemgetter(0, 1, 2, 3, 8)
"""metric, instance, labels, kind, bits: what makes a series, and how its numbers are to be read."""
_start_of: Final = itemgetter(7)

STATE_CODES: Final = {
    name: {word: float(n) for n, word in enumerate(m.states)} for name, m in METRICS.items() if m.states
}
"""A state is stored as the position of its word in the vocabulary."""


class Row(NamedTuple):
    """One row of a hot table, before it has a receipt number. at: seconds since 1970."""

    category: str
    stay: int
    at: float
    layout: int
    values: bytes


@dataclass(slots=True)
class Part:
    """Where the values of one category go. `sources`: for each place of the layout the sample it comes from, -1 none;
    counted from `count` upwards they mean the `start` of sample source - count."""

    category: str
    layout: int
    sources: tuple[int, ...]
    pack: struct.Struct = field(init=False)
    _pick: Any = field(init=False)

    def __post_init__(self) -> None:
        self.pack = struct.Struct(f"<{len(self.sources)}d")
        # itemgetter of one index returns no tuple, so ask it for one more.
        self._pick = itemgetter(*self.sources, -1)

    def values(self, numbers: list[float | int]) -> bytes:
        """numbers: value of each sample, then the start of each if any has one, then NaN as the last."""
        return self.pack.pack(*self._pick(numbers)[:-1])


@dataclass(slots=True)
class Plan:
    """What becomes of one set of series of one stay."""

    parts: tuple[Part, ...]
    refused: tuple[int, ...]
    words: dict[str, float]
    has_words: bool
    has_starts: bool
    interval_s: int | None


_plans: Final[Remembered[tuple[int, tuple[Any, ...], tuple[bool, ...] | None], Plan]] = Remembered(
    room=ROOM, for_s=REMEMBERED_S
)


class Rows(NamedTuple):
    """rows: what is stored. refused: indices of samples beyond the limits of series."""

    rows: list[Row]
    refused: list[int]


def rows_of(sender: Sender, stay: int, samples: Sequence[Sample], interval_s: int | None) -> Rows:
    """Pack the samples of one device, by time and category. Raises KeyStopped, StoreAway.

    Of equal series and times within the report the first counts.
    """
    rows: list[Row] = []
    refused: list[int] = []
    for at, indices in _by_time(samples):
        some = samples if indices is None else [samples[index] for index in indices]
        plan = _plan(sender, stay, some, interval_s)
        numbers = _numbers(some, plan)
        rows.extend(Row(part.category, stay, at, part.layout, part.values(numbers)) for part in plan.parts)
        out = [*plan.refused, *_without_code(some, plan)]
        refused.extend(out if indices is None else [indices[n] for n in out])
    return Rows(rows, refused)


def _by_time(samples: Sequence[Sample]) -> Iterable[tuple[float, list[int] | None]]:
    if len({sample[6] for sample in samples}) == 1:
        return ((samples[0].t, None),)
    times: dict[float, list[int]] = {}
    for index, sample in enumerate(samples):
        times.setdefault(sample.t, []).append(index)
    return times.items()


def _numbers(samples: Sequence[Sample], plan: Plan) -> list[float | int]:
    numbers: list[Any] = [_code(s, plan.words) if s[5] is not None else s[4] for s in samples]
    if plan.has_starts:
        numbers += [nan if start is None else start for start in map(_start_of, samples)]
    numbers.append(nan)
    return numbers


def _without_code(samples: Sequence[Sample], plan: Plan) -> list[int]:
    """States of custom metrics whose word found no room any more."""
    if not plan.has_words:
        return []
    new = [n for n, s in enumerate(samples) if s[3] == STATE and s[0] not in STATE_CODES]
    return [n for n in new if n not in plan.refused and isnan(_code(samples[n], plan.words))]


def _code(sample: Sample, words: dict[str, float]) -> float:
    codes = STATE_CODES.get(sample[0], words)
    return codes.get(sample[5], UNKNOWN_STATE)  # type: ignore[arg-type]  # the caller saw that it is set


# ---- plans


def _plan(sender: Sender, stay: int, samples: Sequence[Sample], interval_s: int | None) -> Plan:
    names = tuple(map(_name_of, samples))
    starts = list(map(_start_of, samples))
    has_starts = starts.count(None) < len(starts)
    key = (stay, names, tuple([start is not None for start in starts]) if has_starts else None)
    plan = _plans.get(key)
    if plan is None or (interval_s is not None and plan.interval_s != interval_s) or _has_new_words(samples, plan):
        plan = _registered(sender, stay, samples, interval_s, has_starts=has_starts)
        _plans.put(key, plan)
    return plan


def _has_new_words(samples: Sequence[Sample], plan: Plan) -> bool:
    """Only states of custom metrics speak words that the vocabulary cannot number."""
    return plan.has_words and any(s[3] == STATE and s[0] not in STATE_CODES and s[5] not in plan.words for s in samples)


def _registered(
    sender: Sender, stay: int, samples: Sequence[Sample], interval_s: int | None, *, has_starts: bool
) -> Plan:
    wanted: dict[str, dict[str, int]] = {HEALTH: {}, TRAFFIC: {}}
    for index, sample in enumerate(samples):
        into = wanted[category_of(sample.metric)]
        into.setdefault(_entry(sample), index)
        if sample.start is not None:
            into.setdefault(_entry(sample, kind="start"), index + len(samples))
    words = sorted({s.state for s in samples if s.state is not None and s.metric not in STATE_CODES})
    parts: list[Part] = []
    refused: list[int] = []
    known_words: dict[str, float] = {}
    for category, sources in wanted.items():
        if sources:
            part, out, spoken = _register(sender, stay, category, sources, words, interval_s or 0)
            out = [index for index in out if index < len(samples)]
            parts += [part] if part else []
            refused += out
            known_words.update(spoken)
    # A word that found no room is remembered as unknown, or each report would ask again.
    spoken_codes = {word: known_words.get(word, UNKNOWN_STATE) for word in {*words, *known_words}}
    dropped = {_name_of(samples[index]) for index in refused}
    every = tuple(index for index, sample in enumerate(samples) if _name_of(sample) in dropped)
    return Plan(tuple(parts), every, spoken_codes, bool(words), has_starts, interval_s)


def _entry(sample: Sample, kind: str | None = None) -> str:
    """A series as the layout tables write it; text, so that it can be compared and sorted."""
    if kind is None:
        kind = "counter32" if sample.kind == COUNTER and sample.bits == 32 else sample.kind
    return json.dumps(
        [sample.metric, sample.instance, [list(pair) for pair in sample.labels], kind], separators=(",", ":")
    )


def _register(
    sender: Sender, stay: int, category: str, sources: dict[str, int], words: list[str], interval_s: int
) -> tuple[Part | None, list[int], dict[str, float]]:
    """The part, the indices refused, and the codes of the words of custom states."""
    refused: list[int] = []
    left = dict(sources)
    for _ in range(2):
        if not left:
            return None, refused, {}
        series = sorted(left)
        version, universe, spoken, out = _ask(sender, stay, category, series, words, interval_s)
        if version is not None:
            order = series if universe is None else [_dumped(entry) for entry in universe]
            part = Part(category, version, tuple(left.get(entry, -1) for entry in order))
            return part, refused, {word: float(code) for code, word in enumerate(spoken)}
        for entry in map(_dumped, out):
            refused.append(left.pop(entry))
            left.pop(_dumped([*json.loads(entry)[:3], "start"]), None)
    # Somebody else took the room that was left meanwhile; the next report asks again.
    return None, [*refused, *left.values()], {}


def _dumped(entry: Any) -> str:
    return json.dumps(entry, separators=(",", ":"))


def _ask(
    sender: Sender, stay: int, category: str, series: list[str], words: list[str], interval_s: int
) -> tuple[int | None, list[Any] | None, list[str], list[Any]]:
    text = "[" + ",".join(series) + "]"
    parameters = [
        sender.key,
        stay,
        category,
        text,
        hashlib.sha256(text.encode()).digest(),
        json.dumps(words),
        interval_s,
        getattr(settings, "INGEST_SERIES_OF_DEVICE", 2_000),
        getattr(settings, "INGEST_SERIES_OF_CUSTOMER", 20_000),
    ]
    rows = ask("SELECT * FROM ingest_layout(%s, %s, %s, %s::jsonb, %s, %s::jsonb, %s, %s, %s)", parameters)
    if not rows:
        raise KeyStopped
    version, universe, spoken, refused = rows[0]
    return version, _loaded(universe), _loaded(spoken) or [], _loaded(refused) or []


def _loaded(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value
