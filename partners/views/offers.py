"""A partner's own proposals: draft, send once, or say that there will be none. Afterwards the outcome, without anybody else in it."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext

from access import viewing
from access.views import log
from access.views.pages import PageRequest, acted, for_partner
from partners import proposals, tenders
from partners.forms import ProposalForm
from partners.models import Proposal, ProposalState
from partners.views import sheet
from partners.views.frame import base_of, one_page, posted, saying, shown
from partners.views.leads import state_of
from partners.views.sheet import zone_of

OUTCOMES = {
    ProposalState.INVITED: "Answers are no longer taken. You had written none.",
    ProposalState.SENT: "It is with %(customer)s and cannot be changed any more.",
    ProposalState.CHOSEN: "%(customer)s chose your proposal. The contract about it is made between the two of you.",
    ProposalState.NOT_CHOSEN: "%(customer)s has ended its request and did not take your proposal.",
    ProposalState.DECLINED: "You said that there will be none.",
}
TOO_LATE = "Answers are no longer taken. What you had written stays with you; %(customer)s never saw it."


@for_partner
def index(request: PageRequest, partner_slug: str) -> HttpResponse:
    viewer = request.viewer
    rows = [
        {"proposal": p, "price": sheet.sum_of(proposals.cost(p), p.currency), **state_of(p.tender, p)}
        for p in proposals.visible_to(viewer).order_by("-invited_at", "pk")
    ]
    export = request.GET.get("format") in {"csv", "json"}
    page = one_page(request, rows)
    listed = [r["proposal"].tender for r in (rows if export else page["rows"])]
    viewing.record(viewer, tenders.looks(listed), way="export" if export else "page")
    if export:
        return log.export(request, map(_exported, rows), "proposals")
    return shown(request, "partner/proposals.html", page | {"zone": zone_of(request)})


def _exported(row: dict[str, Any]) -> dict[str, Any]:
    """cost_3_years: what the page shows; the amount and its currency are for programs, none where a part is left out."""
    p: Proposal = row["proposal"]
    return {
        "proposal": p.public_id,
        "customer": p.customer.name,
        "tender": p.tender.public_id,
        "title": p.tender.title,
        "state": p.state,
        "summary": p.summary,
        "cost_3_years": row["price"],
        "cost_3_years_amount": sheet.plain(proposals.whole_cost(p)),
        "cost_3_years_note": proposals.left_out(p),
        "currency": p.currency,
        "invited_at": p.invited_at,
        "sent_at": p.sent_at,
    }


def _one(request: PageRequest, public_id: str) -> Proposal:
    row: Proposal = get_object_or_404(proposals.visible_to(request.viewer), public_id=public_id)
    return row


@for_partner
def page(request: PageRequest, partner_slug: str, public_id: str) -> HttpResponse:
    """A form while it can be written, else what was sent and what became of it. Saved too late: refused, and what was typed stays."""
    row = _one(request, public_id)
    if request.method != "POST" and not _may_write(request, row):
        return _read(request, row)
    form = ProposalForm(posted(request), initial=ProposalForm.first(row))
    if request.method == "POST" and form.is_valid() and _saved(request, row, form):
        onward = "/send" if request.POST.get("send") and proposals.may_offer(request.viewer) else ""
        return redirect(f"{_address(request, row)}{onward}")
    return _shown(request, "partner/proposal_draft.html", row, {"form": form, "facts": sheet.facts(row.tender.facts)})


def _may_write(request: PageRequest, row: Proposal) -> bool:
    return bool(state_of(row.tender, row)["may_write"]) and request.viewer.may_write


def _address(request: PageRequest, row: Proposal) -> str:
    return f"{base_of(request.viewer)}/proposals/{row.public_id}"


def _saved(request: PageRequest, row: Proposal, form: ProposalForm) -> bool:
    words = "" if request.POST.get("send") else gettext("Saved. Nobody but your company reads it before you send it.")
    seen = request.POST.get("seen", "")
    return acted(request, saying(words, lambda: proposals.draft(row, by=request.viewer, values=form.said, seen=seen)))


def _read(request: PageRequest, row: Proposal) -> HttpResponse:
    words = OUTCOMES.get(ProposalState(row.state), TOO_LATE)
    return _shown(request, "partner/proposal.html", row, {"outcome": gettext(words) % {"customer": row.customer.name}})


def _shown(request: PageRequest, template: str, row: Proposal, more: dict[str, Any]) -> HttpResponse:
    viewing.record(request.viewer, tenders.looks([row.tender]), way="page")
    context = {
        "proposal": row,
        "tender": row.tender,
        "price": sheet.sum_of(proposals.cost(row), row.currency) or gettext("Not stated"),
        "price_note": sheet.price_note(row),
        "stated": sheet.stated(row),
        "zone": zone_of(request),
        "version": proposals.version(row),
        "may_offer": proposals.may_offer(request.viewer),
        **state_of(row.tender, row),
    }
    return shown(request, template, context | more)


@for_partner
def send(request: PageRequest, partner_slug: str, public_id: str) -> HttpResponse:
    """What the customer will read, and one button: it cannot be changed afterwards."""
    row = _one(request, public_id)
    if request.method != "POST" and not (_may_write(request, row) and proposals.may_offer(request.viewer)):
        return redirect(_address(request, row))
    if request.method == "POST":
        words = gettext("Your proposal is with %(name)s.") % {"name": row.customer.name}
        seen = request.POST.get("seen", "")
        sent = acted(request, saying(words, lambda: proposals.send(row, by=request.viewer, seen=seen)))
        again = "" if sent or not _may_write(request, row) else "/send"
        return redirect(f"{_address(request, row)}{again}")
    return _shown(request, "partner/proposal_send.html", row, {})


@for_partner
def decline(request: PageRequest, partner_slug: str, public_id: str) -> HttpResponse:
    row = _one(request, public_id)
    if request.method != "POST" and not (_may_write(request, row) and proposals.may_offer(request.viewer)):
        return redirect(_address(request, row))
    if request.method == "POST":
        words = gettext("%(name)s can read that there will be none.") % {"name": row.customer.name}
        acted(request, saying(words, lambda: proposals.decline(row, by=request.viewer)))
        return redirect(_address(request, row))
    name = row.customer.name
    consequences = [
        gettext("%(name)s reads that you send none.") % {"name": name},
        gettext("What you have drafted is emptied."),
        gettext("You can no longer ask questions about it or change your mind."),
    ]
    more = {
        "title": gettext("Send no proposal to %(name)s?") % {"name": name},
        "consequences": consequences,
        "url": f"{_address(request, row)}/decline",
        "cancel_url": _address(request, row),
    }
    return _shown(request, "partner/proposal_decline.html", row, more)
