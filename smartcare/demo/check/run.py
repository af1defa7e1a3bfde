"""The check with everything it needs around it: seeded data, the programs, a deadline."""

import time
from dataclasses import dataclass
from typing import Any

from django.db import connections

from smartcare import story
from smartcare.demo.check.verdict import Broken, Patience, Tally, no_longer_than
from smartcare.demo.check.way import Way
from smartcare.demo.children import ChildEnded
from smartcare.demo.readiness import NotReady
from smartcare.demo.stage import Addresses, Stage
from smartcare.demo.words import Say

LONGEST_S = 100.0  # from the start of the command; the rest of the 120 s is for stopping what no longer answers
READY_WITHIN_S = 45.0
STOPS_WITHIN_S = 3.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """reason: '' if everything held. line: the last line of standard output."""

    reason: str
    line: dict[str, Any]


def run(addresses: Addresses, *, began: float, say: Say) -> Outcome:
    """began: when the command started, epoch seconds. Never raises for what it finds."""
    tally, reason = Tally(), ""
    try:
        with no_longer_than(LONGEST_S - (time.time() - began)):
            printed = story.seed(lambda text: say("seed", text), days=0)
            connections.close_all()
            with Stage(addresses, show=say, patience_s=STOPS_WITHIN_S) as stage:
                stage.wait_until_ready(READY_WITHIN_S)
                say("check", f"web, worker and scheduler answer after {time.time() - began:.0f} s")
                patience = Patience(until=_deadline(began), between=stage.require_all_alive)
                way = Way(addresses, printed, patience, lambda text: say("check", text))
                tally = way.tally
                try:
                    way.walk()
                finally:
                    tally.leaks = len(way.leaks.found)
                stage.require_all_alive()
    except (Broken, ChildEnded, NotReady) as error:
        reason = str(error)
    return Outcome(reason, tally.as_line(ok=not reason, seconds=time.time() - began))


def _deadline(began: float) -> float:
    return time.monotonic() + LONGEST_S - (time.time() - began)
