"""The first device in under five minutes: site, kind, copy one line, wait for the first report, and who may see it: nobody."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from access import onboarding
from access.models import Grant, Site
from access.views.numbers import whole
from access.views.pages import PageRequest, acted, for_customer
from telemetry import connecting, fleet, refusals
from telemetry.forms import SiteForm
from telemetry.models import AnalysisDue, Device, DeviceHealth, DeviceKey, DeviceKind, KeyChannel
from telemetry.refusals import RefusalRow

KINDS: Final = (
    (DeviceKind.FIREWALL, "firewall", gettext_lazy("Firewall or router")),
    (DeviceKind.SWITCH, "switch", gettext_lazy("Switch")),
    (DeviceKind.ACCESS_POINT, "antenna", gettext_lazy("Access point")),
    (DeviceKind.OTHER, "server", gettext_lazy("Something else")),
)
LATE_S: Final = 120
PATIENCE_S: Final = 600
NO_MORE_POLLING: Final = 286  # htmx: take this answer and do not ask again
NOTHING_NEW: Final = 204


@for_customer
def start(request: PageRequest) -> HttpResponse:
    """Step by step; each step is a page of its own, complete without JavaScript."""
    sites = Site.objects.visible_to(request.viewer).filter(closed_at=None).order_by("name")
    if request.method == "POST" and request.POST.get("kind") in DeviceKind.values:
        return _connect(request)
    if not sites:
        return _first_site(request)
    chosen = sites.filter(public_id=request.GET.get("site", "")).first() or sites[0]
    context = {"sites": sites, "chosen": chosen, "kinds": KINDS, "refused": refusals.rows(request.viewer)}
    return render(request, "portal/start.html", context | {"steps": _steps(1)})


def _steps(now: int, *names: str) -> list[dict[str, str]]:
    """names: what was chosen in the first steps."""
    labels = (_("Site"), _("Device"), _("First report"), _("Who can see"))
    icons = ("building", "router", "wait", "eye")
    chosen = dict(enumerate(names))
    return [
        {
            "label": f"{label}: {chosen[n]}" if chosen.get(n) else label,
            "icon": icon,
            "state": "done" if n < now else "now" if n == now else "",
        }
        for n, (label, icon) in enumerate(zip(labels, icons, strict=True))
    ]


def _steps_of(device: Device, now: int) -> list[dict[str, str]]:
    return _steps(now, device.site.name, device.label)


def _first_site(request: PageRequest) -> HttpResponse:
    zone = request.viewer.organization.timezone if request.viewer.organization else "UTC"
    form = SiteForm(request.POST or None, initial={"timezone": zone})
    valid = request.method == "POST" and form.is_valid()
    if valid and acted(request, lambda: onboarding.open_site(by=request.viewer, **form.cleaned_data) and None):
        return redirect("start")
    return render(request, "portal/start_site.html", {"form": form, "steps": _steps(0)})


def _connect(request: PageRequest) -> HttpResponse:
    """Register the device and show its key, now and never again, in the line that sends its first report."""
    site = get_object_or_404(
        Site.objects.visible_to(request.viewer).filter(closed_at=None), public_id=request.POST.get("site", "")
    )
    kind = DeviceKind(request.POST["kind"])
    channel = KeyChannel.PATH if request.POST.get("sends") == KeyChannel.PATH else KeyChannel.HEADER
    made: dict[str, Any] = {}

    def act() -> None:
        count = Device.objects.visible_to(request.viewer).filter(site=site, kind=kind).count()
        label = request.POST.get("label", "").strip()[:120] or f"{kind.label} {count + 1}"
        made["device"] = fleet.register(site=site, label=label, kind=kind, by=request.viewer)
        made["key"] = fleet.issue_key(device=made["device"], by=request.viewer, channel=channel).secret

    if not acted(request, act):
        return redirect("start")
    context = _page(request, made["device"]) | _ways(made["key"], made["device"], channel)
    return render(request, "portal/start_connect.html", context)


def _ways(key: str, device: Device, channel: KeyChannel) -> dict[str, Any]:
    url = settings.PUBLIC_URL
    if channel == KeyChannel.PATH:
        return {"ways": connecting.by_address(key, url=url)}
    return {"ways": connecting.by_key(key, url=url, device=device.public_id, now=timezone.now())}


def heard(request: PageRequest, device: Device) -> bool:
    """Whether the device has reported: also when the report is stored but not analysed yet."""
    if AnalysisDue.objects.filter(device=device).exists():
        return True
    return DeviceHealth.objects.visible_to(request.viewer).filter(device=device, last_seen_at__isnull=False).exists()


@dataclass(frozen=True, slots=True)
class Waiting:
    """Where it stands. since: when the page began to wait, seconds since 1970; it travels in the page's own links."""

    device: Device
    heard: bool
    since: int
    refused: list[RefusalRow]
    key: DeviceKey | None

    @property
    def waited_s(self) -> int:
        return max(0, int(time.time()) - self.since)

    @property
    def is_late(self) -> bool:
        return self.waited_s >= LATE_S

    @property
    def is_over(self) -> bool:
        """The page asks no more by itself."""
        return self.heard or self.waited_s >= PATIENCE_S

    @property
    def mark(self) -> str:
        """Changes with what the page would show."""
        told = "-".join(f"{r.refusal.code}.{r.refusal.times}" for r in self.refused)
        return f"{self.heard:d}{self.is_late:d}{self.is_over:d}{told}"


