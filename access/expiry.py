"""What the clock ends: grants, requests, staff permissions. Reading stops by itself; here it is booked, and people are told.

Each round asks one definer function for ids across tenants and then works as the tenant concerned. Two rounds at once do
no harm: every row is seen again under its lock.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from access import acts, requests, sharing, staff
from access.models import Grant
from access.principal import job

log = structlog.get_logger(__name__)

# A sweep comes again in two seconds: it asks for the lock, it does not wait for it.
DRAIN_PATIENCE_S = 0.2
DRAIN_ALARM = timedelta(seconds=60)


def _found(function: str) -> Iterator[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {function}()")  # noqa: S608 - names in this module
        yield from cursor.fetchall()


def book_expired() -> int:
    """Close grants whose end has passed. Returns how many."""
    booked = 0
    for pk, customer in _found("find_expired_grants"):
        with job(customer):
            booked += sharing.book_expiry(pk) is not None
    return booked


def drain_closed() -> int:
    """Note for each closed grant when nothing that began under it was left. Alarms when that takes over a minute."""
    drained = 0
    for pk, customer, closed_at in _found("find_undrained_grants"):
        if sharing.drain(pk, customer=customer, timeout_s=DRAIN_PATIENCE_S) is not None:
            drained += 1
        elif timezone.now() - closed_at > DRAIN_ALARM:
            waited = (timezone.now() - closed_at).total_seconds()
            log.error("grant.not_drained", grant=str(pk), customer=str(customer), waited_s=round(waited))
    return drained


def remind() -> int:
    """Tell both sides, once, 14 days before an access ends. Nothing renews by itself."""
    reminded = 0
    for pk, customer in _found("find_grants_to_remind"):
        with job(customer):
            reminded += _remind_one(pk)
    return reminded


@transaction.atomic
def _remind_one(pk: UUID) -> bool:
    waiting = Grant.objects.select_for_update(of=("self",)).select_related("partner", "site", "customer")
    grant = waiting.filter(pk=pk, closed_at=None, reminded_at=None, expires_at__gt=Now()).first()
    if grant is None:
        return False
    Grant.objects.filter(pk=grant.pk).update(reminded_at=Now())
    acts.happened("grant.ending_soon", grant)
    return True


def lapse_requests() -> int:
    """Book requests that nobody answered within 30 days."""
    lapsed = 0
    for pk, _, partner in _found("find_lapsed_requests"):
        with job(partner):
            lapsed += requests.lapse(pk) is not None
    return lapsed


def tell_customers() -> int:
    """Tell customers of requests that were made, withdrawn or have lapsed since the last round."""
    told = 0
    for pk, customer, partner in _found("find_untold_requests"):
        with job(customer, partner):
            told += requests.tell(pk)
    return told


def end_staff_permissions() -> int:
    """Book staff permissions whose time is over, and requests of staff that nobody answered."""
    ended = 0
    for pk, customer in _found("find_staff_permissions_due"):
        with job(customer):
            ended += staff.book_end(pk) is not None
    return ended
