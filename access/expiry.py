"""What the clock ends: grants, requests, staff permissions. Reading stops by itself; here it is booked, and people are told.

Each round asks one definer function for ids across tenants and then works as the tenant concerned. Two rounds at once do
no harm: every row is seen again under its lock.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone

from access import acts, requests, sharing, staff
from access.models import Grant
from access.principal import job

log = structlog.get_logger(__name__)

# A sweep comes again in two seconds: it asks for the lock, it does not wait for it.
DRAIN_PATIENCE_S = 0.2
DRAIN_ALARM = timedelta(seconds=60)


def _found(function: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {function}()")  # noqa: S608 - names in this module
        return list(cursor.fetchall())


def _each(function: str, work: Callable[..., bool]) -> int:
    """Do what is due, one after the other. One that fails is logged and comes again; it does not stop those behind it."""
    done = 0
    for row in _found(function):
        try:
            done += work(*row)
        except Exception:
            log.exception("sweep.item_failed", found_by=function, id=str(row[0]))
    return done


def book_expired() -> int:
    """Close grants whose end has passed. Returns how many."""
    return _each("find_expired_grants", _book_one)


def _book_one(pk: UUID, customer: UUID) -> bool:
    with job(customer):
        return sharing.book_expiry(pk) is not None


def drain_closed() -> int:
    """Note for each closed grant when nothing that began under it was left. Alarms when that takes over a minute."""
    return _each("find_undrained_grants", _drain_one)


def _drain_one(pk: UUID, customer: UUID, closed_at: datetime) -> bool:
    if sharing.drain(pk, customer=customer, timeout_s=DRAIN_PATIENCE_S) is not None:
        return True
    waited = timezone.now() - closed_at
    if waited > DRAIN_ALARM:
        log.error("grant.not_drained", grant=str(pk), customer=str(customer), waited_s=round(waited.total_seconds()))
    return False


def remind() -> int:
    """Tell both sides, once, 14 days before an access ends. Nothing renews by itself."""
    return _each("find_grants_to_remind", _remind_one)


def _remind_one(pk: UUID, customer: UUID) -> bool:
    with job(customer):
        waiting = Grant.objects.select_for_update(of=("self",)).select_related("partner", "site", "customer")
        grant = waiting.filter(pk=pk, closed_at=None, reminded_at=None, expires_at__gt=Now()).first()
        if grant is None:
            return False
        Grant.objects.filter(pk=grant.pk).update(reminded_at=Now())
        acts.happened("grant.ending_soon", grant)
        return True


def lapse_requests() -> int:
    """Book requests that nobody answered within 30 days."""
    return _each("find_lapsed_requests", _lapse_one)


def _lapse_one(pk: UUID, customer: UUID | None, partner: UUID) -> bool:
    with job(partner):
        return requests.lapse(pk) is not None


def tell_customers() -> int:
    """Tell customers of requests that were made, withdrawn or have lapsed since the last round."""
    return _each("find_untold_requests", _tell_one)


def _tell_one(pk: UUID, customer: UUID, partner: UUID) -> bool:
    with job(customer, partner):
        return requests.tell(pk)


def end_staff_permissions() -> int:
    """Book staff permissions whose time is over, and requests of staff that nobody answered."""
    return _each("find_staff_permissions_due", _end_one)


def _end_one(pk: UUID, customer: UUID) -> bool:
    with job(customer):
        return staff.book_end(pk) is not None