def _wait(request: PageRequest, device: Device) -> dict[str, Any]:
    keys = DeviceKey.objects.visible_to(request.viewer).filter(device=device).select_related("created_by")
    waiting = Waiting(
        device=device,
        heard=heard(request, device),
        since=_since(request.GET),
        refused=refusals.rows(request.viewer, device=device),
        key=keys.order_by("-created_at").first(),
    )
    return {"device": device, "waiting": waiting}


def _page(request: PageRequest, device: Device) -> dict[str, Any]:
    """The whole page around it."""
    grants = Grant.objects.visible_to(request.viewer).live().filter(site=device.site).select_related("partner")
    return _wait(request, device) | {
        "site": device.site,
        "grants": grants.order_by("partner__name"),
        "steps": _steps_of(device, 2),
        "host": settings.PUBLIC_URL,
    }


def _since(wanted: Mapping[str, str]) -> int:
    """Of the query string, if it is a moment of the last day; else now."""
    now = int(time.time())
    return whole(wanted.get("since"), least=now - 86_399, most=now) or now


def _device(request: PageRequest, public_id: str) -> Device:
    found = Device.objects.visible_to(request.viewer).select_related("site")
    device: Device = get_object_or_404(found, public_id=public_id)
    return device


@for_customer
def waiting(request: PageRequest, public_id: str) -> HttpResponse:
    """Asked every two seconds by the page, or opened by hand: has the first report come? Nothing new: no words."""
    device = _device(request, public_id)
    if request.headers.get("HX-Request") != "true":
        return render(request, "portal/start_wait.html", _page(request, device))
    context = _wait(request, device)
    now: Waiting = context["waiting"]
    if now.mark == request.GET.get("had") and not now.is_over:
        return HttpResponse(status=NOTHING_NEW)
    return render(request, "portal/_start_waiting.html", context, status=NO_MORE_POLLING if now.is_over else None)


@require_POST
@for_customer
def try_key(request: PageRequest, public_id: str) -> HttpResponse:
    """Test from the browser: it reaches this server, and the key that was pasted is right, or what is wrong with it."""
    device = _device(request, public_id)
    code = refusals.judged(request.POST.get("key", ""), device=device, viewer=request.viewer)
    context = {"tried": True, "verdict": VERDICTS.get(code) or refusals.REASONS.get(code), "device": device}
    if request.headers.get("HX-Request") == "true":
        return render(request, "portal/_start_verdict.html", context)
    return render(request, "portal/start_wait.html", _page(request, device) | context)


VERDICTS: Final = {
    "other_key": refusals.Reason(
        gettext_lazy("This is not a key of this device"),
        gettext_lazy("Copy the key that was shown for it, or make a new one under Keys."),
    ),
}


@for_customer
def share(request: PageRequest, public_id: str) -> HttpResponse:
    """The last step says it out loud: who may see this? Nobody, until you decide."""
    device = _device(request, public_id)
    grants = Grant.objects.visible_to(request.viewer).live().filter(site=device.site).select_related("partner")
    return render(
        request, "portal/start_share.html", {"device": device, "grants": grants, "steps": _steps_of(device, 3)}
    )
