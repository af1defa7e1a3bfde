"""May this request come in at all: each key at its own pace, all of them while the work behind keeps up.

Refusing costs almost nothing: a client that ignores Retry-After comes back after 40 ms (Prometheus does).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock
from typing import Final

from django.conf import settings

from telemetry.ingest.keys import Sender
from telemetry.ingest.limits import TokenBuckets
from telemetry.ingest.store import ask

SAMPLED_EVERY_S: Final = 1.0
HIGH_WATER: Final = 250_000
"""Devices whose reports wait for analysis. Reaching it means hours of arrears: more would only be lost later."""


class Admission:
    """One per process. The buckets are too: with w processes behind one port a key may do up to w times its pace."""

    def __init__(self, backlog: Callable[[int], int], clock: Callable[[], float] = time.monotonic) -> None:
        self._backlog, self._clock = backlog, clock
        self._buckets = TokenBuckets(clock)
        self._lock = Lock()
        self._sampled_at = -SAMPLED_EVERY_S
        self._full = False

    def admits(self, sender: Sender) -> bool:
        """Take a token of the sender's key unless the work behind is over its mark. Raises StoreAway."""
        return not self._is_full() and self._buckets.admit(sender.id, sender.pace)

    def sample_again(self) -> None:
        """Look at the work behind before the next request, however short a time ago that was done."""
        self._sampled_at = -SAMPLED_EVERY_S
        self._full = False

    def _is_full(self) -> bool:
        now = self._clock()
        if now - self._sampled_at >= SAMPLED_EVERY_S and self._lock.acquire(blocking=False):
            try:
                self._sampled_at = now
                mark = getattr(settings, "INGEST_HIGH_WATER", HIGH_WATER)
                self._full = self._backlog(mark) >= mark
            finally:
                self._lock.release()
        return self._full


def _waiting_devices(at_most: int) -> int:
    return int(ask("SELECT ingest_backlog(%s)", [at_most])[0][0])


admission: Final = Admission(_waiting_devices)
