"""The customer asks several partners for proposals: the list, asking, one comparison by the same rows for all, answers."""

from typing import Any
from uuid import UUID

from django.db.models import F, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_POST

from access import policy, sentences
from access.errors import require
from access.models import Grant, Organization, Site
from access.viewer import Viewer
from access.views import log
from access.views.pages import PageRequest, acted, for_customer
from partners import proposals, tenders
from partners.forms import ANSWER_DAYS, AnswerForm, TenderForm
from partners.models import ProposalState, Tender, TenderQuestion, TenderState
from partners.tenders import Invited
from partners.views import sheet
from partners.views.frame import one_page, posted
from telemetry import summaries
from telemetry.models import DeviceHealth, Forecast

DEFAULT_ANSWER_DAYS = 14
QUESTIONS = 10  # with a form each on one page
CHIPS = {TenderState.OPEN: "acc", TenderState.CHOSEN: "ok", TenderState.CLOSED: "plain"}
INVITED = {
    ProposalState.INVITED: ("plain", "Has not answered yet"),
    ProposalState.DECLINED: ("plain", "Will send none"),
    ProposalState.SENT: ("acc", "Sent a proposal"),
    ProposalState.CHOSEN: ("acc", "Chosen"),
    ProposalState.NOT_CHOSEN: ("plain", "Not chosen"),
}


def own(request: PageRequest) -> QuerySet[Tender]:
    """The customer's tenders with their sites, which are its own."""
    return tenders.visible_to(request.viewer).select_related("site")


def organization_of(request: PageRequest) -> Organization:
    assert request.viewer.organization is not None  # for_customer let nobody else in
    return request.viewer.organization


@for_customer
def index(request: PageRequest) -> HttpResponse:
    found = tenders.counted(request.viewer).select_related("site")
    if request.GET.get("format") in {"csv", "json"}:
        return log.export(request, map(_exported, found), "proposals")
    rows = [{"tender": t, "sent": t.sent, **state_of(t)} for t in found]
    context = one_page(request, rows) | {"zone": organization_of(request).timezone}
    return render(request, "portal/proposals.html", context)


def _exported(row: Any) -> dict[str, Any]:
    return {
        "tender": row.public_id,
        "title": row.title,
        "site": row.site.name,
        "state": row.state,
        "proposals": row.sent,
        "opened_at": row.opened_at,
        "answers_until": row.answers_until,
        "closed_at": row.closed_at,
    }


def state_of(row: Tender) -> dict[str, Any]:
    """In a chip: open, open without anybody who could still answer, over."""
    is_open = row.state == TenderState.OPEN
    if is_open and row.answers_until <= timezone.now():
        return {"chip": "watch", "words": gettext("Waits for your choice"), "is_open": True, "is_late": True}
    words = {TenderState.CHOSEN: gettext("Chosen"), TenderState.CLOSED: gettext("Closed")}
    state = TenderState(row.state)
    return {"chip": CHIPS[state], "words": words.get(state, gettext("Open")), "is_open": is_open, "is_late": False}


@for_customer
def ask(request: PageRequest) -> HttpResponse:
    """Ask partners: a form, and beside it the sheet of facts that each of them will read. `?site=` fills the site in."""
    viewer = request.viewer
    require(viewer.may_decide or request.method != "POST", tenders.WHO)
    sites = Site.objects.visible_to(viewer).filter(closed_at=None).order_by("name")
    form = TenderForm(posted(request), sites=sites, partners=policy.directory(), initial=_first(request))
    if request.method == "POST" and not request.POST.get("preview") and form.is_valid():
        row = _opened(request, form)
        if row is not None:
            return redirect("tender", row.public_id)
    site = form.chosen_site or next(iter(form.sites.values()), None)
    context = {
        "form": form,
        "site": site,
        "facts": sheet.facts(tenders.facts(site, by=viewer)) if site else [],
        "partners": _partner_options(form, viewer),
        "lengths": [_length(days, form) for days in ANSWER_DAYS],
        "is_preview": bool(request.POST.get("preview")),
    }
    return render(request, "portal/proposals_ask.html", context)


def _first(request: PageRequest) -> dict[str, Any]:
    return {
        "site": request.GET.get("site", ""),
        "title": request.GET.get("title", "")[:160],
        "days": str(DEFAULT_ANSWER_DAYS),
    }


def _opened(request: PageRequest, form: TenderForm) -> Tender | None:
    """None: refused, with the reason on its field."""
    said, opened = form.cleaned_data, []

    def act() -> str:
        row = tenders.open(
            site=form.sites[said["site"]],
            title=said["title"],
            wish=said["wish"],
            partners=form.chosen_partners,
            days=said["days"],
            by=request.viewer,
        )
        opened.append(row)
        asked = sentences.listed([p.name for p in form.chosen_partners])
        return gettext("You asked %(names)s. Nobody was given access to anything.") % {"names": asked}

    acted(request, act)
    return opened[0] if opened else None


