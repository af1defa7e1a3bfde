"""Remembering for the customer why reports under its keys were refused; off the way of the answer, bounded under flood.

What is told goes to a thread that writes at most once a second, one row for each key, door and reason. Nothing of a body
and nothing of a secret gets here. A refusal of a key nobody has belongs to nobody and is only counted.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import structlog
from django.db import connection

from telemetry.ingest.batch import NATIVE
from telemetry.ingest.keys import BadKey
from telemetry.ingest.metrics import REFUSALS
from telemetry.ingest.store import StoreAway, ask

log = structlog.get_logger(__name__)

EVERY_S: Final = 1.0
ROOM: Final = 2_000
"""Different refusals in a round. What finds no room is not lost on its sender, who was answered, and comes with its next try."""
ROOM_FOR_GUESSES: Final = 100
"""Of those at most so many whose key nobody has looked up: whoever sends rubbish pushes no true refusal out."""
PLACE_CHARS: Final = 120
_STEP: Final = r"[a-z_]{1,24}(?:\[[0-9]{1,9}\])?"
PLACE: Final = re.compile(rf"line [0-9]{{1,9}}|{_STEP}(?:\.{_STEP}){{0,4}}", re.ASCII)
"""The names of our own format. Other doors say where with names that a body brought along, which stay out."""

type Which = tuple[str, str, str]
"""Key id, door, reason."""


@dataclass(slots=True)
class Told:
    """How often in this round, and what was said last: status of the answer, place in the body."""

    status: int
    place: str
    times: int = 1


@dataclass(slots=True)
class Round:
    """What is waiting to be written."""

    told: dict[Which, Told] = field(default_factory=dict)
    guesses: int = 0


class Refusals:
    """write: keeps a round; may raise, it is never called with the lock held."""

    def __init__(self, write: Callable[[Mapping[Which, Told]], None], every_s: float = EVERY_S) -> None:
        self._write, self._every_s = write, every_s
        self._lock = threading.Lock()
        self._round = Round()
        self._asked = threading.Event()
        self._thread: threading.Thread | None = None

    def tell(self, key_id: str, door: str, code: str, status: int, place: str | None = None) -> None:
        """A request of a known key was refused. Never waits for the store, never raises."""
        REFUSALS.labels(door, code).inc()
        self._note((key_id, door, code), status, place or "", guess=False)

    def tell_of_key(self, bad: BadKey, door: str, status: int) -> None:
        """A key was refused. Whose it was is settled in the store; without a key id it was nobody's."""
        REFUSALS.labels(door, bad.why).inc()
        if bad.key_id:
            self._note((bad.key_id, door, bad.why), status, "", guess=not bad.known)

    def flush(self) -> None:
        """Write what is waiting, now. Raises what the store raises: the round is gone then."""
        with self._lock:
            done, self._round = self._round, Round()
        if done.told:
            self._write(done.told)

    def _note(self, which: Which, status: int, place: str, *, guess: bool) -> None:
        place = place if which[1] == NATIVE and len(place) <= PLACE_CHARS and PLACE.fullmatch(place) else ""
        with self._lock:
            known = self._round.told.get(which)
            if known is not None:
                known.status, known.place, known.times = status, place, known.times + 1
            elif len(self._round.told) < ROOM and not (guess and self._round.guesses >= ROOM_FOR_GUESSES):
                self._round.told[which] = Told(status, place)
                self._round.guesses += guess
        if (
            connection.in_atomic_block
        ):  # somebody else's transaction (a test): another connection would not see its keys
            self.flush()
            return
        self._asked.set()
        if self._thread is None:
            self._start()

    def _start(self) -> None:
        """With the first refusal and not at import: a web server may fork in between."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._pass_on, name="refusals", daemon=True)
                self._thread.start()

    def _pass_on(self) -> None:
        while True:
            self._asked.wait()
            self._asked.clear()
            try:
                self.flush()
            except StoreAway as away:
                log.info("refusals.not_written", why=str(away))
            except Exception:
                log.exception("refusals.not_written")
            time.sleep(self._every_s)


def _keep(told: Mapping[Which, Told]) -> None:
    key_ids, doors, codes = zip(*told, strict=True)
    rows = told.values()
    columns = [
        list(key_ids),
        list(doors),
        list(codes),
        [row.status for row in rows],
        [row.place for row in rows],
        [row.times for row in rows],
    ]
    ask("SELECT ingest_refused(%s, %s, %s, %s, %s, %s)", columns)


refusals: Final = Refusals(_keep)
