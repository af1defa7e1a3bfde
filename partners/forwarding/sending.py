"""Send one delivery (T5): ask the gate again under the lock, render now, send, record; then commit.

The transaction is held open during the call. A crash after the receiver's 2xx therefore sends again with the same id: at least once,
and never silently, because the attempt was on record before a byte left.
"""

import random
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from access import audit, gate
from access.failpoints import failpoint
from access.models import Category
from access.principal import principal
from partners import destinations
from partners.forwarding import facts, looks, mails, message, schedule, secrets
from partners.forwarding.mails import Mail
from partners.forwarding.transports.base import Delivered, GiveUp, Hopeless, Outcome, TryLater
from partners.forwarding.transports.email import EmailTransport
from partners.models import AttemptOutcome, Delivery, DeliveryAttempt, DeliveryState, DeliverySubject, Destination
from telemetry import jobs
from telemetry.models import Alert, Device

log = structlog.get_logger(__name__)
RANDOM = random.SystemRandom()
CALL_S = 15.0
# A task may take 20 s: a call begun before this has all of its own time.
BEGIN_WITHIN_S = 4.0
# Attempts in a row that nobody knows the end of: then it is this delivery that ends them.
MOST_LOST = 5
HELD_MS = 60_000


class LeaseLost(Exception):
    """Another sender has this delivery: what we did must not count."""


@dataclass(frozen=True, slots=True)
class Claim:
    id: UUID
    customer_id: UUID
    owner_id: UUID
    token: UUID
    attempts: int


