"""Read-only pages of a customer's devices under a running permission. Without one they do not exist."""

from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse

from access.models import Organization
from access.views.pages import PageRequest, for_staff
from partners.views.alerts import told, transitions
from smartcare.staff.frame import shown
from smartcare.staff.tenants import customer_of, live_of
from telemetry import evidence, looks, summaries
from telemetry.models import Alert, Device
from telemetry.views.devices import device_context


def _opened(request: PageRequest, tenant: str) -> Organization:
    customer = customer_of(request, tenant)
    if live_of(request.viewer, customer) is None:
        raise Http404
    return customer


def _frame(customer: Organization) -> dict[str, Any]:
    return {"customer": customer, "base": reverse("staff_tenant", args=[customer.public_id])}


@for_staff
def index(request: PageRequest, tenant: str) -> HttpResponse:
    customer = _opened(request, tenant)
    rows = summaries.devices(request.viewer, customer=customer.pk)
    looks.device_list(request.viewer, rows, way="page")
    return shown(request, "staff/devices.html", {"rows": rows, **_frame(customer)})


@for_staff
def page(request: PageRequest, tenant: str, public_id: str) -> HttpResponse:
    customer = _opened(request, tenant)
    found = Device.objects.visible_to(request.viewer).filter(customer=customer).select_related("site")
    device = get_object_or_404(found, public_id=public_id)
    frame = _frame(customer)
    context = device_context(request.viewer, device, span=request.GET.get("range", "24h"), base=frame["base"])
    looks.device(request.viewer, device, context["categories"], way="page")
    return shown(request, "staff/device.html", context | frame)


@for_staff
def alert(request: PageRequest, tenant: str, public_id: str) -> HttpResponse:
    """Without the comments: those are between the customer and its partners."""
    customer, viewer = _opened(request, tenant), request.viewer
    rows = summaries.alerts(viewer, Alert.objects.visible_to(viewer).filter(customer=customer, public_id=public_id))
    if not rows:
        raise Http404
    looks.alert_list(viewer, rows, way="page")
    row = rows[0]
    context = {
        "row": row,
        "alert": row.alert,
        "device": row.device,
        "history": [told(t, viewer, row.alert) for t in transitions(row.alert)],
        "comments": [],
        "facts": evidence.facts(viewer, row.alert),
    }
    return shown(request, "staff/alert.html", context | _frame(customer))
