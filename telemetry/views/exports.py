"""The customer's lists as files: the same rows under the same filters as the page, as CSV or JSON."""

from collections.abc import Iterable
from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404

from access.views.log import export
from access.views.pages import PageRequest, for_customer
from telemetry import readings
from telemetry.models import Device
from telemetry.spans import span_of
from telemetry.summaries import AlertRow, DeviceRow, SiteRow


def wanted(request: PageRequest) -> bool:
    return request.GET.get("format") in {"csv", "json"}


def devices(request: PageRequest, rows: Iterable[DeviceRow]) -> HttpResponse:
    return export(request, (_device(r) for r in rows), "devices")


def _device(row: DeviceRow) -> dict[str, Any]:
    inventory, health = row.inventory, row.health
    return {
        "id": row.device.public_id,
        "name": row.device.label,
        "kind": row.device.kind,
        "site": row.site.name,
        "state": row.state_word,
        "score": health.score if health else None,
        "open_alerts": row.open_alerts,
        "last_report": health.last_seen_at if health else None,
        "vendor": inventory.vendor if inventory else "",
        "model": inventory.model if inventory else "",
        "serial": inventory.serial if inventory else "",
        "software": inventory.software_version if inventory else "",
    }


def alerts(request: PageRequest, rows: Iterable[AlertRow]) -> HttpResponse:
    return export(
        request,
        (
            {
                "id": r.alert.public_id,
                "severity": r.alert.severity_word,
                "title": r.alert.title,
                "device": r.device.label,
                "site": r.site.name,
                "opened_at": r.alert.opened_at,
                "resolved_at": r.alert.resolved_at,
                "expected": r.alert.eta,
                "taken": r.taken,
            }
            for r in rows
        ),
        "alerts",
    )


def sites(request: PageRequest, rows: Iterable[SiteRow]) -> HttpResponse:
    return export(
        request,
        (
            {
                "id": r.site.public_id,
                "name": r.site.name,
                "city": r.site.city,
                "devices": r.devices,
                "score": r.score,
                "open_alerts": r.open_alerts,
            }
            for r in rows
        ),
        "sites",
    )


@for_customer
def device_readings(request: PageRequest, public_id: str) -> HttpResponse:
    """One metric of a device as a file: ?metric=&from=&to=&step=&format=csv|json, the parameters of the API."""
    device = get_object_or_404(Device.objects.visible_to(request.viewer), public_id=public_id)
    since, until, step_s = span_of(request.GET)
    found = readings.series(
        request.viewer,
        device,
        request.GET.get("metric", ""),
        instance=request.GET.get("instance"),
        since=since,
        until=until,
        step_s=step_s,
    )
    rows = (
        {
            "time": point[0],
            "instance": series["instance"],
            "labels": " ".join(series["labels"].values()),
            "value": point[1],
            "least": point[2] if len(point) > 2 else None,
            "most": point[3] if len(point) > 3 else None,
            "unit": found["unit"],
        }
        for series in found["series"]
        for point in series["points"]
    )
    if not wanted(request):
        query = request.GET.copy()
        query["format"] = "csv"
        request.GET = query  # type: ignore[assignment]  # the stubs know the immutable one alone
    return export(request, rows, "readings")
