"""Telling the workers that there is work, off the way of the report: a broker that hangs must not hold an answer."""

from __future__ import annotations

import threading
import time
from typing import Final

from telemetry import jobs

PAUSE_S: Final = jobs.WAKE_EVERY_S + 0.01


class Waker:
    """Passes wakes on from a thread of its own, at most five a second; those that come meanwhile become one more.

    So the last report of a burst is woken for too, and a request pays for looking at a flag.
    """

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._asked = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def wake(self) -> None:
        """Never waits, never raises. Lost with the process: the sweep finds the work."""
        if not self._asked.is_set():
            self._asked.set()
        if self._thread is None:
            self._start()

    def _start(self) -> None:
        """On the first wake and not at import: a web server may fork in between."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._pass_on, name=f"wake-{self._kind}", daemon=True)
                self._thread.start()

    def _pass_on(self) -> None:
        while True:
            self._asked.wait()
            self._asked.clear()
            jobs.wake(self._kind)
            time.sleep(PAUSE_S)


waker: Final = Waker("analysis")
