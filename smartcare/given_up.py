"""Work that was given up: what an operator may know of it, and doing it again after the cause is gone.

Ids, times and kinds of errors. What was to be sent or read belongs to the customers and is not shown; an error's own words
only if asked for, since they may quote it.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import batched
from typing import Literal
from uuid import UUID

import structlog
from django.db import connection, transaction
from django.db.models import Q
from django.db.models.functions import Now

from access import audit
from access.principal import job
from partners.deliveries import EVENT_WORDS
from partners.forwarding import sending
from partners.models import Delivery, DeliveryState
from telemetry import jobs, watch
from telemetry.ingest import quarantine
from telemetry.models import AnalysisDue, Job, JobState

log = structlog.get_logger(__name__)
ORGANIZATIONS_AT_ONCE = 500
REST = timedelta(hours=1)  # an analysis that was given up is tried again by itself, once an hour
KILLED = "the process ended"
Store = Literal["job", "analysis", "delivery", "quarantine"]


@dataclass(frozen=True, slots=True)
class GivenUp:
    """One piece of work. kind: of the job, or analysis, delivery, quarantine. since: when it was given up; a body in quarantine:
    when it came. organization: public id of whose work it is. error: as stored, may quote a customer's data."""

    store: Store
    kind: str
    id: str
    organization: str
    since: datetime
    tries: int
    error: str

    @property
    def error_kind(self) -> str:
        """The error without its words: the name of its class, or the short reason a delivery ended with."""
        return re.split(r"[:(]", self.error, maxsplit=1)[0].strip() or KILLED


def listed(*, organization: str = "") -> list[GivenUp]:
    """All of it, or one organization's: oldest first within a kind."""
    found: list[GivenUp] = []
    for some in batched(_organizations(organization).items(), ORGANIZATIONS_AT_ONCE, strict=False):
        names = dict(some)
        with job(*names):
            found += _given_up(names)
    return sorted(found, key=lambda g: (g.kind, g.since))


def unread_bodies() -> int:
    """How many bodies lie in quarantine, of all customers."""
    count = 0
    for some in batched(_organizations(""), ORGANIZATIONS_AT_ONCE, strict=False):
        with job(*some):
            count += quarantine.unread().count()
    return count


def _organizations(public_id: str) -> dict[UUID, str]:
    """All of them, or the one with this public id."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT id, public_id FROM find_journals(%s)", [public_id])
        return dict(cursor.fetchall())


def _given_up(names: dict[UUID, str]) -> Iterator[GivenUp]:
    """Of the principal's organizations, whose public ids these are."""
    for row in Job.objects.filter(state=JobState.DEAD):
        since = row.finished_at or row.run_at
        yield GivenUp("job", row.kind, str(row.pk), names[row.customer_id], since, row.attempts, row.last_error)
    for due in AnalysisDue.objects.filter(_at_rest()):
        organization, since = names[due.customer_id], due.run_at - REST
        yield GivenUp("analysis", "analysis", str(due.pk), organization, since, due.attempts, due.last_error)
    # A message is its receiver's work, though it speaks of a customer.
    for sent in Delivery.objects.filter(state=DeliveryState.DEAD, owner__in=names):
        organization, since = names[sent.owner_id], sent.finished_at or sent.run_at
        yield GivenUp("delivery", "delivery", sent.public_id, organization, since, sent.attempts, sent.reason)
    for body in quarantine.unread():
        organization = names[body.customer_id]
        yield GivenUp("quarantine", "quarantine", str(body.pk), organization, body.received_at, body.tries, body.error)


def _at_rest() -> Q:
    """Given up, and not under way for its hourly try."""
    return Q(attempts__gt=watch.MOST_ATTEMPTS) & (Q(lease_until=None) | Q(lease_until__lt=Now()))


def again(one: GivenUp) -> bool:
    """Have it done once more, as if it had never failed; a body in quarantine is read at once. False if it is not given up any
    more, or the body still cannot be read."""
    (owner,) = _organizations(one.organization)
    done = _AGAIN[one.store](one, owner)
    log.info("given_up.again", kind=one.kind, id=one.id, done=done)
    return done


def _job(one: GivenUp, owner: UUID) -> bool:
    with job(owner):
        changed = Job.objects.filter(pk=one.id, state=JobState.DEAD).update(
            state=JobState.READY, run_at=Now(), attempts=0, finished_at=None
        )
        transaction.on_commit(lambda: jobs.wake(one.kind))
    return bool(changed)


def _analysis(one: GivenUp, owner: UUID) -> bool:
    with job(owner):
        # Not its first attempt: it stays a suspect, which is tried alone.
        changed = AnalysisDue.objects.filter(_at_rest(), pk=UUID(one.id)).update(run_at=Now(), attempts=1)
        transaction.on_commit(lambda: jobs.wake("analysis"))
    return bool(changed)


def _delivery(one: GivenUp, owner: UUID) -> bool:
    """Asks the gate again, as any other."""
    with job(owner):
        row = Delivery.objects.select_for_update().filter(public_id=one.id, state=DeliveryState.DEAD).first()
        if row is None or not sending.replay(row):
            return False
        words = EVENT_WORDS.get(row.event, row.event)
        audit.record(customer=owner, by=None, action="delivery.replayed", kind="delivery", id=one.id, words=words)
    return True


def _quarantined(one: GivenUp, owner: UUID) -> bool:
    return quarantine.read_one(UUID(one.id), owner)


_AGAIN: dict[Store, Callable[[GivenUp, UUID], bool]] = {
    "job": _job,
    "analysis": _analysis,
    "delivery": _delivery,
    "quarantine": _quarantined,
}
