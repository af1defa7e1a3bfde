"""Pulling plugs, one after the other, with a seed that is printed: what was pulled can be pulled again."""

import random
import signal
import time
from collections import Counter
from collections.abc import Callable

from tests.chaos.stack import Program, Stack

# How often each is chosen, of the sum of all.
WEIGHTS = {
    "web worker": 5,
    "web": 3,
    "worker child": 5,
    "worker": 4,
    "beat": 2,
    "broker": 3,
    "broker flushed": 2,
    "database": 2,
    "connections": 2,
}
STANDS_STILL_S = 33.0  # longer than a lease


class Storm:
    """One run of plugs. `pulled` counts them by kind."""

    def __init__(self, stack: Stack, *, seed: int) -> None:
        self._stack, self._chance = stack, random.Random(seed)
        self.pulled: Counter[str] = Counter()
        self._stopped: tuple[Program, float] | None = None

    def rage(self, seconds: float, *, pause_s: tuple[float, float], at_least: Counter[str] | None = None) -> None:
        """For so long, a plug every `pause_s` (from, to); first those that must not be missing."""
        end = time.monotonic() + seconds
        wanted = list((at_least or Counter()).elements())
        self._chance.shuffle(wanted)
        while time.monotonic() < end or wanted:
            kind = wanted.pop() if wanted else self._chance.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
            self.pull(kind)
            self._wake_who_stood_still()
            time.sleep(self._chance.uniform(*pause_s))
            self._stack.start_what_is_down()
        self._wake_who_stood_still(at_once=True)

    def pull(self, kind: str) -> None:
        stack, pick = self._stack, self._chance.choice
        plugs: dict[str, Callable[[], object]] = {
            "web worker": lambda: stack.programs["web"].kill_child(pick),
            "web": stack.programs["web"].kill,
            "worker child": lambda: self._running_worker().kill_child(pick),
            "worker": lambda: self._running_worker().kill(),
            "beat": stack.programs["beat"].kill,
            "broker": stack.restart_broker,
            "broker flushed": stack.flush_broker,
            "database": stack.restart_database,
            "connections": stack.cut_connections,
            "stands still": self._stop_one,
        }
        if plugs[kind]() is not False:
            self.pulled[kind] += 1

    def _running_worker(self) -> Program:
        stopped = self._stopped[0] if self._stopped else None
        return self._chance.choice([worker for worker in self._stack.workers if worker is not stopped])

    def _stop_one(self) -> bool:
        """A worker that the machine forgets about for longer than its leases last."""
        if self._stopped is not None:
            return False
        worker = self._running_worker()
        worker.signal(signal.SIGSTOP)
        self._stopped = (worker, time.monotonic())
        return True

    def _wake_who_stood_still(self, *, at_once: bool = False) -> None:
        if self._stopped is None:
            return
        worker, since = self._stopped
        left = since + STANDS_STILL_S - time.monotonic()
        if at_once and left > 0:
            time.sleep(left)
        if at_once or left <= 0:
            worker.signal(signal.SIGCONT)
            self._stopped = None
