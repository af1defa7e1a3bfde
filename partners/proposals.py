"""Proposals: a partner drafts, asks, sends or declines; the customer compares what was sent, by the same rows for all.

Neutral by rule (docs/UI.md): by partner name, marks for single facts alone, no recommendation.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from access import audit
from access.errors import Ended, Invalid, require
from access.models import Category, Grant
from access.viewer import Viewer
from partners import business_notices, tenders
from partners.models import Proposal, ProposalState, Tender, TenderQuestion, TenderState

MOST_QUESTIONS = 20  # of one partner about one tender
YEARS = 3
FACTS = (
    "summary",
    "text",
    "price_cents",
    "yearly_cents",
    "currency",
    "work_hours",
    "survives_one_failure",
    "starts_on",
)
WRITABLE = (ProposalState.INVITED, ProposalState.DRAFT)
READABLE = tenders.ANSWERED
LEFT_OUT = {  # by (no price once, no yearly price); read by programs, so it is not translated
    (False, False): "",
    (False, True): "no yearly price stated",
    (True, False): "no price once stated",
    (True, True): "no price stated",
}
NOT_YOURS = "This proposal is not yours to write"


def visible_to(viewer: Viewer) -> QuerySet[Proposal]:
    """A partner's own, whatever their state; of a customer's tenders what was sent to it."""
    found: QuerySet[Proposal] = Proposal.objects.visible_to(viewer)
    if viewer.is_customer:
        found = found.filter(state__in=READABLE)
    elif viewer.only_customers is not None:
        found = found.filter(customer__in=viewer.only_customers)
    return found.select_related("tender", "partner", "customer")


def to_choose_from(viewer: Viewer) -> QuerySet[Proposal]:
    """Proposals that were sent to the customer, of tenders that are open."""
    return visible_to(viewer).filter(state=ProposalState.SENT, tender__state=TenderState.OPEN)


def to_answer(viewer: Viewer) -> QuerySet[Proposal]:
    """A partner's own places in tenders that it can still answer."""
    open_now = {"tender__state": TenderState.OPEN, "tender__answers_until__gt": Now()}
    return visible_to(viewer).filter(state__in=WRITABLE, **open_now)


def version(proposal: Proposal) -> str:
    """Of what it says: two drafts that say the same have the same."""
    said = json.dumps([getattr(proposal, name) for name in FACTS], default=str)
    return hashlib.sha256(said.encode()).hexdigest()[:16]


@transaction.atomic
def draft(proposal: Proposal, *, by: Viewer, values: Mapping[str, Any], seen: str = "") -> Proposal:
    """Write down some of FACTS; nobody but the partner reads them before they are sent. seen: the `version` that was read
    before, '' for whatever it is by now. Raises NotAllowed, Invalid, Ended."""
    _require_own(proposal, by)
    if unknown := set(values) - set(FACTS):
        raise Invalid("This is not part of a proposal", min(unknown))
    row = _writable(proposal)
    _still_says(row, seen, "A colleague has saved another draft meanwhile. Save once more to replace it with yours")
    for name, value in values.items():
        setattr(row, name, value)
    row.state = ProposalState.DRAFT
    row.save(update_fields=[*values, "state"])
    return row


@transaction.atomic
def send(proposal: Proposal, *, by: Viewer, seen: str = "") -> Proposal:
    """Give it to the customer; it cannot be changed afterwards. seen: the `version` that was read, '' for whatever it is by now.
    Raises NotAllowed, Invalid, Ended."""
    _require_own(proposal, by)
    _require_offers(by)
    row = _writable(proposal)
    _still_says(row, seen, "A colleague has changed it since you read it. Nothing was sent: read it again")
    if not row.summary.strip():
        raise Invalid("Say in one sentence what you propose", "summary")
    row.state, row.sent_at = ProposalState.SENT, Now()
    row.save(update_fields=["state", "sent_at"])
    row.refresh_from_db()
    _note(row, by, "proposal.sent")
    business_notices.queue_for_customer("proposal_sent", customer=row.customer_id, partner=row.partner_id, ref=row.pk)
    return row


@transaction.atomic
def decline(proposal: Proposal, *, by: Viewer) -> Proposal:
    """There will be none. What was drafted is emptied: the customer may read a declined row. Raises NotAllowed, Ended."""
    _require_own(proposal, by)
    _require_offers(by)
    row = _writable(proposal)
    blank = Proposal()
    for name in FACTS:
        setattr(row, name, getattr(blank, name))
    row.state = ProposalState.DECLINED
    row.save(update_fields=[*FACTS, "state"])
    _note(row, by, "proposal.declined")
    return row


@transaction.atomic
def ask(tender: Tender, *, question: str, by: Viewer) -> TenderQuestion:
    """Once it is answered all who are invited read it, without who asked. Raises NotAllowed, Invalid, Ended."""
    invited = Proposal.objects.filter(tender=tender, partner=by.organization_id).exclude(state=ProposalState.DECLINED)
    require(by.is_partner and by.may_write and invited.exists(), "Only who is invited asks questions")
    if not 1 <= len(question.strip()) <= 2000:
        raise Invalid("A question has 1 to 2,000 characters", "question")
    tenders.lock(tender.pk)
    tenders.still_open(tender.pk)
    if TenderQuestion.objects.filter(tender=tender, asked_by=by.organization_id).count() >= MOST_QUESTIONS:
        raise Invalid(f"At most {MOST_QUESTIONS} questions about one tender", "question")
    row = TenderQuestion(
        customer_id=tender.customer_id, tender=tender, asked_by=by.organization, question=question.strip()
    )
    row.save(force_insert=True)
    row.refresh_from_db()
    assert by.organization_id is not None  # it is a partner's
    business_notices.queue_for_customer(
        "question_asked",
        customer=tender.customer_id,
        partner=by.organization_id,
        ref=tender.pk,
        key=f"{tender.pk}:{timezone.now():%Y-%m-%d}",
    )
    return row


