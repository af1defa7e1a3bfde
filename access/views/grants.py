"""Give, change and stop access: the customer's own pages."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from access import policy, sentences, sharing
from access.errors import Ended, Invalid, NotAllowed
from access.lengths import OFFERED, days_left, end_after
from access.models import SHAREABLE, Category, Grant, Organization, Site, ViewingEntry
from access.principal import acting
from access.sharing import Terms
from access.views.pages import PageRequest, acted, for_customer, own_transactions

DEFAULT_DAYS = 90
LENGTH_WORDS = {7: "7 days", 30: "30 days", 90: "90 days", 365: "1 year"}


@dataclass(frozen=True, slots=True)
class Draft:
    """What the form says so far. partner None: nobody."""

    partner: Organization | None
    sites: tuple[Site, ...]
    categories: frozenset[Category]
    forward_alerts: bool
    days: int
    purpose: str

    @property
    def is_complete(self) -> bool:
        return bool(self.partner and self.sites and self.categories)

    def terms(self, customer: Organization) -> Terms:
        return Terms(self.categories, end_after(self.days, customer), self.forward_alerts, self.purpose)


def read_draft(request: PageRequest, data: QueryDict) -> Draft:
    """From a query string or a posted form; unknown partners and sites of others are simply not there."""
    named = data.get("partner", "")
    partner = policy.directory().filter(public_id=named).first() if named else None
    sites = (
        Site.objects.visible_to(request.viewer)
        .filter(public_id__in=data.getlist("site"), closed_at=None)
        .order_by("name")
    )
    chosen = frozenset(c for c in SHAREABLE if c.value in data.getlist("cat"))
    days = data.get("days", "")
    return Draft(
        partner=partner,
        sites=tuple(sites),
        categories=chosen,
        forward_alerts=bool(data.get("forward_alerts")) and Category.HEALTH in chosen,
        days=int(days) if days.isdigit() and 1 <= int(days) <= 366 else DEFAULT_DAYS,
        purpose=data.get("purpose", "").strip()[:300],
    )


@for_customer
def give(request: PageRequest) -> HttpResponse:
    """The consent form. A cell of the matrix leads here with partner, site and 90 days filled in, and no kind of data ticked."""
    posted = request.method == "POST"
    draft = read_draft(request, request.POST if posted else request.GET)
    customer = request.viewer.organization
    assert customer is not None
    current = live_grants(draft)
    if posted and not request.POST.get("preview"):
        if not request.viewer.may_decide:
            raise NotAllowed("Only owners and approvers of your company can give access")
        if draft.partner is None and request.POST.get("partner") == "none":
            return redirect("access")
        if _saved(request, draft):
            return redirect("access")
    elif not posted and len(draft.sites) == 1 and current and not request.GET.getlist("cat"):
        grant = current[0]
        draft = Draft(draft.partner, draft.sites, grant.category_set, grant.forward_alerts, draft.days, grant.purpose)
    return render(request, "portal/grant_form.html", form_context(request, draft, current))


def _saved(request: PageRequest, draft: Draft) -> bool:
    customer, partner = request.viewer.organization, draft.partner
    assert customer is not None

    def act() -> str:
        if partner is None:
            raise Invalid("Choose a partner", "partner")
        if not draft.sites:
            raise Invalid("Choose at least one site", "site")
        if not draft.categories:
            raise Invalid("Choose at least one kind of data", "cat")
        grants = sharing.give(partner=partner, sites=draft.sites, terms=draft.terms(customer), by=request.viewer)
        return sentences.of_terms(partner, [g.site.name for g in grants], draft.terms(customer), customer)

    return acted(request, act)


def live_grants(draft: Draft) -> list[Grant]:
    """Live grants of the chosen partner at the chosen sites."""
    if draft.partner is None:
        return []
    found = Grant.objects.live().filter(partner=draft.partner, site__in=draft.sites)
    return list(found.select_related("partner", "site", "customer").order_by("site__name"))


def form_context(request: PageRequest, draft: Draft, current: Iterable[Grant]) -> dict[str, Any]:
    customer = request.viewer.organization
    assert customer is not None
    terms = draft.terms(customer) if draft.is_complete else None
    has_today = {c for g in current for c in g.category_set}
    names = [s.name for s in draft.sites]
    return {
        "draft": draft,
        "partners": _partner_options(request, draft),
        "sites": [
            {"value": s.public_id, "label": s.name, "checked": s in draft.sites}
            for s in Site.objects.visible_to(request.viewer).filter(closed_at=None).order_by("name")
        ],
        "kinds": [
            {
                "value": c.value,
                "label": c.label,
                "help": sentences.DETAILS[c],
                "checked": c in draft.categories,
                "chip": "Has today" if c in has_today else "Sensitive" if c == Category.CONFIGURATION else "",
                "chip_state": "acc" if c in has_today else "watch" if c == Category.CONFIGURATION else "",
                "shared": c in draft.categories,
            }
            for c in SHAREABLE
        ],
        "lengths": [{"value": d, "label": LENGTH_WORDS[d], "checked": d == draft.days} for d in OFFERED],
        "sentence": sentences.of_terms(draft.partner, names, terms, customer) if draft.partner else sentences.nobody(),
        "changes": _changes(draft, terms, list(current), customer),
        "current": list(current),
        "health_ticked": Category.HEALTH in draft.categories,
        "button": _button(draft),
    }


def _changes(draft: Draft, terms: Terms | None, current: list[Grant], customer: Organization) -> list[dict[str, Any]]:
    """What changes, site by site: nothing is widened or lengthened without being named."""
    if terms is None or draft.partner is None:
        return []
    by_site = {g.site_id: g for g in current}
    several = len(draft.sites) > 1
    return [
        {"words": f"{site.name}: {c.words}" if several else c.words, "kind": c.kind}
        for site in draft.sites
        for c in sentences.what_changes(by_site.get(site.pk), terms, customer)
    ]


def _button(draft: Draft) -> str:
    if draft.partner is None:
        return "Share with nobody"
    if not draft.sites:
        return "Choose at least one site"
    if not draft.categories:
        return "Choose at least one kind of data"
    return f"Let {draft.partner.name} see this"


def _partner_options(request: PageRequest, draft: Draft) -> list[dict[str, Any]]:
    live = Grant.objects.visible_to(request.viewer).live().select_related("partner", "site", "customer")
    seen: dict[Any, list[Grant]] = {}
    for grant in live.order_by("site__name"):
        seen.setdefault(grant.partner_id, []).append(grant)
    options = [
        {
            "value": "none",
            "label": "Nobody",
            "help": "Keep your data to yourself. Monitoring and predictions still work for you.",
            "chip": "Default",
            "chip_state": "plain",
            "checked": draft.partner is None,
        }
    ]
    for partner in policy.directory():
        grants = seen.get(partner.pk, [])
        sees = f" Sees something at {sentences.listed([g.site.name for g in grants])}." if grants else ""
        options.append(
            {
                "value": partner.public_id,
                "label": partner.name,
                "help": f"A separate company, not part of SmartCare.{sees}",
                "chip": "Has access" if grants else "",
                "chip_state": "acc" if grants else "",
                "checked": partner == draft.partner,
            }
        )
    return options


@for_customer
def page(request: PageRequest, public_id: str) -> HttpResponse:
    """One grant: its sentence, what is left of it, the looks under it, its receipt."""
    grant = get_object_or_404(
        Grant.objects.visible_to(request.viewer).select_related(
            "partner", "site", "customer", "granted_by", "revoked_by"
        ),
        public_id=public_id,
    )
    looks = ViewingEntry.objects.visible_to(request.viewer).filter(grant=grant)
    return render(
        request,
        "portal/grant.html",
        {
            "grant": grant,
            "sentence": sentences.of_grant(grant),
            "is_live": Grant.objects.live().filter(pk=grant.pk).exists(),
            "days_left": days_left(grant.expires_at, grant.customer),
            "looks": looks.count(),
            "last_look": looks.order_by("-at").first(),
            "exports": looks.filter(way="export").order_by("-at")[:20],
            "zone": grant.customer.timezone,
        },
    )


@require_POST
@own_transactions
@for_customer
def stop(request: PageRequest, public_id: str) -> HttpResponse:
    """End a grant, then wait until nothing that began under it is under way: two transactions, or it would wait for itself."""
    with acting(request.viewer):
        grant = get_object_or_404(
            Grant.objects.visible_to(request.viewer).select_related("partner", "site"),
            public_id=public_id,
        )
        done = acted(request, lambda: _ended(sharing.revoke(grant, by=request.viewer)))
    if done:
        sharing.drain(grant.pk, customer=grant.customer_id)
    return redirect("grant", public_id=public_id)


def _ended(grant: Grant) -> str:
    return f"{grant.partner.name} sees nothing of {grant.site.name} any more."


@own_transactions
@for_customer
def stop_all(request: PageRequest) -> HttpResponse:
    """Stop all sharing: one page that says what ends, one button."""
    if request.method == "POST":
        with acting(request.viewer):
            try:
                with transaction.atomic():
                    ended = sharing.stop_all(by=request.viewer)
            except Ended:
                ended = []
        for grant in ended:
            sharing.drain(grant.pk, customer=grant.customer_id)
        return redirect("access")
    with acting(request.viewer):
        grants = (
            Grant.objects.visible_to(request.viewer)
            .live()
            .select_related("partner", "site")
            .order_by("partner__name", "site__name")
        )
        return render(request, "portal/stop_all.html", {"grants": list(grants)})
