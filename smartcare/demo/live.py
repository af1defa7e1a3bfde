"""`demo`: prepare, start, say where everything is, let the devices report, until somebody ends it."""

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

from django.db import connections

from smartcare import story
from smartcare.demo import hooks, words
from smartcare.demo.memory import Memory
from smartcare.demo.stage import Addresses, Stage
from smartcare.simulator.clock import DAY_S
from smartcare.simulator.fleet import run_fleet
from smartcare.simulator.keyfile import parse

READY_WITHIN_S = 60.0
LOOK_EVERY_S = 0.5
REMEMBER_EVERY_S = 15.0


def run(addresses: Addresses, *, speed: float, say: words.Say, announce: words.Say) -> None:
    """Until a signal ends it. Raises ChildEnded, NotReady; SystemExit when a signal comes before all is ready."""
    memory = Memory(addresses.data)
    # The last day of the devices' lives is what they report while their clock catches up.
    lead_s = DAY_S if speed > 1 else 0.0
    say("demo", "web, worker and scheduler are starting")
    with Stage(addresses, show=say) as stage:
        printed = story.seed(lambda text: say("seed", text), lead_s=lead_s)
        hooks.connect(addresses, memory)
        connections.close_all()
        stage.wait_until_ready(READY_WITHIN_S)
        announce("", words.welcome(addresses, printed, speed=speed))
        with _fleet(addresses, printed, speed=speed, memory=memory, say=say) as fleet, ended_by_signal():
            while True:
                stage.require_all_alive()
                fleet.require_well()
                time.sleep(LOOK_EVERY_S)


@contextlib.contextmanager
def ended_by_signal() -> Iterator[None]:
    """Ctrl-C is how a demonstration ends, not how it fails. A second one must not cut the way out short."""
    try:
        yield
    except SystemExit:  # raised by smartcare/launch.py on a signal
        pass
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)


class Fleet(threading.Thread):
    """The simulated devices, on threads of this process: to the product they are strangers who post over HTTP."""

    def __init__(self, addresses: Addresses, printed: dict[str, Any], *, speed: float, memory: Memory) -> None:
        super().__init__(daemon=True)
        self._addresses, self._printed, self._speed, self._memory = addresses, printed, speed, memory
        self.stopped = threading.Event()
        self.failure: BaseException | None = None
        self.result = ""

    def run(self) -> None:
        try:
            result = run_fleet(
                self._addresses.web,
                parse(self._printed),
                stop=self.stopped,
                speed=self._speed,
                history_s=self._away_s(),
                present=words.epoch(self._printed["present"]),
                on_progress=self._remember,
            )
            self.result = f"{result.totals.accepted} reports accepted, {result.totals.rejected} rejected"
        except BaseException as error:  # told by require_well: a thread's exception ends nothing
            self.failure = error

    def _away_s(self) -> float:
        """How much of their lives the devices have still to tell: a day at first, later the time they were off."""
        last = self._memory.get("reported_until")
        return DAY_S if last is None else min(DAY_S, max(0.0, time.time() - float(last)))

    def _remember(self, progress: Any) -> None:
        last = self._memory.get("reported_until") or 0.0
        if progress.simulated - last > REMEMBER_EVERY_S:
            self._memory.keep(reported_until=progress.simulated)

    def require_well(self) -> None:
        """Raises what ended the fleet."""
        if self.failure is not None:
            raise self.failure


@contextlib.contextmanager
def _fleet(
    addresses: Addresses, printed: dict[str, Any], *, speed: float, memory: Memory, say: words.Say
) -> Iterator[Fleet]:
    fleet = Fleet(addresses, printed, speed=speed, memory=memory)
    fleet.start()
    try:
        yield fleet
    finally:
        fleet.stopped.set()
        fleet.join(5)
        if fleet.result:
            say("devices", fleet.result)
