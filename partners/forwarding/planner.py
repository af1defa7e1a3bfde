"""From a change of an alert to deliveries (T3b): one per destination of those entitled now, and already before the change.

A new grant never releases old alerts: only changes after its forwarding right began are planned for it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Max, Q
from django.db.models.functions import Now
from django.utils import timezone

from access import policy
from access.models import Grant
from access.principal import principal
from partners.models import Delivery, DeliverySubject, Destination
from telemetry import jobs
from telemetry.models import Alert, AlertTransition, TransitionKind

LIFE = timedelta(hours=72)
# What is worth telling; who took or saw an alert is read on its page. Quiet enough that people keep listening.
EVENTS = {
    TransitionKind.OPENED: "alert.opened",
    TransitionKind.REOPENED: "alert.opened",
    TransitionKind.RAISED: "alert.updated",
    TransitionKind.DATED: "alert.updated",
    TransitionKind.RESOLVED: "alert.resolved",
}


@dataclass(frozen=True, slots=True)
class Entitled:
    """Somebody who is to be told, and by which right. grant None: the customer itself."""

    owner_id: UUID
    grant: Grant | None = None


def plan(transition: AlertTransition) -> int:
    """Prepare the deliveries of one change, in the caller's transaction. Returns how many; planning twice plans once."""
    event = EVENTS.get(TransitionKind(transition.kind))
    alert = transition.alert
    if event is None or alert.explained_by_id is not None:
        return 0
    # An alert that was worth a telling is also told when it lowers and ends: its worst moment decides.
    worst = alert.transitions.aggregate(worst=Max("severity"))["worst"] or transition.severity
    rows = [
        Delivery(
            customer_id=transition.customer_id,
            owner_id=entitled.owner_id,
            destination=destination,
            subject=DeliverySubject.ALERT,
            event=event,
            site_id=transition.site_id,
            transition=transition,
            grant=entitled.grant,
            grant_generation=entitled.grant.generation if entitled.grant else None,
            subject_key=str(transition.pk),
            expires_at=timezone.now() + LIFE,
        )
        for entitled in _entitled(alert, transition.at)
        for destination in usable_destinations(entitled.owner_id).filter(minimum_severity__lte=worst)
    ]
    return store(rows)


def plan_access(grant: Grant, event: str, *, key: str) -> int:
    """Tell both parties of a grant, through their webhooks, that it was given or has ended. Mails about it are notices."""
    parties = (grant.customer_id, grant.partner_id)
    # As work of both: whoever gives or stops access may not see where the other party wants to be told.
    with principal(kind="job", customers=parties):
        return store(
            Delivery(
                customer_id=grant.customer_id,
                owner_id=owner,
                destination=destination,
                subject=DeliverySubject.ACCESS,
                event=event,
                site_id=grant.site_id,
                grant=grant,
                grant_generation=grant.generation,
                subject_key=key,
                expires_at=timezone.now() + LIFE,
            )
            for owner in parties
            for destination in usable_destinations(owner).filter(kind="webhook")
        )


def plan_verification(destination: Destination) -> Delivery:
    """The signed challenge: the only thing an unverified webhook ever gets."""
    row = Delivery(
        customer_id=destination.owner_id,
        owner_id=destination.owner_id,
        destination=destination,
        subject=DeliverySubject.VERIFICATION,
        event="destination.verification",
        subject_key=f"verification:{destination.pk}:{timezone.now().timestamp()}",
        expires_at=timezone.now() + LIFE,
    )
    store([row])
    return row


def usable_destinations(owner: UUID) -> Any:
    return (
        Destination.objects.kept()
        .filter(owner=owner, enabled=True, verified_at__isnull=False, disabled_at=None, removed_at=None)
        .order_by("pk")
    )


def store(rows: Iterable[Delivery]) -> int:
    """Insert what is not planned yet, and wake the senders after the commit."""
    found = list(rows)
    if not found:
        return 0
    Delivery.objects.bulk_create(found, ignore_conflicts=True)
    transaction.on_commit(lambda: jobs.wake("delivery"))
    return len(found)


def cancel_for_grant(grant: Grant, reason: str) -> int:
    """What waits under this grant is dropped, in the transaction that ends or narrows it. Returns how many."""
    return (
        Delivery.objects.filter(grant=grant, state="ready", subject=DeliverySubject.ALERT)
        .exclude(owner=grant.customer_id)
        .update(state="cancelled", reason=reason, finished_at=Now())
    )


def rebind(grant: Grant) -> int:
    """After narrowing: what the grant still covers goes on under the new generation, the rest is cancelled."""
    if not grant.forward_alerts or "health" not in grant.categories:
        return cancel_for_grant(grant, "grant_changed")
    Delivery.objects.filter(grant=grant, state="ready", subject=DeliverySubject.ALERT).update(
        grant_generation=grant.generation
    )
    return 0


def _entitled(alert: Alert, changed_at: datetime) -> Iterator[Entitled]:
    yield Entitled(alert.customer_id)
    for grant in policy.grants_forwarding(alert.site_id).filter(Q(forwarding_since__lt=changed_at)).order_by("pk"):
        yield Entitled(grant.partner_id, grant)
