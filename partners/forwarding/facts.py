"""Gather what a message may say, from the rows as they are at the moment of sending."""

from uuid import UUID

from django.conf import settings
from django.utils import timezone

from access.models import SHAREABLE, Category, Grant, Organization, Site
from access.sentences import of_grant
from partners.forwarding.message import AccessFacts, AlertFacts, Figure, figures_of
from partners.models import Delivery
from telemetry.models import Alert, Device, TrafficFigures

EVERYTHING = frozenset(c.value for c in SHAREABLE)


def alert_facts(delivery: Delivery, alert: Alert) -> AlertFacts:
    """All there is to tell; message.py leaves out what the reader's categories do not cover."""
    customer = Organization.objects.get(pk=alert.customer_id)
    site = Site.unscoped.get(pk=alert.site_id)
    device = Device.unscoped.get(pk=alert.device_id)
    figures: list[Figure] = figures_of(alert.evidence, category=Category.HEALTH.value)
    traffic = TrafficFigures.unscoped.filter(alert=alert).values_list("figures", flat=True).first()
    if traffic:
        figures += figures_of(traffic, category=Category.TRAFFIC.value)
    assert delivery.transition is not None
    return AlertFacts(
        alert_id=alert.public_id,
        customer_id=customer.public_id,
        site_id=site.public_id,
        device_id=device.public_id,
        customer_name=customer.name,
        site_name=site.name,
        device_label=device.label,
        rule=alert.rule,
        severity=alert.severity_word,
        sentence=alert.title,
        figures=tuple(figures),
        link=f"{settings.PUBLIC_URL}{alert_path(alert, delivery.owner_id)}",
        at=delivery.transition.at,
        opened_at=alert.opened_at,
        resolved_at=alert.resolved_at,
    )


def alert_path(alert: Alert, owner: UUID) -> str:
    if owner == alert.customer_id:
        return f"/alerts/{alert.public_id}"
    partner = Organization.objects.get(pk=owner)
    return f"/p/{partner.slug}/alerts/{alert.public_id}"


def access_facts(grant: Grant, owner: UUID) -> AccessFacts:
    customer = Organization.objects.get(pk=grant.customer_id)
    partner = Organization.objects.get(pk=grant.partner_id)
    site = Site.unscoped.get(pk=grant.site_id)
    path = f"/access/grants/{grant.public_id}" if owner == grant.customer_id else f"/p/{partner.slug}/access"
    return AccessFacts(
        grant_id=grant.public_id,
        customer_id=customer.public_id,
        partner_id=partner.public_id,
        site_id=site.public_id,
        customer_name=customer.name,
        partner_name=partner.name,
        site_name=site.name,
        sentence=of_grant(grant),
        categories=frozenset(grant.categories),
        forward_alerts=grant.forward_alerts,
        expires_at=grant.expires_at,
        link=f"{settings.PUBLIC_URL}{path}",
        at=grant.closed_at or grant.changed_at or grant.granted_at or timezone.now(),
        purpose=grant.purpose,
    )
