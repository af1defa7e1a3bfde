"""Answer a partner's request: phone first, two taps, yes and no of the same size. Nothing acts by GET; a mail's link opens this page."""

from typing import Any

from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from access import requests, sentences
from access.errors import Invalid
from access.lengths import OFFERED, end_after, last_day
from access.models import AccessRequest, Grant, RequestState, Site
from access.requests import Answer
from access.views.grants import LENGTH_WORDS
from access.views.pages import PageRequest, acted, for_customer


def _answer(request: AccessRequest, data: QueryDict) -> Answer:
    """From the query string (what the page shows) or the posted form. Without any box of its own the page shows what was asked."""
    chosen = data.getlist("cat") if "shown" in data else list(request.categories)
    days = data.get("days", "")
    sites = frozenset(data.getlist("site")) if "site" in data else None
    return Answer(
        categories=frozenset(c for c in request.ordered_categories if c.value in chosen),
        sites=sites,
        days=min(int(days), request.days) if days.isdigit() and int(days) > 0 else None,
        forward_alerts=bool(data.get("forward_alerts")) if "shown" in data else None,
        purpose=data.get("purpose", "").strip()[:300],
        remove=frozenset(c for c in _today_kinds(request) if "shown" in data and c.value in data.getlist("remove")),
    )


def _today(request: AccessRequest) -> list[Grant]:
    found = Grant.objects.live().filter(customer=request.customer, partner=request.partner)
    if request.sites:
        found = found.filter(site__in=request.sites)
    return list(found.select_related("site", "partner", "customer").order_by("site__name"))


def _today_kinds(request: AccessRequest) -> set[Any]:
    return {c for g in _today(request) for c in g.category_set} - set(request.ordered_categories)


@for_customer
def page(request: PageRequest, public_id: str) -> HttpResponse:
    row = get_object_or_404(
        AccessRequest.objects.visible_to(request.viewer).select_related(
            "partner", "customer", "asked_by", "answered_by"
        ),
        public_id=public_id,
    )
    sites = Site.objects.visible_to(request.viewer).filter(closed_at=None).order_by("name")
    if row.sites:
        sites = sites.filter(pk__in=row.sites)
    names = [s.name for s in sites] if row.sites else []
    customer = request.viewer.organization
    assert customer is not None
    context: dict[str, Any] = {
        "row": row,
        "sites": sites,
        "is_waiting": row.state == RequestState.WAITING,
        "zone": customer.timezone,
    }
    answer = _answer(row, request.GET)
    days = answer.days or row.days
    if context["is_waiting"] and request.viewer.may_decide:
        context |= _offer(request, row, answer)
    context |= {
        "days": days,
        "asked": sentences.could_look(
            row.partner.name,
            row.categories,
            names,
            last_day(end_after(row.days, customer), customer),
            forward_alerts=row.forward_alerts,
        ),
        "lengths": [{"value": d, "label": LENGTH_WORDS[d], "current": d == days} for d in OFFERED if d <= row.days],
        "kinds": [
            {
                "value": c.value,
                "label": c.label,
                "help": sentences.DETAILS[c],
                "checked": answer.categories is None or c in answer.categories,
            }
            for c in row.ordered_categories
        ],
        "forward_alerts": row.forward_alerts if answer.forward_alerts is None else answer.forward_alerts,
    }
    return render(request, "portal/request.html", context)


def _offer(request: PageRequest, row: AccessRequest, answer: Answer) -> dict[str, Any]:
    """The sentence of what Allow would write, and what changes, from the very terms that would be written."""
    customer = request.viewer.organization
    assert customer is not None
    try:
        drafted = requests.drafted(row, answer, by=request.viewer)
    except Invalid as no:
        return {"cannot": str(no)}
    today = {g.site_id: g for g in _today(row)}
    several = len(drafted) > 1
    terms = next(iter(drafted.values()), None)
    return {
        "sentence": sentences.of_terms(row.partner, [s.name for s in drafted], terms, customer),
        "changes": [
            {"words": f"{site.name}: {c.words}" if several else c.words, "kind": c.kind}
            for site, t in drafted.items()
            for c in sentences.what_changes(today.get(site.pk), t, customer)
        ],
    }


@require_POST
@for_customer
def allow(request: PageRequest, public_id: str) -> HttpResponse:
    row = get_object_or_404(AccessRequest.objects.visible_to(request.viewer), public_id=public_id)

    def act() -> str:
        grants = requests.approve(row, _answer(row, request.POST), by=request.viewer)
        return " ".join(sentences.of_grant(g) for g in grants)

    return redirect("access") if acted(request, act) else redirect("request", public_id=public_id)


@require_POST
@for_customer
def decline(request: PageRequest, public_id: str) -> HttpResponse:
    row = get_object_or_404(
        AccessRequest.objects.visible_to(request.viewer).select_related("partner"), public_id=public_id
    )
    acted(
        request,
        lambda: f"{requests.decline(row, by=request.viewer).partner.name} was told no, and may ask again in 30 days.",
    )
    return redirect("access")
