"""Series of a stay by name, from its layouts."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, NamedTuple

from django.db.models import TextField
from django.db.models.functions import Cast

from telemetry.analysis.facts import SeriesKey
from telemetry.samples.tables import Tables
from telemetry.vocabulary import METRICS

COUNTERS: Final = ("counter", "counter32")
START: Final = "start"
STATE: Final = "state"


class Series(NamedTuple):
    """One place of a layout. kind: gauge, counter, counter32, state, or start (of the counter with the same key)."""

    key: SeriesKey
    kind: str

    @property
    def bits(self) -> int:
        return 32 if self.kind == "counter32" else 64


@dataclass(slots=True)
class Layouts:
    """All layouts of one stay and category. words: states of custom metrics by code."""

    by_version: dict[int, tuple[Series, ...]] = field(default_factory=dict)
    words: tuple[str, ...] = ()
    interval_s: int | None = None

    @property
    def every(self) -> tuple[Series, ...]:
        """Layout 0: each series the stay ever had, in the order of its arrival. Places in it never change."""
        return self.by_version.get(0, ())

    def places(self, version: int) -> list[int]:
        """For each series of a layout its place in layout 0."""
        if version == 0:
            return list(range(len(self.every)))
        place = {series: index for index, series in enumerate(self.every)}
        return [place[series] for series in self.by_version[version]]

    def word(self, metric: str, code: float) -> str | None:
        """The state a number stands for; None for a number that stands for none."""
        known = METRICS.get(metric)
        words: Sequence[str] = known.states if known is not None and known.states else self.words
        return words[int(code)] if 0 <= code < len(words) else None


def layouts_of(
    tables: Tables, stays: Iterable[int], versions: Mapping[int, set[int]] | None = None
) -> dict[int, Layouts]:
    """Layouts of these stays as far as the principal may read them; with `versions` only those and layout 0."""
    found: dict[int, Layouts] = defaultdict(Layouts)
    rows = tables.layout.objects.filter(stay__in=list(stays)).annotate(text=Cast("series", TextField()))
    for stay, version, text, words, interval_s in rows.values_list("stay", "version", "text", "words", "interval_s"):
        if versions is not None and version and version not in versions.get(stay, ()):
            continue
        layouts = found[stay]
        layouts.by_version[version] = _named(text)
        if version == 0:
            layouts.words, layouts.interval_s = tuple(words), interval_s
    return dict(found)


def layout_zero(text: str, words: Sequence[str]) -> Layouts:
    """The layout with every series of a stay, of its row's `series` as text."""
    return Layouts({0: _named(text)}, tuple(words))


@lru_cache(maxsize=4_096)
def _named(text: str) -> tuple[Series, ...]:
    """Remembered by the text itself: equal devices have equal layouts, and most have the one they had before."""
    return tuple(
        Series(SeriesKey(metric, instance, tuple((name, value) for name, value in labels)), kind)
        for metric, instance, labels, kind in json.loads(text)
    )
