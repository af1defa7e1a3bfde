"""Devices across customers, and one device: of each only what its site's customer shares."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404

from access.models import Organization
from access.views import log
from access.views.pages import PageRequest, for_partner
from partners import relations
from partners.views.frame import base_of, one_page, shown
from telemetry import looks, summaries
from telemetry.models import Device, DeviceKind
from telemetry.summaries import STATE_WORDS, DeviceRow
from telemetry.views.devices import device_context

PAGE = 75  # under 1,500 elements a page


@for_partner
def index(request: PageRequest, partner_slug: str) -> HttpResponse:
    wanted, viewer = request.GET, request.viewer
    names = _names(request)
    chosen = next((c for c in names.values() if c.public_id == wanted.get("customer")), None)
    rows = summaries.devices(
        viewer,
        customer=chosen.pk if chosen else None,
        search=wanted.get("q", "").strip(),
        state=wanted["state"] if wanted.get("state") in STATE_WORDS else "",
        kind=wanted["kind"] if wanted.get("kind") in DeviceKind.values else "",
    )
    if wanted.get("format") in {"csv", "json"}:
        looks.device_list(viewer, rows, way="export")
        return log.export(request, (exported(r, names) for r in rows), "devices")
    page = one_page(request, rows, PAGE)
    looks.device_list(viewer, page["rows"], way="page")
    context = page | {
        "rows": [{"of": r, "customer": names.get(r.device.customer_id)} for r in page["rows"]],
        "count": len(rows),
        "chosen": chosen,
        "with_health": any(r.health for r in rows),
        "with_inventory": any(r.inventory for r in rows),
        "states": STATE_WORDS.items(),
        "kinds": DeviceKind.choices,
    }
    return shown(request, "partner/devices.html", context)


def _names(request: PageRequest) -> dict[Any, Organization]:
    return {c.pk: c for c in relations.customers(request.viewer)}


def exported(row: DeviceRow, names: dict[Any, Organization]) -> dict[str, Any]:
    """Equal columns for all rows; empty where the customer does not share the kind of data."""
    customer, health, inventory = names.get(row.device.customer_id), row.health, row.inventory
    return {
        "device": row.device.public_id,
        "label": row.device.label,
        "kind": row.device.kind,
        "customer": customer.name if customer else "",
        "site": row.site.name,
        "state": row.state_word,
        "score": health.score if health else None,
        "last_report_at": health.last_seen_at if health else None,
        "vendor": inventory.vendor if inventory else "",
        "model": inventory.model if inventory else "",
        "serial": inventory.serial if inventory else "",
        "software_version": inventory.software_version if inventory else "",
    }


@for_partner
def page(request: PageRequest, partner_slug: str, public_id: str) -> HttpResponse:
    viewer, base = request.viewer, base_of(request.viewer)
    found = Device.objects.visible_to(viewer).select_related("site", "customer")
    device = get_object_or_404(found, public_id=public_id)
    context = device_context(viewer, device, span=request.GET.get("range", "24h"), base=base)
    looks.device(viewer, device, context["categories"], way="page")
    customer = device.customer
    ask_url = f"{base}/access/ask?customer={customer.public_id}&site={device.site.public_id}"
    return shown(request, "partner/device.html", context | {"customer": customer, "ask_url": ask_url})
