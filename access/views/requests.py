"""Answer a partner's request: phone first, two taps, yes and no of the same size. Nothing acts by GET; a mail's link opens this page."""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from access import requests, sentences, sharing
from access.errors import Invalid
from access.lengths import OFFERED, end_after, last_day
from access.models import SHAREABLE, AccessRequest, Category, Grant, Organization, RequestState, Site
from access.requests import Answer
from access.sharing import Terms
from access.views.confirmed import confirm_first
from access.views.drafts import length_words, require_standing, standing
from access.views.numbers import whole
from access.views.pages import PageRequest, acted, for_customer


def _answer(request: AccessRequest, data: QueryDict, today: set[Category]) -> Answer:
    """From the query string (what the page shows) or the posted form. Without any box of its own the page shows what was asked.

    today: kinds that the partner has and did not ask for; their boxes are ticked until somebody takes them off.
    """
    is_shown = "shown" in data
    days = whole(data.get("days"), most=9999)
    asked = request.ordered_categories
    return Answer(
        categories=frozenset(c for c in asked if c.value in data.getlist("cat")) if is_shown else frozenset(asked),
        sites=frozenset(data.getlist("site")) if is_shown or "site" in data else None,
        days=min(days, request.days) if days else None,
        forward_alerts=bool(data.get("forward_alerts")) if is_shown else None,
        purpose=data.get("purpose", "").strip()[:300],
        remove=frozenset(c for c in today if is_shown and c.value not in data.getlist("keep")),
    )


def _today(request: AccessRequest) -> list[Grant]:
    """Live grants of the partner at the sites it asks for."""
    found = Grant.objects.live().filter(customer=request.customer, partner=request.partner)
    if request.sites:
        found = found.filter(site__in=request.sites)
    return list(found.select_related("site", "partner", "customer").order_by("site__name"))


def _not_asked(request: AccessRequest, today: list[Grant]) -> set[Category]:
    return {c for g in today for c in g.category_set} - set(request.ordered_categories)


def _sites(request: PageRequest, row: AccessRequest) -> list[Site]:
    sites = Site.objects.visible_to(request.viewer).filter(closed_at=None).order_by("name")
    return list(sites.filter(pk__in=row.sites) if row.sites else sites)


def title_of(request: AccessRequest, sites: Iterable[Site]) -> str:
    """'Brightwire asks for traffic totals, Lyon office, 30 days'. sites: the customer's."""
    words = {
        "name": request.partner.name,
        "what": sentences.categories(request.categories),
        "where": sentences.listed([s.name for s in sites if s.pk in request.sites]) or gettext("all your sites"),
        "length": length_words(request.days),
    }
    return gettext("%(name)s asks for %(what)s, %(where)s, %(length)s") % words


@for_customer
def page(request: PageRequest, public_id: str) -> HttpResponse:
    rows = AccessRequest.objects.visible_to(request.viewer)
    row = get_object_or_404(rows.select_related("partner", "customer", "asked_by", "answered_by"), public_id=public_id)
    sites = _sites(request, row)
    customer = request.viewer.organization
    assert customer is not None
    names = [s.name for s in sites] if row.sites else []
    is_waiting = row.state == RequestState.WAITING and row.lapses_at > timezone.now()
    context: dict[str, Any] = {
        "row": row,
        "is_waiting": is_waiting,
        "state": gettext("Lapsed") if row.state == RequestState.WAITING else row.get_state_display(),
        "zone": customer.timezone,
        "asked": sentences.could_look(
            row.partner.name,
            row.categories,
            names,
            last_day(end_after(row.days, customer), customer),
            forward_alerts=row.forward_alerts,
        ),
    }
    if is_waiting and request.viewer.may_decide:
        context |= _form(request, row, sites)
    return render(request, "portal/request.html", context)


def _form(request: PageRequest, row: AccessRequest, sites: list[Site]) -> dict[str, Any]:
    today = _today(row)
    not_asked = _not_asked(row, today)
    answer = _answer(row, request.GET, not_asked)
    return {
        "kinds": [
            {
                "value": c.value,
                "label": c.label,
                "help": sentences.DETAILS[c],
                "checked": c in (answer.categories or ()),
            }
            for c in row.ordered_categories
        ],
        "kept": [
            {"value": c.value, "label": c.label, "help": sentences.DETAILS[c], "checked": c not in answer.remove}
            for c in SHAREABLE
            if c in not_asked
        ],
        "sites": [
            {"value": s.public_id, "label": s.name, "checked": answer.sites is None or s.public_id in answer.sites}
            for s in sites
        ],
        "forward_alerts": row.forward_alerts if answer.forward_alerts is None else answer.forward_alerts,
        "purpose": answer.purpose,
        "days": answer.days or row.days,
        "standing": standing(today),
        "lengths": _lengths(request, row, answer.days or row.days),
    } | _offer(request, row, answer, today)


