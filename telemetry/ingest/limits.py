"""How much one sender may say, and how often. Figures: docs/device-protocol.md, section "Limits"."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from threading import Lock
from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB

UNAUTHENTICATED_BYTES: Final = 64 * KIB
"""Read and thrown away before a refusal, so that small clients see the answer instead of a reset connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one report of one key may hold. Bytes are bytes, text is characters, counts are per report."""

    wire_bytes: int
    body_bytes: int
    devices_kept: int
    """1: the sender itself and nobody else. Which one that is only accept() can know, so it refuses the others."""
    samples: int
    events: int
    bodies_at_once: int = 2
    """Of one sender, while they are read; more than one is a client with several connections."""
    devices: int = 500
    """Named in one report; more is refused whole."""
    callhome_wire_bytes: int = 8 * MIB  # never compressed, and IOS sends up to 3 MiB by default
    components: int = 5_000
    labels: int = 8
    label_chars: int = 64
    text_chars: int = 4_000
    json_depth: int = 8
    otlp_depth: int = 24  # nested attribute values need more than the 13 of a plain request
    xml_depth: int = 64
    xml_elements: int = 20_000
    inflation: int = 100  # output bytes per input byte ...
    inflation_free_bytes: int = MIB  # ... counted once this much is out
    rejections_listed: int = 100

    @property
    def json_values(self) -> int:
        """Values, lists and objects in one JSON body: a sample has about 8, a point of OTLP about 20."""
        return 24 * self.samples

    def inflated_bytes(self, wire: int) -> int:
        """The most that a compressed body of `wire` bytes may become."""
        return min(self.body_bytes, max(self.inflation_free_bytes, self.inflation * wire))


DEVICE: Final = Limits(wire_bytes=MIB, body_bytes=8 * MIB, devices_kept=1, samples=5_000, events=1_000)
COLLECTOR: Final = Limits(
    wire_bytes=8 * MIB, body_bytes=32 * MIB, devices_kept=500, samples=50_000, events=5_000, bodies_at_once=4
)


@dataclass(frozen=True, slots=True)
class Pace:
    """Requests per second in the long run, and how many may come at once."""

    rate: float
    burst: int


DEVICE_PACE: Final = Pace(rate=1.0, burst=30)


def collector_pace(devices: int) -> Pace:
    """A collector's pace grows with the number of devices behind it; Prometheus sends from several shards at once."""
    return Pace(rate=10.0 + devices / 10, burst=200)


@dataclass(slots=True)
class TokenBuckets:
    """Admits each key at its own pace; one noisy key does not slow another.

    A bucket is one number: the moment at which it will be full again (generic cell rate algorithm, ITU-T I.371).
    `clock` returns seconds that never run backwards. Safe to share between threads.
    """

    clock: Callable[[], float]
    remembered: int = 100_000  # beyond this, full buckets are forgotten: a fresh bucket is full as well
    _full_at: dict[Hashable, float] = field(default_factory=dict, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)

    def admit(self, key: Hashable, pace: Pace) -> bool:
        """Take one token of this key's bucket, or say that there is none."""
        now = self.clock()
        with self._lock:
            full_at = max(self._full_at.get(key, now), now)
            tokens_missing = (full_at - now) * pace.rate
            if tokens_missing > pace.burst - 1 + 1e-9:  # rounding must not cost the last token
                return False
            self._full_at[key] = full_at + 1 / pace.rate
            if len(self._full_at) > self.remembered:
                self._forget_full_buckets(now)
            return True

    def _forget_full_buckets(self, now: float) -> None:
        self._full_at = {key: full_at for key, full_at in self._full_at.items() if full_at > now}
