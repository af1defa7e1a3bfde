"""Give, change and stop access: the customer's own pages."""

from dataclasses import replace
from urllib.parse import urlencode

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from access import audit_words, receipts, sentences, sharing
from access.errors import Ended, Invalid, NotAllowed
from access.lengths import REMIND_DAYS, days_left
from access.models import SHAREABLE, Grant, ViewingEntry
from access.principal import acting
from access.views.confirmed import confirm_first
from access.views.drafts import (
    AS_TODAY,
    DEFAULT_DAYS,
    Draft,
    form_context,
    live_grants,
    read_draft,
    require_standing,
)
from access.views.pages import PageRequest, acted, for_customer, own_transactions

EXPORTS_SHOWN = 20


@for_customer
def give(request: PageRequest) -> HttpResponse:
    """The consent form. A cell of the matrix leads here: an empty one with 90 days and no kind of data ticked, another as it is."""
    posted = request.method == "POST"
    draft = read_draft(request, request.POST if posted else request.GET)
    if posted and not request.POST.get("preview"):
        if not request.viewer.may_decide:
            raise NotAllowed("Only owners and approvers of your company can give access")
        if draft.partner is None and request.POST.get("partner") == "none":
            messages.info(request, sentences.nobody_new())
            return redirect("access")
        try:
            draft.check()
        except Invalid as no:
            return _form(request, _refused(draft, no))
        if (first := confirm_first(request, back_to=_address(draft))) is not None:
            return first
        try:
            return _given(request, draft)
        except Invalid as no:
            return _form(request, _refused(replace(draft, current=live_grants(draft)), no))
    if not posted and draft.is_uniform and "cat" not in request.GET:
        draft = replace(draft.as_today(), keeps_end="days" not in request.GET)
    return _form(request, draft)


def _form(request: PageRequest, draft: Draft) -> HttpResponse:
    return render(request, "portal/grant_form.html", form_context(request, draft))


def _refused(draft: Draft, no: Invalid) -> Draft:
    field = {"categories": "cat", "sites": "site"}.get(no.field, no.field or "partner")
    return replace(draft, problems={field: str(no)})


def _given(request: PageRequest, draft: Draft) -> HttpResponse:
    """Raises Invalid, with nothing saved."""
    customer, partner = request.viewer.organization, draft.partner
    assert customer is not None
    assert partner is not None
    terms = draft.terms(customer)
    with transaction.atomic():
        sharing.lock_sites([s.pk for s in draft.sites])
        require_standing(request.POST.get("standing"), live_grants(draft))
        grants = sharing.give(partner=partner, sites=draft.sites, terms=terms, by=request.viewer)
    messages.success(request, sentences.of_terms(partner, [g.site.name for g in grants], terms, customer))
    return redirect("access")


def _address(draft: Draft) -> str:
    """The form with these very choices on it: every state of it is a permalink."""
    query: list[tuple[str, str]] = [("partner", draft.partner.public_id if draft.partner else "")]
    query += [("site", s.public_id) for s in draft.sites]
    query += [("cat", c.value) for c in SHAREABLE if c in draft.categories]
    query += [("forward_alerts", "1")] if draft.forward_alerts else []
    query += [("days", AS_TODAY if draft.keeps_end else str(draft.days)), ("purpose", draft.purpose)]
    return f"{reverse('give')}?{urlencode(query)}"


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
    left = days_left(grant.expires_at, grant.customer)
    again = {"partner": grant.partner.public_id, "site": grant.site.public_id}
    return render(
        request,
        "portal/grant.html",
        {
            "grant": grant,
            "sentence": sentences.of_grant(grant),
            "is_live": Grant.objects.live().filter(pk=grant.pk).exists(),
            "days_left": left,
            "ends_soon": left <= REMIND_DAYS,
            "again_url": f"{reverse('give')}?{urlencode(again | {'days': DEFAULT_DAYS})}",
            "change_url": f"{reverse('give')}?{urlencode(again)}",
            "receipts": [
                {"number": e.seq, "at": e.at, "what": audit_words.said(e.action), "who": e.actor_name}
                for e in receipts.entries(request.viewer, grant)
            ],
            "looks": looks.count(),
            "last_look": looks.order_by("-at").first(),
            "exports": looks.filter(way="export").order_by("-at")[:EXPORTS_SHOWN],
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
        if (first := confirm_first(request, back_to=reverse("stop_all"))) is not None:
            return first
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
