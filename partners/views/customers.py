"""The partner's customers: who shares what until when, what each does not share, and the partner's own notes.

Of a customer that stopped, a page keeps the notes and the date; of one it never dealt with, there is no page.
"""

from collections import Counter
from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from access import sentences, viewing
from access.lengths import last_day
from access.models import Category, Grant, Organization, Site
from access.viewer import Viewer
from access.viewing import Look
from access.views import log
from access.views.pages import PageRequest, acted, for_partner
from partners import fleet, relations
from partners import notes as notebook
from partners.forms import NoteForm
from partners.relations import Dealing
from partners.views.frame import base_of, one_page, saying, shown
from telemetry.models import Alert, Device
from telemetry.summaries import AlertRow

ALERTS_SHOWN = 10


@for_partner
def index(request: PageRequest, partner_slug: str) -> HttpResponse:
    viewer = request.viewer
    health = {c.customer_id: c for c in fleet.at_a_glance(viewer)}
    wanted = request.GET.get("q", "").strip().lower()
    found = [d for d in relations.dealings(relations.grants(viewer)) if wanted in d.customer.name.lower()]
    rows = [line(d, health.get(d.customer.pk)) for d in found]
    export = request.GET.get("format") in {"csv", "json"}
    page = one_page(request, rows)
    listed = {r["dealing"].customer.pk for r in (rows if export else page["rows"])}
    seen = [c for c in health.values() if c.customer_id in listed]
    viewing.record(viewer, fleet.looks(seen), way="export" if export else "page")
    if export:
        return log.export(request, map(exported, rows), "customers")
    return shown(request, "partner/customers.html", page | {"count": len(rows)})


def line(dealing: Dealing, health: fleet.CustomerHealth | None) -> dict[str, Any]:
    end = dealing.first_end
    return {
        "dealing": dealing,
        "health": health,
        "shared": [c.value for c in dealing.shared],
        "until": last_day(end, dealing.customer) if end else None,
    }


def exported(row: dict[str, Any]) -> dict[str, Any]:
    dealing: Dealing = row["dealing"]
    health: fleet.CustomerHealth | None = row["health"]
    return {
        "customer": dealing.customer.public_id,
        "name": dealing.customer.name,
        "sites": len(dealing.live),
        "kinds": " ".join(row["shared"]),
        "until": row["until"],
        "ended_at": dealing.ended_at,
        "state": health.word if health else "",
        "score": health.score if health else None,
    }


@for_partner
def page(request: PageRequest, partner_slug: str, public_id: str) -> HttpResponse:
    viewer = request.viewer
    dealing = _dealing(viewer, public_id)
    customer = dealing.customer
    health = next(iter(fleet.at_a_glance(viewer, customer=customer.pk)), None) if dealing.live else None
    alerts = _alerts(viewer, customer) if dealing.live else []
    devices = _devices(viewer, customer) if dealing.live else Counter()
    sites = relations.sites_of(viewer, dealing.live) if dealing.live else {}
    listed = sorted((g for g in dealing.live if g.site_id in sites), key=lambda g: sites[g.site_id].name)
    viewing.record(viewer, _looks(customer, sites, health, alerts, devices), way="page")
    context = {
        "customer": customer,
        "header": header(dealing),
        "dealing": dealing,
        "health": health,
        "sites": [_site_line(g, sites[g.site_id], health, devices) for g in listed],
        "alerts": alerts,
        "devices": sum(devices.values()),
        "sees_health": Category.HEALTH in dealing.shared,
        "hidden": [{"value": c.value, "label": c.label, "help": sentences.DETAILS[c]} for c in dealing.hidden],
        "ask_url": f"{base_of(viewer)}/access/ask?customer={customer.public_id}",
        "why": relations.why_it_ended(dealing.over[0]) if dealing.ended_at else "",
        "notes": relations.notes(viewer).filter(about=customer),
        "note_form": NoteForm(),
    }
    return shown(request, "partner/customer.html", context)


def _dealing(viewer: Viewer, public_id: str) -> Dealing:
    """Grants of one customer, or a contract with it alone; 404 for one this partner never dealt with."""
    found = relations.dealings(relations.grants(viewer).filter(customer__public_id=public_id))
    return found[0] if found else Dealing(get_object_or_404(relations.customers(viewer), public_id=public_id))


def header(dealing: Dealing) -> str:
    """'You see 2 sites: device list, and health and alerts. Until 3 December 2026.'"""
    end = dealing.first_end
    if end is None:
        return "Nothing is shared with you now."
    sites = len(dealing.live)
    day = sentences.day(last_day(end, dealing.customer))
    until = f"The first of it ends on {day}." if dealing.ends_differ else f"Until {day}."
    return f"You see {sites} site{'' if sites == 1 else 's'}: {sentences.categories(dealing.shared)}. {until}"


def _site_line(grant: Grant, site: Site, health: fleet.CustomerHealth | None, devices: Counter[UUID]) -> dict[str, Any]:
    return {
        "grant": grant,
        "name": site.name,
        "until": last_day(grant.expires_at, grant.customer),
        "health": health.sites.get(grant.site_id) if health else None,
        "devices": devices[grant.site_id],
    }


def _devices(viewer: Viewer, customer: Organization) -> Counter[UUID]:
    """Devices in use at each of its sites that share anything."""
    found = Device.objects.visible_to(viewer).filter(customer=customer, retired_at=None)
    return Counter(found.values_list("site", flat=True))


def _alerts(viewer: Viewer, customer: Organization) -> list[AlertRow]:
    """Open ones, most urgent first, in one query: an open alert's device is where the alert is."""
    found = Alert.objects.visible_to(viewer).filter(customer=customer, resolved_at=None)
    return [
        AlertRow(a, a.device, a.site)
        for a in found.select_related("device", "site").order_by("-severity", "-opened_at")[:ALERTS_SHOWN]
    ]


def _looks(
    customer: Organization,
    sites: dict[UUID, Site],
    health: fleet.CustomerHealth | None,
    alerts: list[AlertRow],
    devices: Counter[UUID],
) -> list[Look]:
    """Health where it is shared; at the other sites the look was at their names and the number of devices."""
    looked = fleet.looks([health] if health else [], alerts)
    covered = {look.site_id for look in looked}
    return looked + [
        Look(customer.pk, Category.ANY, pk, "site", site.name, [site.public_id], max(devices[pk], 1))
        for pk, site in sites.items()
        if pk not in covered
    ]


@require_POST
@for_partner
def add_note(request: PageRequest, partner_slug: str, public_id: str) -> HttpResponse:
    customer = _dealing(request.viewer, public_id).customer
    words = request.POST.get("text", "")
    acted(request, saying("Noted.", lambda: notebook.write(about=customer, text=words, by=request.viewer)))
    return redirect(f"{base_of(request.viewer)}/customers/{customer.public_id}")


@require_POST
@for_partner
def remove_note(request: PageRequest, partner_slug: str, public_id: str, note_id: str) -> HttpResponse:
    customer = _dealing(request.viewer, public_id).customer
    note = relations.notes(request.viewer).filter(about=customer, public_id=note_id).first()
    if note is None:
        raise Http404
    acted(request, saying("The note is gone.", lambda: notebook.remove(note, by=request.viewer)))
    return redirect(f"{base_of(request.viewer)}/customers/{customer.public_id}")
