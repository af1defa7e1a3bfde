"""Cumulative quantities as functions of time that never fall, so that counters need no memory of their own."""

import math
from bisect import bisect_right
from collections.abc import Callable, Iterator
from typing import Protocol

from smartcare.simulator.noise import Noise
from smartcare.simulator.site import DAY

Cumulative = Callable[[float], float]


class Ripple:
    """Bursts on top of a smooth flow: time runs faster and slower, but never backwards.

    The speed of time is 1 + sum of a * cos(...) with the shares a below; they sum to less than 1.
    """

    WAVES = ((0.42, 443.0), (0.27, 1_913.0), (0.14, 7_321.0))  # share, period in s: no multiple of usual intervals

    def __init__(self, noise: Noise) -> None:
        self._waves = [
            (share * period / math.tau, math.tau / period, noise.between(0, math.tau, n))
            for n, (share, period) in enumerate(self.WAVES)
        ]

    def __call__(self, t: float) -> float:
        return t + sum(size * math.sin(pace * t + phase) for size, pace, phase in self._waves)


class Nightly:
    """A load that is there every day from `hour` on for `hours`, local time of the site."""

    def __init__(self, *, hour: float, hours: float, offset_s: float) -> None:
        self._shift = offset_s - hour * 3600
        self._length = hours * 3600

    def on(self, t: float) -> bool:
        return (t + self._shift) % DAY < self._length

    def seconds(self, t: float) -> float:
        """Seconds it has been on since a fixed instant."""
        days, rest = divmod(t + self._shift, DAY)
        return days * self._length + min(rest, self._length)


class Stepped:
    """Integral of factor x flow, where the factor is constant within steps and `before` up to `since`.

    Steps are summed once and kept; asking far ahead costs one addition per step.
    """

    def __init__(self, flow: Cumulative, factor: Cumulative, *, since: float, step: float, before: float) -> None:
        self._flow, self._factor = flow, factor
        self._since, self._step, self._before = since, step, before
        self._sums = [0.0]

    def __call__(self, t: float) -> float:
        start = self._flow(self._since)
        if t <= self._since:
            return self._before * self._flow(t)
        k = int((t - self._since) // self._step)
        while len(self._sums) <= k:
            self._sums.append(
                self._sums[-1] + self._piece(len(self._sums) - 1, self._since + len(self._sums) * self._step)
            )
        return self._before * start + self._sums[k] + self._piece(k, t)

    def _piece(self, k: int, until: float) -> float:
        begin = self._since + k * self._step
        return self._factor(begin) * (self._flow(until) - self._flow(begin))


class Dated(Protocol):
    """Anything that begins at an instant, epoch s."""

    @property
    def at(self) -> float: ...


class Timeline[T: Dated]:
    """Things that happen one after the other, perhaps without end; made only as far as they are asked for."""

    def __init__(self, things: Iterator[T]) -> None:
        self._source = things
        self._made: list[T] = []
        self._next: T | None = next(things, None)

    def until(self, t: float) -> int:
        """How many have begun at or before t."""
        while self._next is not None and self._next.at <= t:
            self._made.append(self._next)
            self._next = next(self._source, None)
        return bisect_right(self._made, t, key=lambda thing: thing.at)

    def __getitem__(self, n: int) -> T:
        """The n-th, of those that `until` has counted."""
        return self._made[n]

    def last(self, t: float) -> T | None:
        """The latest that has begun at or before t."""
        n = self.until(t)
        return self._made[n - 1] if n else None

    def coming(self, t: float) -> T | None:
        """The first that begins after t."""
        n = self.until(t)
        return self._made[n] if n < len(self._made) else self._next

    def between(self, after: float, until: float) -> list[T]:
        """Those that begin in (after, until]."""
        return self._made[self.until(after) : self.until(until)] if until > after else []