def _partner_options(form: TenderForm, viewer: Viewer) -> list[dict[str, Any]]:
    """The directory by name, with what each sees today: for a proposal nobody needs more than the sheet of facts."""
    live: dict[UUID, list[str]] = {}
    for grant in Grant.objects.visible_to(viewer).live().select_related("site").order_by("site__name"):
        live.setdefault(grant.partner_id, []).append(grant.site.name)
    chosen = {p.pk for p in form.chosen_partners}
    return [_partner_option(p, live.get(p.pk, []), checked=p.pk in chosen) for p in form.directory.values()]


def _partner_option(partner: Organization, sites: list[str], *, checked: bool) -> dict[str, Any]:
    sees = gettext("Sees something at %(sites)s today, and goes on doing so.") % {"sites": sentences.listed(sites)}
    return {
        "value": partner.public_id,
        "label": partner.name,
        "help": sees
        if sites
        else gettext("Sees nothing of yours, and being asked shows it nothing but the fact sheet."),
        "chip": gettext("Has access") if sites else "",
        "checked": checked,
    }


def _length(days: int, form: TenderForm) -> dict[str, Any]:
    label = ngettext("%(n)d day", "%(n)d days", days) % {"n": days}
    return {"value": days, "label": label, "checked": str(form["days"].value()) == str(days)}


@for_customer
def page(request: PageRequest, public_id: str) -> HttpResponse:
    return _page(request, get_object_or_404(own(request), public_id=public_id))


def _page(request: PageRequest, row: Tender, refused: dict[UUID, AnswerForm] | None = None) -> HttpResponse:
    """refused: the answer that could not be saved, as it was typed, by its question."""
    viewer, customer = request.viewer, organization_of(request)
    rows = proposals.compare(row, viewer=viewer)
    if request.GET.get("format") in {"csv", "json"}:
        return log.export(request, map(sheet.exported, rows), "comparison")
    state = state_of(row)
    may_decide = viewer.may_decide and state["is_open"]
    context = {
        "tender": row,
        **state,
        "title": title_of(row, len(rows)),
        "facts": sheet.facts(row.facts),
        "cards": [_card(row, c, customer, may_choose=may_decide) for c in rows],
        "in_short": sheet.in_short(rows),
        "invited": [invited_line(i) for i in tenders.invited(row, viewer=viewer)],
        **_questions(request, row, refused or {}),
        "today": today(viewer, row.site),
        "may_decide": may_decide,
        "zone": customer.timezone,
    }
    return render(request, "portal/proposals_compare.html", context)


def title_of(row: Tender, sent: int) -> str:
    """The sentence that the page answers first."""
    words = {"n": sent, "title": row.title}
    if not sent:
        return gettext("No proposal yet: %(title)s") % words
    return ngettext("One proposal: %(title)s", "%(n)d proposals: %(title)s", sent) % words


def _card(row: Tender, compared: proposals.Compared, customer: Organization, *, may_choose: bool) -> dict[str, Any]:
    name = compared.proposal.partner.name
    url = reverse("proposal", args=[row.public_id, compared.proposal.public_id])
    shown = sheet.card(compared, customer, url)
    choose = {"url": f"{url}/choose", "action": gettext("Choose %(name)s") % {"name": name}}
    return shown | choose if may_choose else shown


def invited_line(row: Invited) -> dict[str, Any]:
    chip, words = INVITED[ProposalState(row.state)]
    return {"partner": row.partner, "chip": chip, "words": gettext(words)}


def _questions(request: PageRequest, row: Tender, refused: dict[UUID, AnswerForm]) -> dict[str, Any]:
    """What waits first, in the order it was asked; a page of them."""
    found = list(
        tenders.questions(row, viewer=request.viewer).order_by(F("answered_at").asc(nulls_first=True), "asked_at")
    )
    page = one_page(request, found, QUESTIONS)
    return page | {"rows": [_question(q, refused) for q in page["rows"]]}


def _question(row: TenderQuestion, refused: dict[UUID, AnswerForm]) -> dict[str, Any]:
    form = refused.get(row.pk) or AnswerForm(auto_id=f"id_{row.pk}_%s")
    return {"row": row, "form": None if row.answered_at else form}


def today(viewer: Viewer, site: Site) -> dict[str, Any]:
    """How the site does without any proposal: its score, and the first limit we expect it to reach. One model, the same for all."""
    health = DeviceHealth.objects.visible_to(viewer).filter(site=site, device__retired_at=None)
    coming = Forecast.objects.visible_to(viewer).filter(site=site, alert__resolved_at=None, eta__gt=timezone.now())
    return {
        "score": summaries.mean_score(list(health.values_list("score", "device__kind"))),
        "next": coming.select_related("alert", "device").order_by("eta").first(),
    }


@require_POST
@for_customer
def answer(request: PageRequest, public_id: str, question: UUID) -> HttpResponse:
    row = get_object_or_404(own(request), public_id=public_id)
    asked = get_object_or_404(tenders.questions(row, viewer=request.viewer), pk=question)
    require(request.viewer.may_decide, tenders.WHO)
    form = AnswerForm(request.POST, auto_id=f"id_{asked.pk}_%s")
    if not form.is_valid():
        return _page(request, row, {asked.pk: form})

    def act() -> str:
        tenders.answer(asked, text=form.cleaned_data["answer"], by=request.viewer)
        return gettext("Your answer is there for all whom you asked.")

    acted(request, act)
    return redirect("tender", row.public_id)