@dataclass(slots=True)
class Compared:
    """One proposal beside the others. labels: facts in which it alone stands out, in words of LABELS."""

    proposal: Proposal
    cost_cents: int | None  # of what is stated, over YEARS; None where nothing is
    sees: list[Category]  # what the partner can see at the site now, by grants alone
    sees_until: datetime | None = None
    labels: list[str] = field(default_factory=list)


def compare(tender: Tender, *, viewer: Viewer) -> list[Compared]:
    """Sent proposals of one tender in the order of the partners' names, for the customer alone."""
    if not viewer.is_customer:
        return []
    sent = list(visible_to(viewer).filter(tender=tender).order_by("partner__name", "pk"))
    held = _held({p.partner_id for p in sent}, tender)
    rows = [_beside(p, held.get(p.partner_id)) for p in sent]
    for label, best in LABELS.items():
        found = best(rows)
        if found is not None:
            found.labels.append(label)
    return rows


def cost(proposal: Proposal) -> int | None:
    """Price and yearly price over YEARS, in cents; None unless both or one of them are stated."""
    if proposal.price_cents is None and proposal.yearly_cents is None:
        return None
    return int(Decimal(proposal.price_cents or 0) + YEARS * Decimal(proposal.yearly_cents or 0))


def whole_cost(proposal: Proposal) -> int | None:
    """As `cost`, but None where a part is left out: for whoever reads a number without the words beside it."""
    return None if left_out(proposal) else cost(proposal)


def left_out(proposal: Proposal) -> str:
    """Why there is no whole cost; '' where there is one."""
    return LEFT_OUT[(proposal.price_cents is None, proposal.yearly_cents is None)]


def _least(value: Callable[[Compared], Any]) -> Callable[[list[Compared]], Compared | None]:
    """Of at least two that state it, the one with the lowest value; None where two are equal."""

    def best(rows: list[Compared]) -> Compared | None:
        stated = sorted((r for r in rows if value(r) is not None), key=value)
        if len(stated) < 2 or value(stated[0]) == value(stated[1]):
            return None
        return stated[0]

    return best


def _lowest_price(rows: list[Compared]) -> Compared | None:
    """Prices in two currencies are not compared; and whoever leaves one part out may still ask for it, so is not the lowest."""
    if len({r.proposal.currency for r in rows if r.cost_cents is not None}) != 1:
        return None
    found = _least(lambda r: r.cost_cents)(rows)
    return None if found is None or None in (found.proposal.price_cents, found.proposal.yearly_cents) else found


def _start(row: Compared) -> date | None:
    """Nobody starts in the past: a day that is over means today."""
    return max(row.proposal.starts_on, timezone.localdate()) if row.proposal.starts_on else None


def _alone_survives(rows: list[Compared]) -> Compared | None:
    surviving = [r for r in rows if r.proposal.survives_one_failure]
    return surviving[0] if len(surviving) == 1 and len(rows) > 1 else None


LABELS: dict[str, Callable[[list[Compared]], Compared | None]] = {
    "lowest_price": _lowest_price,
    "fewest_hours": _least(lambda r: r.proposal.work_hours),
    "earliest_start": _least(_start),
    "only_one_that_survives_a_failure": _alone_survives,
}


def _held(partners: set[UUID], tender: Tender) -> dict[UUID, Grant]:
    return {g.partner_id: g for g in Grant.objects.live().filter(site=tender.site_id, partner__in=partners)}


def _beside(proposal: Proposal, grant: Grant | None) -> Compared:
    if grant is None:
        return Compared(proposal, cost(proposal), [])
    return Compared(proposal, cost(proposal), grant.ordered_categories, grant.expires_at)


def _require_own(proposal: Proposal, by: Viewer) -> None:
    require(by.is_partner and by.may_write and proposal.partner_id == by.organization_id, NOT_YOURS)


def may_offer(viewer: Viewer) -> bool:
    """Whether it speaks for its company: what is sent binds it. An engineer drafts."""
    return viewer.may_write and viewer.rank in business_notices.MAKE_OFFERS


def _require_offers(by: Viewer) -> None:
    require(may_offer(by), "Admins and sales of your company send or decline a proposal; you may draft it")


def _still_says(row: Proposal, seen: str, words: str) -> None:
    if seen and seen != version(row):
        raise Invalid(words)


def _writable(proposal: Proposal) -> Proposal:
    """The row, locked, of a tender that is open and still waits for answers. Raises Ended."""
    tenders.lock(proposal.tender_id)
    open_until = tenders.still_open(proposal.tender_id).answers_until
    row = (
        Proposal.objects.select_for_update(of=("self",))
        .select_related("partner", "customer", "tender")
        .filter(pk=proposal.pk, state__in=WRITABLE)
        .first()
    )
    if row is None:
        raise Ended("This proposal was sent or declined already")
    if not Tender.objects.filter(pk=row.tender_id, answers_until__gt=Now()).exists():
        raise Ended(f"Answers were awaited until {open_until:%Y-%m-%d %H:%M} UTC")
    return row


def _note(row: Proposal, by: Viewer, action: str) -> None:
    """In the customer's journal, which the act concerns, and in the partner's own."""
    for journal in (row.customer_id, row.partner_id):
        audit.record(
            customer=journal, by=by, action=action, kind="proposal", id=row.public_id, words=f"{row.tender.title}"
        )
