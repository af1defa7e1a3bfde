"""The consent form's preview, and "look as this partner": the partner's own queries under the draft, rolled back afterwards (A21)."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from access import policy
from access.models import SHAREABLE, Category, Site
from access.preview import looking_as
from access.viewer import Viewer
from access.views.drafts import Draft, form_context, read_draft
from access.views.pages import PageRequest, for_customer
from telemetry import summaries
from telemetry.models import Alert, ConfigurationSnapshot

ICONS = {
    Category.INVENTORY: "list",
    Category.HEALTH: "health",
    Category.TRAFFIC: "traffic",
    Category.CONFIGURATION: "config",
    Category.CONTRACTS: "contract",
}


@for_customer
def fragment(request: PageRequest) -> HttpResponse:
    """Beside the form: with htmx a fragment at each change, else a page of its own."""
    draft = read_draft(request, request.GET)
    is_part = bool(request.headers.get("HX-Request"))
    context = form_context(request, draft) | {"is_swapped": is_part}
    if is_part and request.GET.get("part") == "act":
        return render(request, "portal/_grant_act.html", context)
    if draft.is_complete:
        context["seen"] = what_they_see(request.viewer, draft)
    context["back_url"] = f"{reverse('give')}?{request.GET.urlencode()}"
    return render(request, "portal/_grant_preview.html" if is_part else "portal/preview.html", context)


def what_they_see(viewer: Viewer, draft: Draft) -> list[dict[str, Any]]:
    """The five kinds with the customer's own data, exactly as the partner would get it under the draft."""
    customer = viewer.organization
    assert customer is not None
    assert draft.partner is not None
    with looking_as(viewer, draft.partner, sites=draft.sites, terms=draft.terms(customer)) as as_partner:
        devices = summaries.devices(as_partner, sites=[s.pk for s in draft.sites])
        alerts = summaries.alerts(
            as_partner,
            Alert.objects.visible_to(as_partner).open().filter(site__in=draft.sites).most_urgent_first(),
            limit=3,
        )
        configurations = ConfigurationSnapshot.objects.visible_to(as_partner).filter(site__in=draft.sites).count()
        scores = [r.health.score for r in devices if r.health and r.health.score is not None]
    texts = {
        Category.INVENTORY: (f"{len(devices)} device{'' if len(devices) == 1 else 's'}", _names(devices)),
        Category.HEALTH: (
            f"Health {round(sum(scores) / len(scores))}" if scores else "Health",
            f"{len(alerts)} open alert{'' if len(alerts) == 1 else 's'}"
            + (f": {alerts[0].alert.title}" if alerts else ""),
        ),
        Category.TRAFFIC: ("Traffic totals", "How much, never what"),
        Category.CONFIGURATION: ("Configuration", f"{configurations} kept" if configurations else "None is kept yet"),
        Category.CONTRACTS: ("Contracts", "Support end dates and prices"),
    }
    return [
        {
            "icon": ICONS[c],
            "title": texts[c][0] if c in draft.categories else c.label,
            "text": texts[c][1],
            "shared": c in draft.categories,
        }
        for c in SHAREABLE
    ]


def _names(rows: list[summaries.DeviceRow]) -> str:
    names = [r.device.label for r in rows[:3]]
    more = len(rows) - len(names)
    return ", ".join(names) + (f" and {more} more" if more > 0 else "")


@for_customer
def look_as(request: PageRequest, public_id: str) -> HttpResponse:
    """The partner's whole view of this customer, under its live grants or under the draft of the query string. Read-only."""
    partner = get_object_or_404(policy.directory(), public_id=public_id)
    draft = read_draft(request, request.GET)
    customer = request.viewer.organization
    assert customer is not None
    terms = draft.terms(customer) if draft.partner == partner and draft.is_complete else None
    with looking_as(request.viewer, partner, sites=draft.sites if terms else (), terms=terms) as as_partner:
        devices = summaries.devices(as_partner, customer=customer.pk)
        sites = Site.objects.visible_to(as_partner).filter(customer=customer, closed_at=None).order_by("name")
        context = {
            "partner": partner,
            "is_draft": terms is not None,
            "back_url": f"{reverse('give')}?{request.GET.urlencode()}" if terms else reverse("access"),
            "sites": summaries.sites_of(as_partner, sites, devices),
            "devices": devices,
            "alerts": summaries.alerts(
                as_partner,
                Alert.objects.visible_to(as_partner).open().filter(customer=customer).most_urgent_first(),
                limit=20,
                devices={d.device.pk: d.device for d in devices},
            ),
        }
    return render(request, "portal/look_as.html", context)
