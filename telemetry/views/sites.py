from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from access import onboarding
from access.models import Grant, Site
from access.views.pages import PageRequest, acted, for_customer
from telemetry import looks, summaries
from telemetry.forms import SiteForm
from telemetry.models import Alert, Device
from telemetry.views import exports

DEVICES_SHOWN = 75  # those that need somebody first; the rest is a link away


@for_customer
def index(request: PageRequest) -> HttpResponse:
    rows = summaries.sites(request.viewer, with_alerts=exports.wanted(request))
    looks.site_list(request.viewer, rows, way="page")
    if exports.wanted(request):
        return exports.sites(request, rows)
    return render(request, "portal/sites.html", {"rows": rows})


@for_customer
def new(request: PageRequest) -> HttpResponse:
    zone = request.viewer.organization.timezone if request.viewer.organization else "UTC"
    form = SiteForm(request.POST or None, initial={"timezone": zone})
    if request.method == "POST" and form.is_valid():
        done = acted(
            request,
            lambda: (
                f"{onboarding.open_site(by=request.viewer, **form.cleaned_data).name} is added. It is shared with nobody."
            ),
        )
        if done:
            return redirect("sites")
    return render(request, "portal/site_new.html", {"form": form})


@for_customer
def edit(request: PageRequest, public_id: str) -> HttpResponse:
    site = get_object_or_404(Site.objects.visible_to(request.viewer), public_id=public_id)
    form = SiteForm(request.POST or None, initial={"name": site.name, "city": site.city, "timezone": site.timezone})
    if request.method == "POST" and form.is_valid():
        done = acted(request, lambda: onboarding.change_site(site, by=request.viewer, **form.cleaned_data) and "Saved.")
        if done:
            return redirect("site", public_id=public_id)
    return render(request, "portal/site_edit.html", {"site": site, "form": form})


@for_customer
def close(request: PageRequest, public_id: str) -> HttpResponse:
    """Asks on a page of its own first: it ends every access to the site, and its devices report no longer."""
    site = get_object_or_404(Site.objects.visible_to(request.viewer), public_id=public_id)
    if request.method == "POST":
        done = acted(
            request,
            lambda: f"{onboarding.close_site(site, by=request.viewer).name} is closed; nobody sees it any more.",
        )
        return redirect("sites") if done else redirect("site_edit", public_id=public_id)
    devices = Device.objects.visible_to(request.viewer).in_use().filter(site=site).count()
    grants = Grant.objects.visible_to(request.viewer).live().filter(site=site).select_related("partner")
    return render(request, "portal/site_close.html", {"site": site, "devices": devices, "grants": grants})


@for_customer
def page(request: PageRequest, public_id: str) -> HttpResponse:
    site = get_object_or_404(Site.objects.visible_to(request.viewer), public_id=public_id)
    devices = summaries.devices(request.viewer, sites=[site.pk])
    row = summaries.sites_of(request.viewer, [site], devices)[0]
    shown = devices[:DEVICES_SHOWN]
    looks.device_list(request.viewer, shown, way="page")
    alerts = summaries.alerts(
        request.viewer,
        Alert.objects.visible_to(request.viewer).open().filter(site=site).most_urgent_first(),
        devices={d.device.pk: d.device for d in devices},
    )
    grants = (
        Grant.objects.visible_to(request.viewer)
        .live()
        .filter(site=site)
        .select_related("partner")
        .order_by("partner__name")
    )
    return render(
        request,
        "portal/site.html",
        {"site": site, "row": row, "devices": shown, "all": len(devices), "alerts": alerts, "grants": grants},
    )