def _lengths(request: PageRequest, row: AccessRequest, days: int) -> list[dict[str, Any]]:
    """Links, so that sentence and button agree also without scripts; each keeps what is ticked."""
    found = []
    for length in sorted({*(d for d in OFFERED if d < row.days), row.days}):
        query = request.GET.copy()
        query["days"] = str(length)
        words = length_words(length)
        label = gettext("%(length)s, as asked") % {"length": words} if length == row.days else words
        found.append({"url": f"?{query.urlencode()}", "label": label, "current": length == days})
    return found


def _offer(request: PageRequest, row: AccessRequest, answer: Answer, today: list[Grant]) -> dict[str, Any]:
    """The sentences of what Allow would write, and what changes, from the very terms that would be written."""
    customer = request.viewer.organization
    assert customer is not None
    try:
        drafted = requests.drafted(row, answer, by=request.viewer)
        if not drafted:
            raise Invalid("Choose at least one site", "sites")
    except Invalid as no:
        return {"cannot": str(no)}
    here = {g.site_id: g for g in today}
    several = len(drafted) > 1
    return {
        "offers": _offers(row.partner, drafted, answer.days or row.days, customer),
        "changes": [
            {"words": f"{site.name}: {c.words}" if several else c.words, "kind": c.kind}
            for site, t in drafted.items()
            for c in sentences.what_changes(here.get(site.pk), t, customer)
        ],
    }


def _offers(
    partner: Organization, drafted: Mapping[Site, Terms], days: int, customer: Organization
) -> list[dict[str, str]]:
    """One sentence for the sites on the same terms: what a partner has today may differ from site to site."""
    groups: dict[tuple[frozenset[Category], bool], list[tuple[Site, Terms]]] = {}
    for site, terms in drafted.items():
        groups.setdefault((terms.categories, terms.forward_alerts), []).append((site, terms))
    offers = []
    for group in groups.values():
        terms = group[0][1]
        query = [("partner", partner.public_id), ("days", str(days)), *(("site", s.public_id) for s, _ in group)]
        query += [("cat", value) for value in terms.values] + (
            [("forward_alerts", "1")] if terms.forward_alerts else []
        )
        sentence = sentences.of_terms(partner, [s.name for s, _ in group], terms, customer)
        offers.append({"sentence": sentence, "preview_url": f"{reverse('preview')}?{urlencode(query)}"})
    return offers


@require_POST
@for_customer
def allow(request: PageRequest, public_id: str) -> HttpResponse:
    row = _row(request, public_id)
    here = _address(row, request.POST)
    if request.POST.get("preview"):
        return redirect(here)
    if (first := confirm_first(request, back_to=here)) is not None:
        return first

    def act() -> str:
        sharing.lock_sites([s.pk for s in _sites(request, row)])
        today = _today(row)
        require_standing(request.POST.get("standing"), today)
        answer = _answer(row, request.POST, _not_asked(row, today))
        grants = requests.approve(row, answer, by=request.viewer)
        return " ".join(sentences.of_grant(g) for g in grants)

    return redirect("access") if acted(request, act) else redirect(here)


def _address(row: AccessRequest, data: QueryDict) -> str:
    """The page with these very choices on it."""
    kept = ("shown", "cat", "keep", "site", "forward_alerts", "days", "purpose")
    query = [(name, value) for name in kept for value in data.getlist(name)]
    return f"{reverse('request', args=[row.public_id])}?{urlencode(query)}"


@require_POST
@for_customer
def decline(request: PageRequest, public_id: str) -> HttpResponse:
    row = _row(request, public_id)
    if (first := confirm_first(request, back_to=_address(row, request.POST))) is not None:
        return first

    def act() -> str:
        name = requests.decline(row, by=request.viewer).partner.name
        return gettext("%(name)s is told that you said no, and may ask again in 30 days.") % {"name": name}

    acted(request, act)
    return redirect("access")


def _row(request: PageRequest, public_id: str) -> AccessRequest:
    rows = AccessRequest.objects.visible_to(request.viewer).select_related("partner", "customer")
    return get_object_or_404(rows, public_id=public_id)