def claim_due() -> Claim | None:
    """Own short transaction; at most two at once per owner, and the attempt is on record before anything is sent (T4)."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT id, customer_id, owner_id, token, attempts FROM claim_deliveries(1)")
        row = cursor.fetchone()
    if row is None:
        return None
    failpoint("delivery.claimed")
    return Claim(*row)


def send_due() -> int:
    """Claim and send what is due, while a whole call still fits the task. Returns how many were claimed.

    One at a time: what waits behind a slow receiver is not counted as begun, and another process may take it.
    """
    claimed = 0
    stop = time.monotonic() + BEGIN_WITHIN_S
    while time.monotonic() < stop and (claim := claim_due()):
        claimed += 1
        try:
            send(claim)
        except LeaseLost:
            log.warning("delivery.lease_lost", delivery=str(claim.id))
        except Exception:  # one bad row must not stop the others
            log.exception("delivery.failed", delivery=str(claim.id), attempts=claim.attempts)
            _put_back(claim)
    return claimed


def _put_back(claim: Claim) -> None:
    """Soon again, unless its end is on record: whether a byte had left is unknown, and its attempt says so."""
    with principal(kind="job", customers={claim.customer_id, claim.owner_id}):
        Delivery.objects.filter(pk=claim.id, token=claim.token, state=DeliveryState.RUNNING).update(
            state=DeliveryState.READY, run_at=Now() + timedelta(seconds=min(60, 2**claim.attempts)), lease_until=None
        )


def send(claim: Claim) -> None:
    """Bring one claimed delivery one attempt further. Raises LeaseLost."""
    site = _site_of(claim)
    with gate.passage(customer=claim.customer_id, site=site, owner=claim.owner_id, statement_ms=HELD_MS):
        delivery = (
            Delivery.objects.select_related("destination", "transition", "grant", "owner")
            .filter(pk=claim.id, token=claim.token, state=DeliveryState.RUNNING)
            .first()
        )
        if delivery is None:
            raise LeaseLost(claim.id)
        _own_up_to_lost_attempts(delivery, claim.attempts)
        if reason := refusal(delivery):
            _cancel(delivery, claim, reason)
        elif _ends_its_attempts(claim):
            _give_up(claim)
        else:
            failpoint("delivery.before_call")
            outcome = _tried(delivery)
            failpoint("delivery.after_call")
            _record(delivery, claim, outcome)
        failpoint("delivery.before_commit")
    failpoint("delivery.committed")


def refusal(delivery: Delivery) -> str:
    """The whole re-check list of access.md section 7; '' if it may go out now."""
    destination = delivery.destination
    if delivery.expires_at <= timezone.now():
        return "expired"
    if destination.removed_at is not None or destination.owner_id != delivery.owner_id:
        return "destination_removed"
    if not delivery.owner.is_active:
        return "customer_closed" if delivery.owner_id == delivery.customer_id else "partner_inactive"
    if delivery.subject == DeliverySubject.VERIFICATION:
        since = destination.verified_at is not None and destination.verified_at > delivery.created_at
        return "destination_verified" if since else ""  # of several challenges, the one that was answered is enough
    if not destination.is_usable:
        return "destination_off"
    if not Destination.objects.kept().filter(pk=destination.pk).exists():
        return "nobody_keeps_it"
    if destination.kind == "email" and (
        reason := gate.recipient_refusal(owner=delivery.owner_id, user=destination.member_id)
    ):
        return reason
    if delivery.subject == DeliverySubject.ACCESS:
        # That access was given or has ended is told also when nothing is shared any more: it names the grant alone.
        return ""
    return _alert_refusal(delivery)


def _alert_refusal(delivery: Delivery) -> str:
    assert delivery.transition is not None
    alert = Alert.unscoped.filter(pk=delivery.transition.alert_id, customer=delivery.customer_id).first()
    if alert is None:
        return "alert_gone"
    if (
        not Device.unscoped.filter(pk=alert.device_id, site=alert.site_id).exists()
        and delivery.event != "alert.resolved"
    ):
        return "device_moved"
    return gate.refusal(
        customer=delivery.customer_id,
        site=delivery.site_id,
        owner=delivery.owner_id,
        grant=delivery.grant_id,
        generation=delivery.grant_generation,
        category=Category.HEALTH,
        pushing=True,
    )


def _site_of(claim: Claim) -> UUID | None:
    with principal(kind="job", customers={claim.customer_id, claim.owner_id}):
        return Delivery.objects.filter(pk=claim.id).values_list("site_id", flat=True).first()


def _tried(delivery: Delivery) -> Outcome:
    try:
        return _deliver(delivery)
    except secrets.CannotOpen:
        # No key of this installation opens it: only a new secret helps, so say so instead of trying for days.
        destinations.disable(delivery.destination, reason="secret_unreadable")
        return GiveUp(reason=Hopeless.REJECTED, error="secret_unreadable")


def _deliver(delivery: Delivery) -> Outcome:
    destination = delivery.destination
    if delivery.subject == DeliverySubject.VERIFICATION:
        return destinations.webhook(destination, deadline_s=CALL_S).verify(
            destinations.challenge(destination), delivery_id=str(delivery.pk)
        )
    if destination.kind == "webhook":
        return destinations.webhook(destination, deadline_s=CALL_S).deliver(
            _body(delivery), delivery_id=str(delivery.pk)
        )
    # Where the person signs in now: the address of then may be a former employer's.
    recipient = destination.member.email if destination.member else destination.email
    return EmailTransport(recipient=recipient).deliver(_mail(delivery), delivery_id=str(delivery.pk))


def _categories(delivery: Delivery) -> frozenset[str]:
    if delivery.owner_id == delivery.customer_id:
        return facts.EVERYTHING
    return frozenset(c.value for c in gate.categories_now(delivery.grant_id))


def _body(delivery: Delivery) -> bytes:
    if delivery.subject == DeliverySubject.ACCESS:
        assert delivery.grant is not None
        return message.access_body(
            message.AccessEvent(delivery.event), facts.access_facts(delivery.grant, delivery.owner_id)
        )
    assert delivery.transition is not None
    found = facts.alert_facts(delivery, Alert.unscoped.get(pk=delivery.transition.alert_id))
    return message.alert_body(message.AlertEvent(delivery.event), found, categories=_categories(delivery))


def _mail(delivery: Delivery) -> Mail:
    assert delivery.transition is not None
    found = facts.alert_facts(delivery, Alert.unscoped.get(pk=delivery.transition.alert_id))
    with timezone.override(delivery.owner.timezone):
        return mails.alert(
            message.AlertEvent(delivery.event),
            found,
            categories=_categories(delivery),
            unsubscribe_url=f"{settings.PUBLIC_URL}{destinations.unsubscribe_path(delivery.destination)}",
        )


def _own_up_to_lost_attempts(delivery: Delivery, current: int) -> None:
    """An earlier attempt began and nobody knows how it ended: the customer is told that it may have arrived."""
    lost = DeliveryAttempt.objects.filter(
        delivery=delivery, number__lt=current, outcome=AttemptOutcome.STARTED, error=""
    )
    if lost.update(error="outcome unknown") and delivery.subject == DeliverySubject.ALERT:
        looks.record_push(delivery, outcome="may have been delivered")


def _ends_its_attempts(claim: Claim) -> bool:
    before = range(claim.attempts - MOST_LOST, claim.attempts)
    lost = DeliveryAttempt.objects.filter(delivery=claim.id, number__in=before, outcome=AttemptOutcome.STARTED)
    return lost.count() == MOST_LOST


def _give_up(claim: Claim) -> None:
    _settle(claim, state=DeliveryState.DEAD, reason="attempts_lost")
    _close_attempt(claim, outcome=AttemptOutcome.REFUSED, error="not tried: the attempts before have no end")
    log.error("delivery.dead", delivery=str(claim.id), error="attempts_lost")


def _cancel(delivery: Delivery, claim: Claim, reason: str) -> None:
    _settle(claim, state=DeliveryState.CANCELLED, reason=reason)
    _close_attempt(claim, outcome=AttemptOutcome.CANCELLED, error=reason)
    audit.record(
        customer=delivery.customer_id,
        by=None,
        action="delivery.cancelled",
        kind="delivery",
        id=delivery.public_id,
        words=f"{delivery.event} to {delivery.owner.name}",
        after={"reason": reason},
    )


def _record(delivery: Delivery, claim: Claim, outcome: Outcome) -> None:
    match outcome:
        case Delivered():
            _settle(claim, state=DeliveryState.DELIVERED)
            _close_attempt(claim, outcome=AttemptOutcome.DELIVERED, answer=outcome)
            if delivery.subject == DeliverySubject.ALERT:
                looks.record_push(delivery, outcome="delivered")
            destinations.worked(delivery.destination, verification=delivery.subject == DeliverySubject.VERIFICATION)
        case TryLater():
            wait_s = schedule.next_attempt(claim.attempts, outcome.wait_s, RANDOM)
            if wait_s is None:
                _settle(claim, state=DeliveryState.DEAD, reason=outcome.error[:60])
                log.error("delivery.dead", delivery=str(claim.id), error=outcome.error)
            else:
                _settle(claim, state=DeliveryState.READY, wait=timedelta(seconds=wait_s))
            _close_attempt(claim, outcome=AttemptOutcome.TRY_LATER, answer=outcome, error=outcome.error)
            if not _is_test(delivery):
                destinations.failed(delivery.destination, error=outcome.error)
        case GiveUp():
            _settle(claim, state=DeliveryState.DEAD, reason=str(outcome.reason)[:60])
            _close_attempt(
                claim, outcome=AttemptOutcome.REFUSED, answer=outcome, error=outcome.error or str(outcome.reason)
            )
            if _is_test(delivery):
                return
            if outcome.reason in {Hopeless.GONE, Hopeless.NO_SUCH_MAILBOX}:
                destinations.disable(delivery.destination, reason=str(outcome.reason))
            else:
                destinations.failed(delivery.destination, error=str(outcome.reason))


def _is_test(delivery: Delivery) -> bool:
    """Of a webhook that takes alerts: what it answers to a test is read in the log, and stops no alert."""
    return delivery.subject == DeliverySubject.VERIFICATION and delivery.destination.is_usable


def _settle(claim: Claim, *, state: DeliveryState, reason: str = "", wait: timedelta | None = None) -> None:
    values: dict[str, Any] = {"state": state, "reason": reason, "lease_until": None, "token": None}
    values |= {"run_at": Now() + wait} if wait is not None else {"finished_at": Now()}
    if Delivery.objects.filter(pk=claim.id, token=claim.token, state=DeliveryState.RUNNING).update(**values) == 0:
        raise LeaseLost(claim.id)


def _close_attempt(claim: Claim, *, outcome: AttemptOutcome, answer: Outcome | None = None, error: str = "") -> None:
    DeliveryAttempt.objects.filter(delivery=claim.id, number=claim.attempts).update(
        outcome=outcome,
        status_code=getattr(answer, "status_code", None),
        duration_ms=int(getattr(answer, "duration_s", 0.0) * 1000),
        error=error[:120],
    )


def replay(delivery: Delivery) -> bool:
    """Send once more what was given up or delivered; the gate is asked as for any other. False if it is still under way."""
    changed = Delivery.objects.filter(pk=delivery.pk, state__in=[DeliveryState.DEAD, DeliveryState.DELIVERED]).update(
        state=DeliveryState.READY,
        reason="",
        run_at=Now(),
        finished_at=None,
        expires_at=Now() + timedelta(hours=24),
    )
    if changed:
        transaction.on_commit(lambda: jobs.wake("delivery"))
    return bool(changed)
