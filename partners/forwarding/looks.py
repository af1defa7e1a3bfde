"""A push is a look: what was sent to a partner stands in the customer's viewing log."""

from access import viewing
from access.models import Category
from access.viewer import Viewer
from partners.models import Delivery
from telemetry.models import Alert, Device


def record_push(delivery: Delivery, *, outcome: str) -> None:
    """Enter one sent alert, under the grant it was sent under. The customer's own deliveries are no looks."""
    if delivery.owner_id == delivery.customer_id or delivery.transition is None:
        return
    alert = Alert.unscoped.get(pk=delivery.transition.alert_id)
    label = Device.unscoped.values_list("label", flat=True).get(pk=alert.device_id)
    destination = delivery.destination
    by_mail = destination.kind == "email"
    viewer = Viewer(
        kind="partner",
        user=destination.member if by_mail else None,
        organization=delivery.owner,
        alias="" if by_mail else "Webhook",  # the destination's own name is the partner's business
    )
    look = viewing.Look(
        customer_id=delivery.customer_id,
        category=Category.HEALTH,
        site_id=delivery.site_id,
        kind="alert",
        words=f"{label}: {alert.title}",
        ids=(alert.public_id,),
    )
    viewing.record(viewer, [look], way="email" if by_mail else "webhook", outcome=outcome)
