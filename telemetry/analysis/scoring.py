"""Anomaly scores row by row, 0 to 1, for a single series or for all signals of one device. Online: no row looks ahead.

A score of one half is the product's own level. Nothing here raises anything; it is what outside judges ask for.
"""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from telemetry.analysis.detectors import residual, together
from telemetry.analysis.facts import DAY, Floats

FEWEST_ROWS = 20  # nothing is odd before


class SingleScorer:
    """Scores the values of one series as they come."""

    BREAK_AFTER = 200  # rows, until the range of a series is known
    BREAK_SHARE = 0.10  # of the range, beyond it
    BREAK_SCORE = 0.99
    REST_Z = 4.5  # after a value this odd ...
    REST_S = DAY  # ... a later one says nothing new for a day ...
    CLEARLY_ODDER = 2.0  # ... unless it is this many times odder

    def __init__(self) -> None:
        self._rows = residual.fresh(1)
        self._first: float | None = None
        self._low, self._high, self._seen = np.inf, -np.inf, 0
        self._rested_since, self._rested_z = -np.inf, 0.0

    def score(self, t: float, value: float) -> float:
        """t: epoch seconds; value: NaN where missing, which scores 0."""
        if not np.isfinite(value):
            return 0.0
        self._first = t if self._first is None else self._first
        days = int(max(0.0, t - self._first) // DAY)
        z = float(residual.step(self._rows, np.array([value]), local_s=t % DAY, days=days)[0])
        if self._breaks_range(value):
            z = max(z, residual.MARK_Z * self.BREAK_SCORE / (1.0 - self.BREAK_SCORE))
        return self._told(t, z) if self._seen > FEWEST_ROWS else 0.0

    def _breaks_range(self, value: float) -> bool:
        width = self._high - self._low
        beyond = max(value - self._high, self._low - value)
        breaks = self._seen >= self.BREAK_AFTER and width > 0 and beyond > self.BREAK_SHARE * width
        self._low, self._high, self._seen = min(self._low, value), max(self._high, value), self._seen + 1
        return breaks

    def _told(self, t: float, z: float) -> float:
        if z > self.REST_Z:
            if t - self._rested_since < self.REST_S and z < self.CLEARLY_ODDER * self._rested_z:
                return 0.0
            self._rested_since, self._rested_z = t, z
        return float(residual.score(np.array([z]))[0])


class DeviceScorer:
    """Scores all signals of one device together as they come. names: of the signals, shape (S,)."""

    RISES = 5  # a signal that rose so often and never fell is a counter: its rate is judged
    STEADY_AFTER = 40  # rows with movement in (nearly) all of them make a signal steady
    STEADY_SHARE = 0.02
    QUIET_ROWS = 2
    PORT_SIGNALS = 2  # of one port that fall still together
    PORT_SCORE = 0.9
    WAKES_AFTER = 3  # rows of quiet

    def __init__(self, names: Sequence[str]) -> None:
        count = len(names)
        self._rows, self._together = residual.fresh(count), together.fresh()[0]
        self._last_t, self._first = np.nan, np.nan
        self._last = np.full(count, np.nan)
        self._rose, self._fell = np.zeros(count, int), np.zeros(count, int)
        self._is_counter = np.zeros(count, bool)
        self._moved, self._stood, self._still = (np.zeros(count, int) for _ in range(3))
        self._port, self._ports = _ports(names)
        self._row = 0

    def score(self, t: float, values: Floats) -> float:
        """t: epoch seconds; values: (S,), NaN where missing."""
        self._first = t if np.isnan(self._first) else self._first
        rates = self._rates(t, values)
        days = int(max(0.0, t - self._first) // DAY)
        z = residual.step(self._rows, rates, local_s=t % DAY, days=days)
        multiple = together.step(self._together, z[np.isfinite(rates)])
        port = self._port_changes(values)
        self._last = np.where(np.isfinite(values), values, self._last)
        self._last_t, self._row = t, self._row + 1
        if self._row <= FEWEST_ROWS:
            return 0.0
        fused = multiple / (multiple + 1.0)  # one half where the mark begins
        return max(fused, self.PORT_SCORE if port else 0.0)

    def _rates(self, t: float, values: Floats) -> Floats:
        step = values - self._last
        self._rose += step > 0
        self._fell += step < 0
        counts = (self._fell == 0) & (self._rose >= self.RISES)
        turned = counts != self._is_counter
        if turned.any():
            self._rows[turned] = residual.fresh(int(turned.sum()))  # another quantity from now on
            self._is_counter = counts
        seconds = max(t - self._last_t, 1e-3) if np.isfinite(self._last_t) else np.nan
        return np.where(counts, step / seconds, values)

    def _port_changes(self, values: Floats) -> bool:
        """Whether a port that always carried traffic has just fallen still, or one that had moves again."""
        step = values - self._last
        moves = np.where(self._is_counter, step > 0, np.nan_to_num(values) != 0) & np.isfinite(values)
        stands = ~moves & np.isfinite(step)
        seen = self._moved + self._stood
        steady = (seen >= self.STEADY_AFTER) & (self._stood <= self.STEADY_SHARE * seen)
        woke = moves & (self._still >= self.WAKES_AFTER) & steady
        # A pause counts when it is over: a short one whole, an outage once, so that a port that had one stays steady.
        self._stood += np.where(moves, np.where(self._still >= self.WAKES_AFTER, 1, self._still), 0)
        self._still = np.where(stands, self._still + 1, np.where(moves, 0, self._still))
        quiet = steady & (self._still >= self.QUIET_ROWS)
        self._moved += moves
        return bool(self._in_one_port(quiet & (self._still <= self.QUIET_ROWS + 1)) or self._in_one_port(woke))

    def _in_one_port(self, signals: NDArray[np.bool_]) -> bool:
        if not self._ports:
            return False
        counted = np.bincount(self._port[signals & (self._port >= 0)], minlength=self._ports)
        return bool((counted >= self.PORT_SIGNALS).any())


def _ports(names: Sequence[str]) -> tuple[NDArray[np.intp], int]:
    """The port each signal belongs to, -1 for none: signals whose names are equal up to their last digit."""
    stems = [match.group(0) if (match := re.match(r".*\d", name)) else "" for name in names]
    known = {stem: number for number, stem in enumerate(sorted({stem for stem in stems if stem}))}
    return np.array([known.get(stem, -1) for stem in stems], np.intp), len(known)
