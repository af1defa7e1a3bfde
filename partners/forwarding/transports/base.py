"""The contract of a transport: hand one message over, and say what to do next."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Hopeless(StrEnum):
    """Why no further attempt is made."""

    GONE = "gone"  # the receiver says it has left for good: disable the destination
    NO_SUCH_MAILBOX = "no_such_mailbox"  # suppress the address
    REJECTED = "rejected"  # this message; the next may pass
    ADDRESS = "address_not_allowed"  # a URL or an address we do not send to
    RECIPIENT = "not_an_address"


@dataclass(frozen=True, kw_only=True)
class Delivered:
    """The receiver has taken it."""

    status_code: int | None = None
    duration_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class TryLater:
    """It may work another time. `error` is a class of error without content; `wait_s` what the receiver asked for."""

    error: str
    wait_s: float | None = None
    status_code: int | None = None
    duration_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class GiveUp:
    """It will never work. `error` says more than the reason where there is more to say, without content."""

    reason: Hopeless
    error: str = ""
    status_code: int | None = None
    duration_s: float = 0.0


type Outcome = Delivered | TryLater | GiveUp


class Transport[M](Protocol):
    """Made for one destination; knows nothing of grants, deliveries or the database."""

    def deliver(self, message: M, *, delivery_id: str) -> Outcome:
        """Hand the message over, at most once per call. What the receiver or the way to it does is never an exception.

        `delivery_id` is the same at every attempt: the receiver drops repetitions by it.
        """
