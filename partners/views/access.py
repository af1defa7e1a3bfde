"""What this partner may see and until when, what ended and why, what it asked for; asking, withdrawing, giving back."""

from typing import Any

from django.db.models import QuerySet
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from access import requests, sentences, sharing
from access.lengths import OFFERED, REMIND_DAYS, days_left, end_after, last_day
from access.models import SHAREABLE, AccessRequest, Grant, Organization, RequestState, Site
from access.principal import acting
from access.requests import Paused
from access.views.drafts import LENGTH_WORDS, length_words
from access.views.pages import PageRequest, acted, for_partner, own_transactions
from partners import relations
from partners.forms import DEFAULT_DAYS, AskForm
from partners.views.frame import base_of, one_page, shown

OVER_SHOWN = 30
REQUESTS_SHOWN = 30


@for_partner
def index(request: PageRequest, partner_slug: str) -> HttpResponse:
    viewer = request.viewer
    live = list(relations.grants(viewer).filter(is_live=True))
    sites = relations.sites_of(viewer, live)
    lines = [live_line(g, sites[g.site_id]) for g in live if g.site_id in sites]
    page = one_page(request, sorted(lines, key=lambda line: (line["grant"].customer.name.lower(), line["site"].name)))
    over = list(relations.grants(viewer).filter(is_live=False)[:OVER_SHOWN])
    names = relations.names_for_receipts(viewer, over)
    asked = list(relations.requests(viewer)[:REQUESTS_SHOWN])
    return shown(
        request,
        "partner/access.html",
        {
            **page,
            "over": [{"grant": g, "site": names.get(g.pk, ""), "why": relations.why_it_ended(g)} for g in over],
            "asked": [asked_line(request, r) for r in asked],
            "may_give_back": viewer.role == "admin",
            "zone": _zone(request),
        },
    )


def live_line(grant: Grant, site: Site) -> dict[str, Any]:
    days = days_left(grant.expires_at, grant.customer)
    return {
        "grant": grant,
        "site": site,
        "left": sentences.left(days),
        "state": "watch" if days < REMIND_DAYS else "plain",
        "until": last_day(grant.expires_at, grant.customer),
    }


def asked_line(request: PageRequest, row: AccessRequest) -> dict[str, Any]:
    """A request in words. The same for a name that nobody has: nothing here may tell which names are customers."""
    states = {
        RequestState.WAITING: "watch",
        RequestState.ALLOWED: "ok",
    }
    return {
        "row": row,
        "what": sentences.categories(row.categories),
        "where": "some of its sites" if row.sites else "all its sites",
        "length": length_words(row.days),
        "state": states.get(RequestState(row.state), "plain"),
        "is_waiting": row.state == RequestState.WAITING,
    }


def _zone(request: PageRequest) -> str:
    return request.viewer.organization.timezone if request.viewer.organization else "UTC"


@for_partner
def ask(request: PageRequest, partner_slug: str) -> HttpResponse:
    """Ask a customer it knows, or a name it types: the answer is the same whether that name is a customer's or nobody's."""
    data = request.POST if request.method == "POST" else request.GET
    form = _form(request, data, posted=request.method == "POST")
    if request.method == "POST" and form.is_valid() and not request.POST.get("preview") and _sent(request, form):
        return redirect(f"{base_of(request.viewer)}/access")
    return shown(request, "partner/ask.html", _ask_context(request, form))


def _form(request: PageRequest, data: QueryDict, *, posted: bool) -> AskForm:
    customer = relations.customers(request.viewer).filter(public_id=data.get("customer", "")).first()
    first = {
        "customer_name": customer.name if customer else data.get("customer_name", ""),
        "site": data.getlist("site"),
        "cat": data.getlist("cat"),
        "days": data.get("days", str(DEFAULT_DAYS)),
    }
    return AskForm(data if posted else None, customer=customer, sites=_known_sites(request, customer), initial=first)


def _known_sites(request: PageRequest, customer: Organization | None) -> QuerySet[Site] | list[Site]:
    if customer is None:
        return []
    found: QuerySet[Site] = Site.objects.visible_to(request.viewer).filter(customer=customer, closed_at=None)
    return found.order_by("name")


