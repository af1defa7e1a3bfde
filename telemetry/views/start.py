"""The first device in under five minutes: site, kind, copy one line, wait for the first report, and who may see it: nobody."""

from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from access import onboarding
from access.models import Grant, Site
from access.views.pages import PageRequest, acted, for_customer
from telemetry import fleet
from telemetry.forms import SiteForm
from telemetry.models import AnalysisDue, Device, DeviceHealth, DeviceKind, KeyChannel

KINDS = (
    (DeviceKind.FIREWALL, "firewall", "Firewall or router"),
    (DeviceKind.SWITCH, "switch", "Switch"),
    (DeviceKind.ACCESS_POINT, "antenna", "Access point"),
    (DeviceKind.OTHER, "server", "Something else"),
)
STEPS = ("Site", "Device", "Connect", "Who can see")


@for_customer
def start(request: PageRequest) -> HttpResponse:
    """Step by step; each step is a page of its own, complete without JavaScript."""
    sites = Site.objects.visible_to(request.viewer).filter(closed_at=None).order_by("name")
    if request.method == "POST" and request.POST.get("kind") in DeviceKind.values:
        return _connect(request)
    if not sites:
        return _first_site(request)
    chosen = sites.filter(public_id=request.GET.get("site", "")).first() or sites[0]
    return render(request, "portal/start.html", _steps(1) | {"sites": sites, "chosen": chosen, "kinds": KINDS})


def _steps(now: int) -> dict[str, Any]:
    return {
        "steps": [
            {"label": label, "state": "done" if n < now else "now" if n == now else ""} for n, label in enumerate(STEPS)
        ]
    }


def _first_site(request: PageRequest) -> HttpResponse:
    zone = request.viewer.organization.timezone if request.viewer.organization else "UTC"
    form = SiteForm(request.POST or None, initial={"timezone": zone})
    valid = request.method == "POST" and form.is_valid()
    if valid and acted(request, lambda: onboarding.open_site(by=request.viewer, **form.cleaned_data) and None):
        return redirect("start")
    return render(request, "portal/start_site.html", _steps(0) | {"form": form})


def _connect(request: PageRequest) -> HttpResponse:
    """Register the device and show its key, now and never again, in the line that sends its first report."""
    site = get_object_or_404(
        Site.objects.visible_to(request.viewer).filter(closed_at=None), public_id=request.POST.get("site", "")
    )
    kind = DeviceKind(request.POST["kind"])
    made: dict[str, Any] = {}

    def act() -> None:
        count = Device.objects.visible_to(request.viewer).filter(site=site, kind=kind).count()
        label = request.POST.get("label", "").strip() or f"{kind.label} {count + 1}"
        made["device"] = fleet.register(site=site, label=label, kind=kind, by=request.viewer)
        made["key"] = fleet.issue_key(device=made["device"], by=request.viewer).secret
        made["path_key"] = fleet.issue_key(device=made["device"], by=request.viewer, channel=KeyChannel.PATH).secret

    if not acted(request, act):
        return redirect("start")
    return render(
        request,
        "portal/start_connect.html",
        _steps(2)
        | made
        | {"lines": lines(made["key"], made["device"]), "waits": True, "public_url": settings.PUBLIC_URL},
    )


def lines(key: str, device: Device) -> str:
    """A first report with nothing but curl: what a person pastes into a terminal on the device or beside it."""
    return (
        f"curl -sS {settings.PUBLIC_URL}/ingest/v1/reports -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' -d "
        '"{\\"schema\\":\\"smartcare.report/1\\",\\"report_id\\":\\"$(cat /proc/sys/kernel/random/uuid)\\",'
        '\\"sent_at\\":\\"$(date -u +%Y-%m-%dT%H:%M:%SZ)\\",\\"interval_s\\":300,\\"devices\\":[{\\"ref\\":\\"d1\\",'
        f'\\"identity\\":{{\\"device_id\\":\\"{device.public_id}\\"}},'
        '\\"uptime_s\\":$(cut -d. -f1 /proc/uptime),'
        '\\"samples\\":[{\\"m\\":\\"device.uptime\\",\\"v\\":$(cut -d. -f1 /proc/uptime)}]}]}"'
    )


def heard(request: PageRequest, device: Device) -> bool:
    """Whether the device has reported: also when the report is stored but not analysed yet."""
    if AnalysisDue.objects.filter(device=device).exists():
        return True
    return DeviceHealth.objects.visible_to(request.viewer).filter(device=device, last_seen_at__isnull=False).exists()


@for_customer
def waiting(request: PageRequest, public_id: str) -> HttpResponse:
    """Polled every two seconds by the page, or opened by hand: has the first report come?"""
    device = get_object_or_404(Device.objects.visible_to(request.viewer).select_related("site"), public_id=public_id)
    context = _steps(2) | {"device": device, "heard": heard(request, device), "waits": True}
    fragment = request.headers.get("HX-Request") == "true"
    return render(request, "portal/_start_waiting.html" if fragment else "portal/start_wait.html", context)


@for_customer
def share(request: PageRequest, public_id: str) -> HttpResponse:
    """The last step says it out loud: who may see this? Nobody, until you decide."""
    device = get_object_or_404(Device.objects.visible_to(request.viewer).select_related("site"), public_id=public_id)
    grants = Grant.objects.visible_to(request.viewer).live().filter(site=device.site).select_related("partner")
    return render(request, "portal/start_share.html", _steps(3) | {"device": device, "grants": grants})
