"""What was sent to an organization's destinations, in words, and sending it once more. Never what it said: that may be withdrawn."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Prefetch, QuerySet

from access import audit
from access.errors import Ended, require
from access.viewer import Viewer
from partners import destinations
from partners.forwarding import sending
from partners.models import Delivery, DeliveryAttempt, DeliveryState

EVENT_WORDS = {
    "alert.opened": "An alert was raised",
    "alert.updated": "An alert changed",
    "alert.resolved": "An alert is over",
    "access.granted": "Access was given",
    "access.revoked": "Access has ended",
    "destination.verification": "Test of the receiver",
}
REASON_WORDS = {
    "expired": "It waited too long.",
    "destination_removed": "The destination was removed.",
    "destination_verified": "The destination is verified already.",
    "destination_off": "The destination was off or not verified.",
    "nobody_keeps_it": "Whoever added this webhook has left, and nobody has taken it over.",
    "no_longer_a_member": "The person no longer receives alerts for this company.",
    "alert_gone": "The alert is gone.",
    "device_moved": "The device moved to another site.",
    "grant_ended": "The access under which it was planned has ended.",
    "grant_changed": "The access under which it was planned was changed.",
    "category_not_covered": "Health is no longer shared.",
    "not_forwarded": "Alerts are no longer sent under this access.",
    "customer_closed": "The customer has left.",
    "site_closed": "The site is closed.",
    "partner_inactive": "The company was suspended.",
}
STATES = {
    DeliveryState.READY: "watch",
    DeliveryState.RUNNING: "watch",
    DeliveryState.DELIVERED: "ok",
    DeliveryState.CANCELLED: "mute",
    DeliveryState.DEAD: "down",
}
REPLAYED = (DeliveryState.DEAD, DeliveryState.DELIVERED)


@dataclass(frozen=True, slots=True)
class Sent:
    """One delivery for the log."""

    delivery: Delivery
    what: str
    state: str
    why: str
    tries: list[DeliveryAttempt]
    may_be_replayed: bool


def log(viewer: Viewer, **conditions: Any) -> QuerySet[Delivery]:
    """Deliveries to the viewer's own destinations, newest first, with their attempts."""
    found: QuerySet[Delivery] = Delivery.objects.visible_to(viewer)
    tries = DeliveryAttempt.objects.order_by("number")
    return (
        found.filter(**conditions)
        .select_related("destination", "customer")
        .prefetch_related(Prefetch("tries", tries))
        .order_by("-created_at", "-pk")
    )


def told(delivery: Delivery) -> Sent:
    return Sent(
        delivery=delivery,
        what=EVENT_WORDS.get(delivery.event, delivery.event),
        state=STATES[DeliveryState(delivery.state)],
        why=REASON_WORDS.get(delivery.reason, delivery.reason.replace("_", " ")),
        tries=list(delivery.tries.all()),
        may_be_replayed=delivery.state in REPLAYED,
    )


def replay(delivery: Delivery, *, by: Viewer) -> None:
    """Send once more; the gate is asked as for any other. Raises NotAllowed, Ended."""
    mine = delivery.owner_id == by.organization_id
    require(mine and destinations.may_manage(by), "Your role does not manage destinations")
    if not sending.replay(delivery):
        raise Ended("It is under way, or was cancelled and may not be sent any more")
    audit.record(
        customer=delivery.owner_id,
        by=by,
        action="delivery.replayed",
        kind="delivery",
        id=delivery.public_id,
        words=EVENT_WORDS.get(delivery.event, delivery.event),
    )
