"""Who was told of the open alert at headquarters: ada always, nora because she holds a grant."""

from datetime import timedelta

from django.utils import timezone

from access.models import Grant
from partners.forwarding import looks
from partners.models import (
    AttemptOutcome,
    Delivery,
    DeliveryAttempt,
    DeliveryState,
    DeliverySubject,
    Destination,
    DestinationKind,
)
from smartcare.story import credentials
from smartcare.story.consent import alert_id
from smartcare.story.world import World
from telemetry.models import AlertTransition, TransitionKind

TOLD = ("acme", "northwind")


def tell(world: World) -> None:
    with world.job(*TOLD):
        opened = AlertTransition.unscoped.get(
            alert=alert_id(world, "acme", "hq-open"), kind=TransitionKind.OPENED, customer=world.organizations["acme"]
        )
        for owner in TOLD:
            _deliver(world, opened, owner)


def _deliver(world: World, opened: AlertTransition, owner: str) -> None:
    """One delivery as it stands after its only attempt, with the look that it is."""
    acme, organization = world.organizations["acme"], world.organizations[owner]
    grant = Grant.objects.get(customer=acme, partner=organization, closed_at=None) if owner != "acme" else None
    at = opened.at + timedelta(seconds=2)
    delivery = Delivery(
        id=credentials.row_id(organization.pk, "told"),
        customer=acme,
        owner=organization,
        destination=Destination.objects.get(owner=organization, kind=DestinationKind.EMAIL),
        subject=DeliverySubject.ALERT,
        event="alert.opened",
        site_id=opened.site_id,
        transition=opened,
        grant=grant,
        grant_generation=grant.generation if grant else None,
        subject_key=str(opened.pk),
        state=DeliveryState.DELIVERED,
        attempts=1,
        run_at=opened.at,
        created_at=opened.at,
        expires_at=timezone.now() + timedelta(days=1),
        finished_at=at,
    )
    delivery.save(force_insert=True)
    DeliveryAttempt(
        customer=acme,
        owner=organization,
        delivery=delivery,
        number=1,
        at=at,
        outcome=AttemptOutcome.DELIVERED,
        duration_ms=180,
    ).save(force_insert=True)
    looks.record_push(delivery, outcome="delivered")
