"""What a check counts, and how it fails."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from types import FrameType

ASK_AGAIN_S = 0.3


class Broken(Exception):
    """A link of the chain does not hold; the text says which, for the person at the terminal."""


@dataclass(slots=True)
class Tally:
    """Figures of the last line of standard output; seen from outside, never asked of the database."""

    reports_accepted: int = 0
    reports_analysed: int = 0
    alerts_opened: int = 0
    deliveries_sent: int = 0
    leaks: int = 0

    def as_line(self, *, ok: bool, seconds: float) -> dict[str, float | bool]:
        return {"ok": ok and not self.leaks, **asdict(self), "seconds": round(seconds, 1)}


class Patience:
    """Asks until something is so, or a deadline has passed, or a program has ended meanwhile."""

    def __init__(self, *, until: float, between: Callable[[], None]) -> None:
        """until: monotonic, for all waits together. between: raises if a program has ended."""
        self._until, self._between = until, between

    def wait[R](self, what: str, question: Callable[[], R | None], *, within_s: float) -> R:
        """The first answer that is not None (nor False). what: finishes 'waited in vain for …'. Raises Broken."""
        give_up_at = min(self._until, time.monotonic() + within_s)
        while True:
            self._between()
            answer = question()
            if answer is not None and answer is not False:
                return answer
            if time.monotonic() > give_up_at:
                raise Broken(f"waited in vain for {what}")
            time.sleep(ASK_AGAIN_S)

    def rest(self, seconds: float) -> None:
        """Let time pass in which something must not happen."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._between()
            time.sleep(min(left, ASK_AGAIN_S))


@contextmanager
def no_longer_than(seconds: float) -> Iterator[None]:
    """Raises Broken inside, wherever it hangs then. From the main thread."""

    def out_of_time(number: int, frame: FrameType | None) -> None:
        raise Broken("out of time: something does not answer")

    before = signal.signal(signal.SIGALRM, out_of_time)
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.1))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
