"""Facts of accounts and of the machinery that staff may know: whether reports arrive, what staff did, what work waits."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils import timezone

from access import audit_words

# A collector that reports hourly is still arriving after two misses.
ARRIVING_WITHIN = timedelta(hours=3)


def _rows(statement: str, *values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())


def last_report(customer: UUID) -> datetime | None:
    """When anything of this customer reported last; None: never. Never which device, nor what."""
    found: datetime | None = _rows("SELECT last_report(%s)", customer)[0][0]
    return found


def are_arriving(newest: datetime | None) -> bool:
    return newest is not None and timezone.now() - newest < ARRIVING_WITHIN


def looks_under(permissions: Iterable[UUID]) -> dict[UUID, int]:
    """How often data was looked at under each permission."""
    wanted = list(permissions)
    return dict(_rows("SELECT permission, looks FROM count_staff_looks(%s)", wanted)) if wanted else {}


@dataclass(frozen=True, slots=True)
class Act:
    """One thing a member of staff did, or a customer's answer to it."""

    at: datetime
    person: str
    action: str  # short name; `what` says it in words
    words: str
    organization: str

    @property
    def what(self) -> str:
        return audit_words.said(self.action)


def acts(count: int) -> list[Act]:
    """Newest first."""
    return [
        Act(*row) for row in _rows("SELECT at, person, action, words, organization FROM list_staff_acts(%s)", count)
    ]


@dataclass(frozen=True, slots=True)
class Queue:
    """Work of one kind: how much waits, how long the oldest has (seconds), how much was given up. Numbers, no content."""

    kind: str
    waiting: int
    dead: int
    oldest_s: float


def queues() -> list[Queue]:
    found = _rows("SELECT kind, ready, dead, oldest_s FROM queue_ages() ORDER BY kind")
    return [Queue(*row) for row in found]


def deliveries() -> list[Queue]:
    """The same of what is to be sent, by state: waiting, being sent, given up."""
    found = _rows("SELECT state, deliveries, oldest_s FROM delivery_ages() ORDER BY state")
    return [
        Queue(f"delivery, {state}", 0 if state == "dead" else count, count if state == "dead" else 0, oldest)
        for state, count, oldest in found
    ]
