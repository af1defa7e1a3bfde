"""What one web process remembers between requests: bounded, dated, and never the last word.

Nothing in here decides: ingest_accept() asks the live key and the device's present place again in the statement that
stores. A stale entry costs one more round, never a wrong row.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from typing import Final

_all: Final[list[Remembered]] = []  # type: ignore[type-arg]  # of every kind


class Remembered[K: Hashable, V]:
    """At most `room` values, each for `for_s` seconds. Safe to share between threads: every step is one act on a dict."""

    def __init__(self, *, room: int, for_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.room, self.for_s, self.clock = room, for_s, clock
        self._values: dict[K, tuple[float, V]] = {}
        _all.append(self)

    def get(self, key: K) -> V | None:
        entry = self._values.get(key)
        if entry is None:
            return None
        if entry[0] < self.clock():
            self.forget(key)
            return None
        return entry[1]

    def put(self, key: K, value: V) -> None:
        self._values[key] = (self.clock() + self.for_s, value)
        if len(self._values) > self.room:
            self._forget_oldest()

    def forget(self, key: K) -> None:
        self._values.pop(key, None)

    def clear(self) -> None:
        self._values = {}

    def _forget_oldest(self) -> None:
        for key in list(self._values)[: max(1, self.room // 16)]:
            self.forget(key)


def forget_everything() -> None:
    """For tests that empty the database, and for nobody else."""
    for memory in _all:
        memory.clear()
