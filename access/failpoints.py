"""Places where a test may pull the plug: the process ends there at once, as a power cut would end it.

Nothing happens unless SMARTCARE_FAILPOINT names the place when the process starts, and then only in a development
process (DEBUG) or where SMARTCARE_FAILPOINTS_ARE_WANTED says so too: one stray variable must not end a server.
It stands in the lowest package because every package's transactions have such places.
"""

import os
from collections.abc import Mapping
from typing import Final

DIED: Final = 137  # what a shell reports of a process that was killed by signal 9
PLACE, WANTED = "SMARTCARE_FAILPOINT", "SMARTCARE_FAILPOINTS_ARE_WANTED"
_YES: Final = frozenset({"1", "true", "yes", "on"})

PLACES: Final = (
    "accept.before_statement",
    "accept.stored",
    "accept.before_answer",
    "analysis.claimed",
    "analysis.before_commit",
    "analysis.committed",
    "job.claimed",
    "job.before_commit",
    "job.committed",
    "delivery.claimed",
    "delivery.before_call",
    "delivery.after_call",
    "delivery.before_commit",
    "delivery.committed",
    "revoke.before_commit",
    "drain.before_commit",
)


def armed_by(environment: Mapping[str, str]) -> str:
    """The place where a process with this environment ends; '' for none. A name that is no place is none."""
    wanted = any(environment.get(name, "").strip().lower() in _YES for name in ("DEBUG", WANTED))
    place = environment.get(PLACE, "")
    return place if wanted and place in PLACES else ""


_armed = armed_by(os.environ)


def failpoint(place: str) -> None:
    """End the process here if a test asked for it: no clean-up, no rollback, no word to anybody."""
    if place == _armed:
        os._exit(DIED)


def arm(place: str) -> None:
    """For a test's own child process, which has imported this long ago. Raises LookupError for a name that is no place."""
    global _armed
    if place not in PLACES:
        raise LookupError(place)
    _armed = place
