"""Group commit: requests that arrive while a commit is under way share the next one.

No thread of its own: of those who wait, one leads. It stores for all that wait by then, hands each its result, and
passes the lead to the first of those who came meanwhile. One at a time costs nothing; twenty at once cost one fsync.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Final

from telemetry.ingest.store import StoreAway

LARGEST_GROUP: Final = 64
LARGEST_GROUP_BYTES: Final = 8 * 1024 * 1024
PATIENCE_S: Final = 2.0
"""A database that hangs is away: whoever has waited this long says so, and the report may still arrive. A resend is a
duplicate then, which costs nothing."""
SLOW_S: Final = 1.0


class Item:
    """What a committer stores; `weight` in bytes, about."""

    weight: int = 0


class _Waiting[I: Item, R]:
    __slots__ = ("done", "error", "item", "leads", "result", "woken")

    def __init__(self, item: I) -> None:
        self.item = item
        self.result: R | None = None
        self.error: BaseException | None = None
        self.done = self.leads = False
        self.woken = Lock()  # held until there is something to know
        self.woken.acquire()


class Committer[I: Item, R]:
    """store: keeps a group and returns a result for each, in order; if it raises, nobody's item was kept."""

    def __init__(self, store: Callable[[Sequence[I]], list[R]]) -> None:
        self._store = store
        self._lock = Lock()
        self._queue: list[_Waiting[I, R]] = []
        self._led = False
        self._storing_since: float | None = None

    def is_slow(self) -> bool:
        """Whether the commit under way takes so long that who comes now had better not wait for it."""
        since = self._storing_since
        return since is not None and time.monotonic() - since > SLOW_S

    def keep(self, item: I) -> R:
        """The result of storing this item, alone or with others. Raises StoreAway if storing failed or hangs."""
        me = _Waiting[I, R](item)
        with self._lock:
            self._queue.append(me)
            me.leads = not self._led
            self._led = True
        if not me.leads:
            self._wait(me)
        if me.leads:
            self._lead()
        if me.error is not None:
            # One exception for many threads would mix their tracebacks.
            raise StoreAway(*me.error.args) from me.error
        assert me.result is not None
        return me.result

    def _wait(self, me: _Waiting[I, R]) -> None:
        if me.woken.acquire(timeout=PATIENCE_S):
            return
        with self._lock:
            if me.leads or me.done:
                # Called in the moment its patience ended. Taken as if it had heard: _lead() releases it once more.
                me.woken.acquire(blocking=False)
                return
            if me in self._queue:
                self._queue.remove(me)
        raise StoreAway("the commit under way does not end")

    def _lead(self) -> None:
        with self._lock:
            group = self._next_group()
        self._storing_since = time.monotonic()
        try:
            results = self._store([waiting.item for waiting in group])
            for waiting, result in zip(group, results, strict=True):
                waiting.result = result
        except BaseException as error:
            for waiting in group:
                waiting.error = error
        finally:
            self._storing_since = None
            with self._lock:
                for waiting in group:
                    waiting.done = True
                    waiting.woken.release()
                if self._queue:
                    self._queue[0].leads = True
                    self._queue[0].woken.release()
                else:
                    self._led = False

    def _next_group(self) -> list[_Waiting[I, R]]:
        bytes_left = LARGEST_GROUP_BYTES
        count = 0
        for waiting in self._queue[:LARGEST_GROUP]:
            bytes_left -= waiting.item.weight
            if count and bytes_left < 0:
                break
            count += 1
        group, self._queue = self._queue[:count], self._queue[count:]
        return group
