"""The customer reads one proposal, chooses it, or ends the tender without a choice. Who sees data is decided apart, if at all.

Choosing and closing have transactions of their own: an access that is ended with them is ended after them, by a decision of its own.
"""

from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext, ngettext

from access import sentences
from access.errors import require
from access.lengths import last_day
from access.models import Grant
from access.principal import acting
from access.views.confirmed import confirm_first
from access.views.pages import PageRequest, acted, for_customer, own_transactions
from partners import decisions, proposals, tenders
from partners.decisions import END, Wish
from partners.models import Proposal, Tender
from partners.views import sheet
from partners.views.frame import saying
from partners.views.tenders import organization_of, own, state_of

SAME_SIGHT = "Choosing a proposal does not change who can see your data."


def _proposal(request: PageRequest, tender: Tender, proposal_id: str) -> Proposal:
    found = proposals.visible_to(request.viewer).filter(tender=tender)
    row: Proposal = get_object_or_404(found, public_id=proposal_id)
    return row


@for_customer
def page(request: PageRequest, public_id: str, proposal_id: str) -> HttpResponse:
    """All that a partner wrote."""
    tender = get_object_or_404(own(request), public_id=public_id)
    row = _proposal(request, tender, proposal_id)
    compared = next(c for c in proposals.compare(tender, viewer=request.viewer) if c.proposal.pk == row.pk)
    customer = organization_of(request)
    context = {
        "tender": tender,
        "proposal": row,
        **state_of(tender),
        "card": sheet.card(compared, customer, ""),
        "zone": customer.timezone,
    }
    return render(request, "portal/proposal.html", context)


@own_transactions
@for_customer
def choose(request: PageRequest, public_id: str, proposal_id: str) -> HttpResponse:
    """One page that says what follows, one button."""
    back = reverse("tender", args=[public_id])
    with acting(request.viewer):
        tender = get_object_or_404(own(request), public_id=public_id)
        row = _proposal(request, tender, proposal_id)
        require(request.viewer.may_decide or request.method != "POST", tenders.WHO)
        if request.method != "POST":
            if not state_of(tender)["is_open"]:
                return redirect(back)
            return render(request, "portal/proposal_choose.html", _ending(request, tender) | _choosing(row, back))
        if (first := confirm_first(request, back_to=_as_ticked(request))) is not None:
            return first
        wishes = _wishes(request, tender)
        name = row.partner.name
        words = gettext(
            "You chose %(name)s. Everybody whom you asked is told how it ended for itself, and of nobody else."
        )
        done = acted(request, saying(words % {"name": name}, lambda: tenders.choose(row, by=request.viewer)))
    _end_accesses(request, wishes, done=done)
    return redirect(back)


def _choosing(row: Proposal, back: str) -> dict[str, Any]:
    name = {"name": row.partner.name}
    return {
        "proposal": row,
        "title": gettext("Choose %(name)s?") % name,
        "action": gettext("Choose %(name)s") % name,
        "price": sheet.sum_of(proposals.cost(row), row.currency) or gettext("Not stated"),
        "price_note": sheet.price_note(row),
        "consequences": [
            gettext("%(name)s is told that you chose it. The contract is made between the two of you.") % name,
            gettext(
                "The others whom you asked are told that theirs was not taken, and neither who was chosen nor how many there were."
            ),
            gettext("Nobody can send, change or withdraw a proposal any more."),
        ],
        "cancel_url": back,
        "same_sight": SAME_SIGHT,
    }


@own_transactions
@for_customer
def close(request: PageRequest, public_id: str) -> HttpResponse:
    """End it without a choice: the same page, the same button's place."""
    back = reverse("tender", args=[public_id])
    with acting(request.viewer):
        tender = get_object_or_404(own(request), public_id=public_id)
        require(request.viewer.may_decide or request.method != "POST", tenders.WHO)
        if request.method != "POST":
            if not state_of(tender)["is_open"]:
                return redirect(back)
            return render(request, "portal/proposal_choose.html", _ending(request, tender) | _closing(tender, back))
        wishes = _wishes(request, tender)
        words = gettext(
            "You asked for proposals and took none. Those whom you asked are told that it is over, but for who had said no."
        )
        done = acted(request, saying(words, lambda: tenders.close(tender, by=request.viewer)))
    _end_accesses(request, wishes, done=done)
    return redirect(back)


def _closing(tender: Tender, back: str) -> dict[str, Any]:
    return {
        "title": gettext("Take none of them?"),
        "action": gettext("Close without a choice"),
        "consequences": [
            gettext("Those whom you asked, and who have not said no, are told that you no longer wait for proposals."),
            gettext("You keep what was sent to you and can read it later. Nobody can send anything any more."),
        ],
        "cancel_url": back,
        "same_sight": gettext("Closing does not change who can see your data."),
    }


def _as_ticked(request: PageRequest) -> str:
    """The page with its boxes as they are."""
    return f"{request.path}?{urlencode({'end_grants': request.POST.getlist('end_grants')}, doseq=True)}"


def _ending(request: PageRequest, tender: Tender) -> dict[str, Any]:
    """What the page has beside its words: the accesses of those who were asked at this site, each with a box of its own."""
    customer, ticked = organization_of(request), request.GET.getlist("end_grants")
    return {
        "tender": tender,
        "accesses": [
            {
                "value": g.public_id,
                "label": gettext("End what %(name)s sees") % {"name": g.partner.name},
                "help": _until(g, tender, last_day(g.expires_at, customer)),
                "checked": g.public_id in ticked,
            }
            for g in _accesses(request, tender).select_related("partner").order_by("partner__name", "pk")
        ],
    }


def _until(grant: Grant, tender: Tender, end: date) -> str:
    words = {
        "kinds": sentences.categories(grant.ordered_categories),
        "site": tender.site.name,
        "day": sentences.day(end),
    }
    return gettext("Today: %(kinds)s at %(site)s until %(day)s.") % words


def _accesses(request: PageRequest, tender: Tender) -> QuerySet[Grant]:
    asked = [i.partner.pk for i in tenders.invited(tender, viewer=request.viewer)]
    return Grant.objects.visible_to(request.viewer).live().filter(site=tender.site_id, partner__in=asked)


def _wishes(request: PageRequest, tender: Tender) -> list[Wish]:
    """Raises Invalid where a box names an access that this page did not show."""
    wishes = [Wish(name, END) for name in request.POST.getlist("end_grants")]
    if wishes:
        decisions.check(wishes, _accesses(request, tender), "end_grants")
    return wishes


def _end_accesses(request: PageRequest, wishes: list[Wish], *, done: bool) -> None:
    """After the commit, outside any transaction. A refusal is said and stops nothing else; so is that nothing was ended since the
    tender itself was over already: whoever ticked a box must not take it for done."""
    if wishes and not done:
        messages.error(request, gettext("No access was ended. You find each of them under “Who can see”."))
    if not done:
        return
    outcomes = decisions.carry_out(request.viewer, wishes)
    ended = sum(1 for o in outcomes if o["outcome"] == "ended")
    if ended:
        words = ngettext("%(n)d access was ended with it.", "%(n)d accesses were ended with it.", ended)
        messages.success(request, words % {"n": ended})
    for outcome in outcomes:
        if outcome["detail"]:
            messages.error(request, outcome["detail"])
