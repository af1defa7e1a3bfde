"""A partner's inbox of customers that ask it for a proposal: the frozen fact sheet, the shared questions and answers, asking.

Of anybody else who was asked there is nothing here, neither name nor number; but a question that the customer answered for all
stands there for all, without who asked.
"""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from access import viewing
from access.viewer import Viewer
from access.views import log
from access.views.pages import PageRequest, acted, for_partner
from partners import proposals, tenders
from partners.forms import QuestionForm
from partners.models import Proposal, ProposalState, Tender, TenderState
from partners.proposals import WRITABLE
from partners.views import sheet
from partners.views.frame import base_of, one_page, saying, shown
from partners.views.sheet import zone_of

ANSWERS = 20  # on one page
CHIPS = {
    ProposalState.INVITED: ("watch", "Waits for your answer"),
    ProposalState.DRAFT: ("watch", "Your draft"),
    ProposalState.SENT: ("acc", "Sent"),
    ProposalState.CHOSEN: ("ok", "Chosen"),
    ProposalState.NOT_CHOSEN: ("plain", "Not taken"),
    ProposalState.DECLINED: ("plain", "You declined"),
}


@for_partner
def index(request: PageRequest, partner_slug: str) -> HttpResponse:
    viewer = request.viewer
    found = tenders.visible_to(viewer).order_by("-opened_at", "pk")
    mine = {p.tender_id: p for p in proposals.visible_to(viewer)}
    rows = [line(t, mine[t.pk]) for t in found if t.pk in mine]
    export = request.GET.get("format") in {"csv", "json"}
    page = one_page(request, rows)
    listed = [r["tender"] for r in (rows if export else page["rows"])]
    viewing.record(viewer, tenders.looks(listed), way="export" if export else "page")
    if export:
        return log.export(request, map(_exported, rows), "tenders")
    return shown(request, "partner/tenders.html", page | {"zone": zone_of(request)})


def line(tender: Tender, proposal: Proposal) -> dict[str, Any]:
    return {"tender": tender, "proposal": proposal, **state_of(tender, proposal)}


def state_of(tender: Tender, proposal: Proposal) -> dict[str, Any]:
    """Where the partner's own proposal stands. Over is over: the words do not depend on what became of anybody else's."""
    is_open = tender.state == TenderState.OPEN
    waits = proposal.state in WRITABLE
    chip, words = CHIPS[ProposalState(proposal.state)]
    may_write = is_open and waits and tender.answers_until > timezone.now()
    if waits and not may_write:
        chip, words = "plain", "Over, nothing sent"
    return {"chip": chip, "words": gettext(words), "is_open": is_open, "may_write": may_write}


def _exported(row: dict[str, Any]) -> dict[str, Any]:
    tender: Tender = row["tender"]
    return {
        "tender": tender.public_id,
        "customer": tender.customer.name,
        "title": tender.title,
        "open": row["is_open"],
        "opened_at": tender.opened_at,
        "answers_until": tender.answers_until,
        "proposal": row["proposal"].public_id,
        "state": row["proposal"].state,
    }


def one(viewer: Viewer, public_id: str) -> tuple[Tender, Proposal]:
    """A tender with the partner's own proposal; 404 for one that it was not asked in."""
    tender = get_object_or_404(tenders.visible_to(viewer), public_id=public_id)
    return tender, get_object_or_404(proposals.visible_to(viewer), tender=tender)


@for_partner
def page(request: PageRequest, partner_slug: str, public_id: str) -> HttpResponse:
    return _page(request, *one(request.viewer, public_id), QuestionForm())


def _page(request: PageRequest, tender: Tender, proposal: Proposal, form: QuestionForm) -> HttpResponse:
    viewer = request.viewer
    viewing.record(viewer, tenders.looks([tender]), way="page")
    asked = list(tenders.questions(tender, viewer=viewer))
    state = state_of(tender, proposal)
    may_ask = state["is_open"] and proposal.state != ProposalState.DECLINED and viewer.may_write
    context = {
        "tender": tender,
        "proposal": proposal,
        **state,
        "facts": sheet.facts(tender.facts),
        **one_page(request, [q for q in asked if q.answered_at], ANSWERS),
        "waiting": [q for q in asked if not q.answered_at],  # its own: nobody else's is shown before it is answered
        "form": form if may_ask else None,
        "zone": zone_of(request),
    }
    return shown(request, "partner/tender.html", context)


@require_POST
@for_partner
def ask(request: PageRequest, partner_slug: str, public_id: str) -> HttpResponse:
    tender, proposal = one(request.viewer, public_id)
    form = QuestionForm(request.POST)
    if not form.is_valid():
        return _page(request, tender, proposal, form)
    words = gettext("Your question is with %(name)s.") % {"name": tender.customer.name}
    question = form.cleaned_data["question"]
    acted(request, saying(words, lambda: proposals.ask(tender, question=question, by=request.viewer)))
    return redirect(f"{base_of(request.viewer)}/tenders/{public_id}")
