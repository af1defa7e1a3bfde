"""Places for those who read a body: who begins one and does not end it must not keep the threads from everybody else.

Each request holds one of the web server's few threads until its body has come, and the server knows no time limit for
that. So at most so many may read at a time, each sender a few of them; smartcare/stalled.py cuts off those who take too long.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from threading import Condition, get_ident
from typing import Final

PATIENCE_S: Final = 0.25
"""A body that has come with its request is read in microseconds: whoever finds all places taken waits for one of those."""
_since: Final[dict[int, float]] = {}


class Full(Exception):
    """All places are taken, or the sender's own; nothing was read."""


class Room:
    """At most `places` readers at a time."""

    def __init__(self, places: int, patience_s: float = PATIENCE_S) -> None:
        self._places, self._patience_s = places, patience_s
        self._changed = Condition()
        self._taken: Counter[Hashable] = Counter()

    @contextmanager
    def place(self, owner: Hashable, share: int) -> Iterator[None]:
        """Hold a place while a body is read; an owner holds at most `share`. Raises Full."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._has_room(owner, share), self._patience_s):
                raise Full
            self._taken[owner] += 1
        me = get_ident()
        _since[me] = time.monotonic()
        try:
            yield
        finally:
            _since.pop(me, None)
            with self._changed:
                self._taken[owner] -= 1
                if not self._taken[owner]:
                    del self._taken[owner]
                self._changed.notify()

    def _has_room(self, owner: Hashable, share: int) -> bool:
        return self._taken.total() < self._places and self._taken[owner] < share


def longest_s() -> float:
    """For how many seconds the slowest body of this process has been read by now; 0 if none is."""
    now = time.monotonic()
    return now - min(list(_since.values()), default=now)


# Together fewer than the threads of a web process (smartcare/server.py): pages and short answers always find one.
REPORTS: Final = Room(8)
STRAYS: Final = Room(2, patience_s=0)
"""Bodies of requests that are refused: read a little of it, if that is no trouble."""
PAGES: Final = Room(4)
"""Bodies for everything that is not the front door."""
