"""The check with everything it needs around it: seeded data, the programs, a deadline."""

import time
import traceback
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

# From the start of the command; the rest of the 120 s is for stopping what no longer answers.
LONGEST_S = 100.0
HANGS_S = 2.0  # after that even what does not come back from a question is ended
READY_WITHIN_S = 60.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """reason: '' if everything held. line: the last line of standard output."""

    reason: str
    line: dict[str, Any]


def run(addresses: Addresses, *, began: float, say: Say) -> Outcome:
    """began: when the command started, epoch seconds. Never raises for what it finds."""
    tally, reason = Tally(), ""

    def tell(text: str) -> None:
        say("check", f"{time.time() - began:5.1f} s  {text}")

    try:
        with Stage(addresses, show=say, hurry=True) as stage, no_longer_than(_left_s(began) + HANGS_S):
            # While the programs start. Without readings: the alerts are to come from what is reported now.
            printed = story.seed(lambda text: tell(f"seed: {text}"), days=0)
            connections.close_all()
            stage.wait_until_ready(READY_WITHIN_S)
            tell("web, worker and scheduler answer")
            patience = Patience(until=time.monotonic() + _left_s(began), between=stage.require_all_alive)
            way = Way(addresses, printed, patience, tell)
            tally = way.tally
            try:
                way.walk()
            finally:
                tally.leaks = len(way.leaks.found)
            stage.require_all_alive()
    except (Broken, ChildEnded, NotReady) as error:
        reason = str(error)
    except (
        Exception
    ) as error:  # an answer of a shape that nobody expects: red as well, with the place for whoever mends it
        traceback.print_exc()
        reason = f"{type(error).__name__}: {error}"
    return Outcome(reason, tally.as_line(ok=not reason, seconds=time.time() - began))


def _left_s(began: float) -> float:
    return LONGEST_S - (time.time() - began)
