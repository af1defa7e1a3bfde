"""The portal's first page: is all well? Shows all packages at once, each through the viewer's own door."""

from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from access.models import AccessRequest, Grant, Organization, Site, User, ViewingEntry
from access.viewer import Viewer
from access.views.pages import PageRequest, for_customer, sign_in_first
from partners import tenders
from smartcare.accounts import home_of
from smartcare.navigation import counted, in_the_menu
from telemetry import looks, summaries
from telemetry.models import Alert, Forecast, Severity

STATE_OF = {Severity.CRITICAL: "down", Severity.MAJOR: "risk", Severity.WARNING: "watch", Severity.INFO: "watch"}
DAYS_AHEAD = 90
KEYS = [
    {"keys": keys.split(), "does": does}
    for keys, does in (
        ("/", "Search"),
        ("?", "This list"),
        ("g o", "Overview or triage"),
        ("g d", "Devices"),
        ("g a", "Alerts"),
        ("g s", "Who can see"),
        ("j k", "Next and previous row"),
        ("Enter", "Open the row"),
        ("e", "Take an alert"),
        ("s", "Snooze an alert"),
    )
]


@for_customer
def overview(request: PageRequest) -> HttpResponse:
    viewer = request.viewer
    sites = summaries.sites(viewer)
    open_alerts = Alert.objects.visible_to(viewer).open().select_related("device")  # a customer's own: always visible
    listed = list(open_alerts.select_related("claimed_by", "customer", "site").most_urgent_first()[:5])
    urgent = summaries.alert_rows(viewer, listed, devices={a.device_id: a.device for a in listed})
    looks.site_list(viewer, sites, way="page")
    devices = sum(s.devices for s in sites)
    alerts, requests, offers, partners, caught = counted(
        viewer,
        *in_the_menu(viewer),
        Organization.objects.filter(pk__in=seeing(viewer)),
        Forecast.objects.visible_to(viewer),
    )
    request.menu_counts = (alerts, requests, offers)  # type: ignore[attr-defined]  # for smartcare/navigation.py
    since = timezone.now() - timedelta(hours=24)
    context: dict[str, Any] = {
        "sites": sites,
        "verdict": summaries.verdict(sites, urgent),
        "alerts": alerts,
        "devices": devices,
        "reporting": sum(s.reporting(since) for s in sites),
        "partners": partners,
        "caught": caught,
        "coming": coming(viewer),
        "tenders": tenders.with_offers(viewer)[:3] if offers else (),
        "requests": AccessRequest.objects.visible_to(viewer).waiting().select_related("partner")[:3],
        "looked": ViewingEntry.objects.visible_to(viewer).order_by("-at")[:4],
        "today": timezone.now().date(),
        "first_day": timezone.now().date() - timedelta(days=89),
        "zone": viewer.organization.timezone if viewer.organization else "UTC",
        "live": True,
    }
    context["days"] = [
        {"site": s.site, "score": s.score, "states": days(s.daily_scores)} for s in sites if s.daily_scores
    ]
    return render(request, "portal/home.html", context)


def seeing(viewer: Viewer) -> QuerySet[Any]:
    """Keys of the partners that see something of this customer now."""
    return Grant.objects.visible_to(viewer).live().values("partner")


def coming(viewer: Viewer) -> list[dict[str, Any]]:
    """Dated predictions of the next 90 days, the earliest first."""
    until = timezone.now() + timedelta(days=DAYS_AHEAD)
    found = (
        Forecast.objects.visible_to(viewer)
        .filter(alert__resolved_at=None, eta__lt=until)
        .select_related("alert", "device", "site")
    )
    return [
        {
            "at": f.eta.date(),
            "state": STATE_OF[Severity(f.alert.severity)],
            "title": f"{f.device.label}: {f.alert.title}",
            "detail": f.site.name,
            "earliest": f.eta_lo.date(),
            "latest": min(f.eta_hi, until).date(),
            "url": f"/alerts/{f.alert.public_id}",
        }
        for f in found.order_by("eta")[:8]
    ]


def days(scores: list[float]) -> list[str]:
    """One state a day for the last 90, oldest first; days before the first report are "no report"."""
    known = [summaries.band(round(s)) for s in scores[-90:]]
    return ["mute"] * (90 - len(known)) + known


def home(request: PageRequest) -> HttpResponse:
    """Where this person belongs: portal, a partner's triage, staff console, or the start of a new company."""
    if not request.user.is_authenticated:
        return sign_in_first(request)
    assert isinstance(request.user, User)
    return redirect(home_of(request.user))


@for_customer
def search(request: PageRequest) -> HttpResponse:
    """Devices, sites and serials that this viewer may see."""
    wanted = request.GET.get("q", "").strip()
    rows = summaries.devices(request.viewer, search=wanted, limit=50) if wanted else []
    sites = Site.objects.visible_to(request.viewer).filter(closed_at=None, name__icontains=wanted) if wanted else ()
    looks.device_list(request.viewer, rows, way="page")
    return render(request, "portal/search.html", {"q": wanted, "rows": rows, "sites": sites})


def shortcuts(request: PageRequest) -> HttpResponse:
    if request.method == "POST" and isinstance(request.user, User):
        request.user.keyboard_shortcuts = bool(request.POST.get("on"))
        request.user.save(update_fields=["keyboard_shortcuts"])
        return redirect("shortcuts")
    return render(request, "portal/shortcuts.html", {"keys": KEYS})


def how_we_check(request: PageRequest) -> HttpResponse:
    return render(request, "portal/how_we_check.html")
