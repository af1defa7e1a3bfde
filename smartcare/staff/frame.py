"""What every staff page has: the countdown of a running permission."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from access import staff
from access.models import StaffPermission
from access.views.pages import PageRequest


def shown(request: PageRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    """Render a staff page; while a permission runs, its countdown stands on each of them. Inside the viewer's transaction."""
    running = staff.running(request.viewer)
    return render(request, template, {"running": running, "countdown": countdown(running), **context})


def countdown(running: list[StaffPermission]) -> dict[str, Any] | None:
    """The one that ends first."""
    if not running:
        return None
    row = running[0]
    return {
        "text": f"You can look at data of {row.customer.name}: {row.get_way_display().lower()}.",
        "until": row.expires_at,
        "url": reverse("staff_permission_end", args=[row.public_id]),
        "action": "End now",
        "method": "post",
    }