def _sent(request: PageRequest, form: AskForm) -> bool:
    said = form.cleaned_data

    def act() -> str:
        row = requests.ask(
            by=request.viewer,
            customer_name=said["customer_name"],
            categories=form.chosen_categories,
            days=said["days"],
            reason=said["reason"],
            sites=said["site"],
            forward_alerts=said["forward_alerts"],
        )
        lapses = sentences.day(last_day(row.lapses_at, row.partner))
        return (
            f"Your request to {row.customer_name} is sent. They decide, and may take their time: it lapses on {lapses}."
        )

    try:
        return acted(request, act)
    except Paused as pause:
        assert request.viewer.organization is not None
        until = sentences.day(last_day(pause.until, request.viewer.organization))
        form.add_error("customer_name", f"They said no. You can ask again from {until} on.")
        return False


def _ask_context(request: PageRequest, form: AskForm) -> dict[str, Any]:
    days = str(form["days"].value() or DEFAULT_DAYS)
    ticked = {c.value for c in form.chosen_categories}
    is_checked = request.method == "POST" and form.is_valid()
    return {
        "form": form,
        "customer": form.customer,
        "kinds": [
            {"value": c.value, "label": c.label, "help": sentences.DETAILS[c], "checked": c.value in ticked}
            for c in SHAREABLE
        ],
        "sites": [{"value": s.public_id, "label": s.name, "checked": s in form.chosen_sites} for s in form.known_sites],
        "lengths": [{"value": d, "label": LENGTH_WORDS[d], "checked": str(d) == days} for d in OFFERED],
        "sentence": _sentence(request, form) if is_checked else "",
    }


def _sentence(request: PageRequest, form: AskForm) -> str:
    """What the customer will read. The end is reckoned in the asker's zone; the customer reads it in its own."""
    partner = request.viewer.organization
    assert partner is not None
    where = [s.name for s in form.chosen_sites]
    until = last_day(end_after(form.cleaned_data["days"], partner), partner)
    return sentences.could_look(
        partner.name, form.chosen_categories, where, until, forward_alerts=form.cleaned_data["forward_alerts"]
    )


@require_POST
@for_partner
def withdraw(request: PageRequest, partner_slug: str, public_id: str) -> HttpResponse:
    row = get_object_or_404(relations.requests(request.viewer), public_id=public_id)
    acted(request, lambda: f"Your request to {requests.withdraw(row, by=request.viewer).customer_name} is withdrawn.")
    return redirect(f"{base_of(request.viewer)}/access")


@own_transactions
@for_partner
def give_back(request: PageRequest, partner_slug: str, public_id: str) -> HttpResponse:
    """End one's own access: one page that says what ends, one button. Two transactions, so that the drain does not wait for itself."""
    viewer = request.viewer
    with acting(viewer):
        grant = get_object_or_404(relations.grants(viewer).filter(is_live=True), public_id=public_id)
        site = relations.sites_of(viewer, [grant]).get(grant.site_id)
        if site is None:
            raise Http404
        if request.method != "POST":
            return shown(request, "partner/give_back.html", _consequences(request, grant, site))
        done = acted(request, lambda: _given_back(request, grant, site))
    if done:
        sharing.drain(grant.pk, customer=grant.customer_id)
    return redirect(f"{base_of(viewer)}/access")


def _given_back(request: PageRequest, grant: Grant, site: Site) -> str:
    sharing.give_back(grant, by=request.viewer)
    return f"You gave back {site.name} of {grant.customer.name}. Nothing of it is shown to you any more."


def _consequences(request: PageRequest, grant: Grant, site: Site) -> dict[str, Any]:
    base = base_of(request.viewer)
    return {
        "grant": grant,
        "title": f"Give back {site.name} of {grant.customer.name}?",
        "consequences": [
            "You stop seeing this site at once, and so do your colleagues.",
            "What waits to be sent to you about it is dropped.",
            f"{grant.customer.name} is told. Only they can give it again.",
        ],
        "url": f"{base}/access/{grant.public_id}/give-back",
        "cancel_url": f"{base}/access",
    }
