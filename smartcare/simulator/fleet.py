"""A fleet of agents on a few threads, from the start until somebody says stop."""

import heapq
import math
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count

from smartcare.simulator.agent import SPACING_S, Agent
from smartcare.simulator.clock import DAY_S, Clock
from smartcare.simulator.door import Door
from smartcare.simulator.noise import Noise
from smartcare.simulator.plan import DeviceSpec, build
from smartcare.simulator.tally import Tally, Totals

WORKERS = 4  # a post takes milliseconds: enough for 200 devices a second
GLANCE_S = 0.5  # between two looks at the clock and calls of on_progress
GRACE_S = 2.0  # for the answers under way when the fleet stops


@dataclass(frozen=True, slots=True)
class Progress:
    """devices: those still alive. simulated: what the clock shows, epoch s. behind_s: how far from real time."""

    totals: Totals
    devices: int
    simulated: float
    behind_s: float


@dataclass(frozen=True, slots=True)
class Result:
    """unsent: reports still in the agents' hands at the end. seconds: real time it took. present: see run_fleet."""

    totals: Totals
    unsent: int
    seconds: float
    present: float


def run_fleet(
    url: str,
    devices: Sequence[DeviceSpec],
    *,
    stop: threading.Event,
    interval_s: float = 300,
    speed: float = 1,
    seed: int = 7,
    history_s: float = DAY_S,
    present: float | None = None,
    seconds: float | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Result:
    """Let the devices report to `url` until `stop` is set or `seconds` have passed.

    interval_s: simulated seconds between two instants of a device. speed, history_s: the clock begins history_s ago and
    runs `speed` times faster until it has caught up; at speed 1 it begins now. present: the instant the faults lead up
    to (epoch s); by default now, or the end of the first day. Another start with the same one goes on with the same
    lives; with another one every device seems to have restarted. Whoever makes up a past asks plan.build with it too.

    Blocks the calling thread; returns at most GRACE_S after the end. Raises ValueError for impossible arguments, and
    whatever an agent raised: that is a fault of ours, not of the network.
    """
    if interval_s < SPACING_S:
        raise ValueError("The interval is at least a second: no device posts more often")
    began = time.time()
    clock = Clock(began, speed, history_s)
    present = clock.present if present is None else present
    tally, run, door, jitter = Tally(), os.urandom(4).hex(), Door(url), Noise(os.urandom(8).hex())
    throws = count()
    agents = [
        Agent(
            device,
            key=spec.key,
            clock=clock,
            post=door.post,
            tally=tally,
            interval_s=interval_s,
            run=run,
            jitter=lambda: jitter.unit(next(throws)),
        )
        for spec, device in zip(devices, build(devices, seed=seed, present=present), strict=True)
    ]
    crew = _Crew(agents)
    until = math.inf if seconds is None else began + seconds
    while not crew.failed and (now := time.time()) < until and not stop.wait(min(GLANCE_S, until - now)):
        if on_progress:
            shown = clock.shows(time.time())
            on_progress(Progress(tally.totals, crew.alive, shown, time.time() - shown))
    crew.stop()
    return Result(tally.totals, sum(agent.unsent for agent in agents), time.time() - began, present)


class _Crew:
    """Threads that step whichever agent is due; each agent is in the hands of one thread at a time."""

    def __init__(self, agents: Sequence[Agent]) -> None:
        self._changed = threading.Condition()
        self._order = count()
        self._due = [(agent.starts_at, next(self._order), agent) for agent in agents]
        heapq.heapify(self._due)
        self._stopped = False
        self.alive = len(agents)
        self.failure: BaseException | None = None
        # Daemons: a thread that waits for an answer must not keep the process.
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(min(WORKERS, len(agents)))]
        for thread in self._threads:
            thread.start()

    @property
    def failed(self) -> bool:
        return self.failure is not None

    def stop(self) -> None:
        """Let every thread finish its step, for GRACE_S; raises what an agent raised."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        deadline = time.monotonic() + GRACE_S
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        if self.failure:
            raise self.failure

    def _work(self) -> None:
        while (agent := self._take()) is not None:
            try:
                self._put(agent.step(time.time()), agent)
            except BaseException as error:
                self.failure = error
                return

    def _take(self) -> Agent | None:
        """The next agent that is due; None after the stop."""
        with self._changed:
            while not self._stopped:
                wait = self._due[0][0] - time.time() if self._due else GLANCE_S
                if wait <= 0:
                    return heapq.heappop(self._due)[2]
                self._changed.wait(min(wait, GLANCE_S))  # also notices a clock that was set
            return None

    def _put(self, due: float, agent: Agent) -> None:
        with self._changed:
            if due == math.inf:
                self.alive -= 1
                return
            heapq.heappush(self._due, (due, next(self._order), agent))
            self._changed.notify()
