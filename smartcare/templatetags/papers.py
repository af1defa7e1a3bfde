"""What a template asks about a company's papers: whose contract runs. It shows a chip, and decides nothing."""

from typing import Any

from django import template
from django.utils import timezone

from access.viewer import Viewer
from partners.models import Contract

register = template.Library()


@register.simple_tag(takes_context=True)
def contract_holders(context: template.Context) -> set[str]:
    """Public ids of the partners that hold a running contract of the customer who reads the page."""
    viewer: Any = context.get("viewer")
    if not isinstance(viewer, Viewer) or not viewer.is_customer:
        return set()
    running = Contract.objects.visible_to(viewer).filter(ended_at=None, ends_on__gte=timezone.localdate())
    return set(running.values_list("partner__public_id", flat=True))
