"""Devices: list, one device with its forecast and readings, adding, keys."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.views.decorators.http import require_POST

from access import policy
from access.models import SHAREABLE, Category, Grant, Site
from access.viewer import Viewer
from access.views.pages import PageRequest, acted, for_customer
from telemetry import connecting, enrolment, fleet, lifecycle, looks, readings, refusals, summaries
from telemetry.analysis import projection
from telemetry.analysis.findings import Finding
from telemetry.forms import DeviceForm, EditDeviceForm
from telemetry.models import (
    Alert,
    ClaimCode,
    ConfigurationSnapshot,
    Device,
    DeviceEvent,
    DeviceHealth,
    DeviceInventory,
    DeviceKind,
    Forecast,
    InventoryChange,
    Severity,
    TrafficFigures,
)
from telemetry.refusals import RefusalRow
from telemetry.summaries import STATE_WORDS
from telemetry.views import exports

RANGES = {
    "6h": timedelta(hours=6),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
    "1y": timedelta(days=365),
}
PAGE = 75
FIRST_CHANGES, ALL_CHANGES = 8, 500
ERROR = 3  # of the eight severities of RFC 5424; 4 is a warning
EVENT_WORDS = {"callhome.test": _lazy("Connection works")}
# As people call them; a part ("component psu/1A") goes by its own name.
FIELDS = {
    "vendor": "Maker",
    "model": "Model",
    "serial": "Serial",
    "mac": "MAC address",
    "hostname": "Host name",
    "address": "Address",
    "software": "Software",
    "parent": "Connected to",
}
RANGE_WORDS = {"6h": "6 hours", "24h": "24 hours", "7d": "7 days", "30d": "30 days", "1y": "1 year"}


@for_customer
def index(request: PageRequest) -> HttpResponse:
    wanted = request.GET
    site = Site.objects.visible_to(request.viewer).filter(public_id=wanted.get("site", "")).first()
    rows = summaries.devices(
        request.viewer,
        sites=[site.pk] if site else None,
        search=wanted.get("q", "").strip(),
        state=wanted.get("state", "") if wanted.get("state") in STATE_WORDS else "",
        kind=wanted.get("kind", "") if wanted.get("kind") in DeviceKind.values else "",
    )
    if exports.wanted(request):
        looks.device_list(request.viewer, rows, way="page")
        return exports.devices(request, rows)
    page = Paginator(rows, PAGE).get_page(wanted.get("page"))
    looks.device_list(request.viewer, page, way="page")
    return render(
        request,
        "portal/devices.html",
        {
            "rows": page,
            "page": page,
            "site": site,
            "states": STATE_WORDS.items(),
            "kinds": DeviceKind.choices,
            "filtered": bool(site or any(wanted.get(name) for name in ("q", "state", "kind"))),
        },
    )


@for_customer
def page(request: PageRequest, public_id: str) -> HttpResponse:
    device = get_object_or_404(Device.objects.visible_to(request.viewer).select_related("site"), public_id=public_id)
    wanted = request.GET
    context = device_context(
        request.viewer, device, span=wanted.get("range", "24h"), all_changes=wanted.get("changes") == "all"
    )
    looks.device(request.viewer, device, context["categories"], way="page")
    context["refused"] = _refused_since(request.viewer, device, context["health"])
    grants = Grant.objects.visible_to(request.viewer).live().filter(site=device.site_id).select_related("partner")
    return render(request, "portal/device.html", context | {"grants": grants})


def _refused_since(viewer: Viewer, device: Device, health: DeviceHealth | None) -> list[RefusalRow]:
    """Refused reports of the last day, if none was taken since the newest of them: then nothing is wrong any more."""
    rows = refusals.rows(viewer, device=device)
    heard = health.last_seen_at if health else None
    return rows if heard is None or any(row.refusal.last_at > heard for row in rows) else []


def categories_of(viewer: Viewer, device: Device) -> frozenset[Category]:
    """Kinds of data of this device that the viewer may see, in one query each at most five."""
    if viewer.is_customer:
        return frozenset(SHAREABLE)
    return policy.categories_held(viewer, device.site_id)


def device_context(
    viewer: Viewer, device: Device, *, span: str = "24h", base: str = "", all_changes: bool = False
) -> dict[str, Any]:
    """Everything the page of one device shows this viewer; what is not shared is absent, not hidden."""
    shown = categories_of(viewer, device)
    span = span if span in RANGES else "24h"
    health = DeviceHealth.objects.visible_to(viewer).filter(device=device).first()
    inventory = DeviceInventory.objects.visible_to(viewer).filter(device=device).select_related("parent").first()
    found = Alert.objects.visible_to(viewer).open().filter(device=device).most_urgent_first()
    alerts = summaries.alerts(viewer, found, devices={device.pk: device})
    return {
        "device": device,
        "site": device.site,
        "base": base,
        "categories": shown,
        "not_shared": [c for c in SHAREABLE if c not in shown],
        "health": health,
        "reasons": _reasons(health),
        "noticed": [text for text, points in health.reasons if not points] if health else [],
        "inventory": inventory,
        "lifecycle": lifecycle.of(inventory) if inventory else None,
        "changes": _changes(viewer, device, at_most=ALL_CHANGES if all_changes else FIRST_CHANGES),
        "more_changes": not all_changes,
        "alerts": alerts,
        "forecast": forecast_of(viewer, device),
        "charts": readings.charts(viewer, device, since=timezone.now() - RANGES[span], until=timezone.now()),
        "no_readings": _("No readings in this time.")
        if viewer.is_customer
        else _("No readings in this time, or none that are shared with you."),
        "latest": readings.latest_rows(viewer, device),
        "span": span,
        "spans": [{"url": f"?range={k}", "label": v, "current": k == span} for k, v in RANGE_WORDS.items()],
        "learning": _progress(device, health),
        "events": [
            {
                "row": e,
                "code": EVENT_WORDS.get(e.code) or e.code or e.component,
                "state": "risk" if e.severity <= ERROR else "watch" if e.severity == ERROR + 1 else "mute",
            }
            for e in DeviceEvent.objects.visible_to(viewer).filter(device=device).order_by("-at")[:10]
        ],
        "configurations": ConfigurationSnapshot.objects.visible_to(viewer).filter(device=device).order_by("-at")[:3],
        "is_stale": bool(
            health
            and health.last_seen_at
            and timezone.now() - health.last_seen_at > 3 * timedelta(seconds=health.interval_s)
        ),
    }


def _changes(viewer: Viewer, device: Device, *, at_most: int) -> list[dict[str, Any]]:
    """What became different in the device list, newest first; names of fields as people write them."""
    found = InventoryChange.objects.visible_to(viewer).filter(device=device).order_by("-at", "what")[:at_most]
    return [{"what": FIELDS.get(c.what, c.what), "before": c.before, "after": c.after, "at": c.at} for c in found]


def _progress(device: Device, health: DeviceHealth | None) -> dict[str, int] | None:
    """How many of the days of reports a prediction needs are there; None once there are enough, or where it is not for days."""
    needed = settings.ANALYSIS_WARM_UP_S // 86_400
    heard = len(health.daily_scores) if health else 0
    if health is None or not health.last_seen_at or device.retired_at or heard >= needed:
        return None
    return {"days": heard, "needed": needed}


def _reasons(health: DeviceHealth | None) -> list[dict[str, Any]]:
    costly = [(text, points) for text, points in health.reasons if points] if health else []
    most = max((points for _, points in costly), default=1)
    return [
        {"text": text, "share": round(100 * points / most), "state": "risk" if points >= 25 else "watch", "value": None}
        for text, points in costly
    ]


def forecast_of(viewer: Viewer, device: Device) -> dict[str, Any] | None:
    """The most pressing forecast of a device as points for the chart; without figures where those are traffic and not shared."""
    row = (
        Forecast.objects.visible_to(viewer)
        .filter(device=device, alert__resolved_at=None)
        .select_related("alert")
        .order_by("eta")
        .first()
    )
    if row is None:
        return None
    evidence = dict(row.evidence)
    if not evidence:
        figures = TrafficFigures.objects.visible_to(viewer).filter(alert=row.alert_id).values_list("figures", flat=True)
        evidence = dict(figures.first() or {})
    drawn = projection.project(_finding(row, evidence)) if evidence else None
    result: dict[str, Any] = {"row": row, "alert": row.alert}
    if drawn is None:
        return result
    scale = 100.0 if drawn.unit == "1" else 1.0

    def at(epoch: float) -> datetime:
        return datetime.fromtimestamp(epoch, UTC)

    # The early line reaches the limit first: for a quantity that rises it is the upper edge of the band.
    rises = drawn.limit >= (drawn.history[-1][1] if drawn.history else 0)
    lows, highs = (drawn.late, drawn.early) if rises else (drawn.early, drawn.late)
    return result | {
        "history": [(at(t), v * scale) for t, v in drawn.history],
        "predicted": [
            (at(t), low * scale, mid * scale, high * scale)
            for (t, mid), (_, low), (_, high) in zip(drawn.expected, lows, highs, strict=True)
        ],
        "limit": drawn.limit * scale,
        "unit": "%" if drawn.unit == "1" else drawn.unit,
        "provisional": bool(evidence.get("provisional")),
    }


def _finding(row: Forecast, evidence: dict[str, Any]) -> Finding:
    return Finding(
        rule=row.rule,
        version=1,
        kind=row.rule,
        subject=row.subject,
        severity=Severity(row.alert.severity).word,  # type: ignore[arg-type]
        title=row.alert.title,
        evidence=evidence,
        eta_lo=row.eta_lo.timestamp(),
        eta=row.eta.timestamp(),
        eta_hi=row.eta_hi.timestamp(),
    )


def _sites(request: PageRequest) -> QuerySet[Site]:
    return Site.objects.visible_to(request.viewer).filter(closed_at=None).order_by("name")


@for_customer
def claim(request: PageRequest) -> HttpResponse:
    """A claim code for a new device: shown once, with the line that uses it."""
    data = request.POST if request.method == "POST" else None
    form = DeviceForm(data, sites=_sites(request), initial={"site": request.GET.get("site", "")})
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        made: dict[str, Any] = {}
        with_key = bool(request.POST.get("with_key"))

        def act() -> None:
            if with_key:
                device = fleet.register(
                    site=said["site"],
                    label=said["label"],
                    kind=DeviceKind(said["kind"]),
                    by=request.viewer,
                    serial=said["serial"],
                    vendor=said["vendor"],
                )
                key = fleet.issue_key(device=device, by=request.viewer).secret
                made["device"] = device
                made["ways"] = connecting.by_key(
                    key, url=settings.PUBLIC_URL, device=device.public_id, now=timezone.now()
                )
            else:
                _, code = enrolment.make_code(
                    site=said["site"], label=said["label"], kind=DeviceKind(said["kind"]), by=request.viewer
                )
                made["ways"] = connecting.by_code(code, url=settings.PUBLIC_URL)

        if said["serial"] and not with_key:
            form.add_error("serial", "A device with a claim code says it by itself: leave it out, or make a key now")
        elif acted(request, act):
            return render(request, "portal/claim_made.html", made | {"label": said["label"], "site": said["site"]})
    return render(request, "portal/device_new.html", {"form": form, "codes": enrolment.open_codes(request.viewer)})


@require_POST
@for_customer
def withdraw(request: PageRequest, public_id: str) -> HttpResponse:
    code = get_object_or_404(ClaimCode.objects.visible_to(request.viewer), public_id=public_id)
    acted(
        request,
        lambda: enrolment.withdraw_code(code, by=request.viewer) or "The code is withdrawn; no device can use it.",
    )
    return redirect("claim_new")


def _notes(viewer: Viewer, device: Device) -> str:
    found = DeviceInventory.objects.visible_to(viewer).filter(device=device).values_list("notes", flat=True)
    return found.first() or ""


@for_customer
def edit(request: PageRequest, public_id: str) -> HttpResponse:
    device = get_object_or_404(Device.objects.visible_to(request.viewer).select_related("site"), public_id=public_id)
    form = EditDeviceForm(
        request.POST or None,
        sites=_sites(request),
        initial={
            "label": device.label,
            "kind": device.kind,
            "site": device.site.public_id,
            "notes": _notes(request.viewer, device),
        },
    )
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data

        def act() -> str:
            if said["site"].pk != device.site_id:  # first: it waits for whoever is closing the site
                fleet.move(device, to=said["site"], by=request.viewer)
            if (said["label"], said["kind"]) != (device.label, device.kind):
                fleet.rename(device, label=said["label"], kind=DeviceKind(said["kind"]), by=request.viewer)
            fleet.annotate(device, notes=said["notes"], by=request.viewer)
            return "Saved."

        if acted(request, act):
            return redirect("device", public_id=public_id)
    return render(request, "portal/device_edit.html", {"form": form, "device": device})


@require_POST
@for_customer
def retire(request: PageRequest, public_id: str) -> HttpResponse:
    device = get_object_or_404(Device.objects.visible_to(request.viewer), public_id=public_id)
    done = acted(
        request, lambda: fleet.retire(device, by=request.viewer) or f"{device.label} is retired; its keys are stopped."
    )
    return redirect("devices") if done else redirect("device", public_id=public_id)
