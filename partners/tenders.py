"""Tenders, from the customer's side: open with facts that are the same for all, answer questions, compare, choose, close.

A partner reads its own invitation, the shared questions, and finally its own outcome: never that, who or how many others were
invited. Nothing here gives or ends an access; whoever ends a tender may end what was given for it, in a decision of its own.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce, Now
from django.utils import timezone

from access import audit
from access.errors import Ended, Invalid, require
from access.models import Category, Organization, Site
from access.viewer import Viewer
from access.viewing import Look
from partners import business_notices
from partners.models import Proposal, ProposalState, Tender, TenderQuestion, TenderState
from telemetry import lifecycle
from telemetry.models import Device, DeviceInventory

MOST_INVITED = 20
MOST_DAYS = 90
WHO = "Only owners and approvers of your company ask for proposals"
ANSWERED = (ProposalState.SENT, ProposalState.CHOSEN, ProposalState.NOT_CHOSEN)  # what the customer reads of a tender
GONE_ON = {"ok": "supported", "watch": "ends_soon", "risk": "ended", "mute": "unknown"}


def visible_to(viewer: Viewer) -> QuerySet[Tender]:
    """The customer's own; those a partner was invited to; nobody else any."""
    found = Tender.objects.select_related("customer")  # without the site: a partner may hold nothing there
    if viewer.is_customer:
        return found.filter(customer=viewer.organization_id)
    if viewer.is_partner:
        own = Proposal.objects.filter(partner=viewer.organization_id)
        if viewer.only_customers is not None:
            own = own.filter(customer__in=viewer.only_customers)
        return found.filter(pk__in=own.values("tender"))
    return found.none()


def with_offers(viewer: Viewer) -> QuerySet[Any]:
    """A customer's open tenders to which something was sent, newest first, with `sent`: how many the customer can read."""
    return counted(viewer).filter(state=TenderState.OPEN, sent__gt=0)


def counted(viewer: Viewer) -> QuerySet[Any]:
    """A customer's tenders, newest first, with `sent`."""
    sent = Proposal.objects.filter(tender=OuterRef("pk"), state__in=ANSWERED)
    number = sent.order_by().values("tender").annotate(number=Count("pk")).values("number")
    return visible_to(viewer).annotate(sent=Coalesce(Subquery(number), 0)).order_by("-opened_at", "pk")


def looks(rows: Iterable[Tender]) -> list[Look]:
    """What somebody who is invited reads is the customer's own text, perhaps about a site it holds nothing at: so none is named."""
    return [Look(t.customer_id, Category.ANY, None, "tender", t.title, [t.public_id]) for t in rows]


@transaction.atomic
def open(  # noqa: A001
    *, site: Site, title: str, wish: str, partners: Sequence[Organization], days: int, by: Viewer
) -> Tender:
    """Ask partners for proposals about a site; each reads the same title, wish and facts. Gives no access. Raises NotAllowed, Invalid."""
    require(by.may_decide and site.customer_id == by.organization_id, WHO)
    _check(title, wish, partners, days)
    row = Tender(
        customer=by.organization,
        site=site,
        title=title.strip(),
        wish=wish.strip(),
        facts=facts(site, by=by),
        answers_until=timezone.now() + timedelta(days=days),
        opened_by=by.user,
    )
    row.save(force_insert=True)
    for partner in partners:
        Proposal(customer=by.organization, partner=partner, tender=row).save(force_insert=True)
    _note(row, by, "tender.opened", {"partners": sorted(p.name for p in partners), "facts": row.facts})
    business_notices.queue_tender("tender_invited", row, [p.pk for p in partners])
    row.refresh_from_db()
    return row


def facts(site: Site, *, by: Viewer) -> dict[str, Any]:
    """How much there is of what, and how long it is supported: numbers alone. Names, models, serials and states need an access.

    Frozen when the tender opens, so that all who are invited offer for the same.
    """
    devices = list(Device.objects.visible_to(by).filter(site=site, retired_at=None).values_list("pk", "kind"))
    known = DeviceInventory.objects.visible_to(by).filter(device__in=[pk for pk, _ in devices])
    support: Counter[str] = Counter()
    models = Counter(known.values_list("vendor", "model"))
    states = lifecycle.states(models)
    for model, count in models.items():
        support[GONE_ON[states[model]]] += count
    return {
        "taken_at": timezone.now().isoformat(timespec="seconds"),
        "devices": len(devices),
        "kinds": dict(sorted(Counter(kind for _, kind in devices).items())),
        "support": {word: support[word] for word in GONE_ON.values()},
    }


@dataclass(frozen=True, slots=True)
class Invited:
    """Who was asked, for the customer alone. state: "invited" also while a draft is being written, which is the partner's own."""

    partner: Organization
    state: str


def invited(tender: Tender, *, viewer: Viewer) -> list[Invited]:
    """By name. Empty for anybody but the customer."""
    if not (viewer.is_customer and tender.customer_id == viewer.organization_id):
        return []
    with connection.cursor() as cursor:
        cursor.execute("SELECT partner_id, state FROM list_invited(%s)", [tender.pk])
        states = dict(cursor.fetchall())
    rows = Organization.objects.filter(pk__in=states).order_by("name", "pk")
    return [Invited(partner, states[partner.pk]) for partner in rows]


def questions(tender: Tender, *, viewer: Viewer) -> QuerySet[TenderQuestion]:
    """In the order in which they were asked. A partner reads its own, and others' once they are answered, without who asked."""
    found = TenderQuestion.objects.filter(tender=tender)
    if viewer.is_partner:
        found = found.filter(Q(asked_by=viewer.organization_id) | Q(answered_at__isnull=False))
    elif not (viewer.is_customer and tender.customer_id == viewer.organization_id):
        return found.none()
    return found.order_by("asked_at", "pk")


@transaction.atomic
def answer(question: TenderQuestion, *, text: str, by: Viewer) -> TenderQuestion:
    """Answer once, for all who are invited. Raises NotAllowed, Invalid, Ended."""
    require(by.may_decide and question.customer_id == by.organization_id, WHO)
    if not 1 <= len(text.strip()) <= 4000:
        raise Invalid("An answer has 1 to 4,000 characters", "answer")
    lock(question.tender_id)
    still_open(question.tender_id)
    open_question = TenderQuestion.objects.filter(pk=question.pk, answered_at=None)
    if open_question.update(answer=text.strip(), answered_at=Now()) == 0:
        raise Ended("This question is answered already, and all have read it")
    question.refresh_from_db()
    return question


@transaction.atomic
def choose(proposal: Proposal, *, by: Viewer) -> Tender:
    """Take one of the proposals that were sent; the others learn that theirs was not taken. Raises NotAllowed, Ended."""
    require(by.may_decide and proposal.customer_id == by.organization_id, WHO)
    lock(proposal.tender_id)
    tender = still_open(proposal.tender_id)
    taken = Proposal.objects.filter(pk=proposal.pk, state=ProposalState.SENT)
    if taken.update(state=ProposalState.CHOSEN) == 0:
        raise Ended("This proposal can no longer be chosen")
    return _finish(tender, TenderState.CHOSEN, by, {"proposal": proposal.public_id, "partner": proposal.partner.name})


@transaction.atomic
def close(tender: Tender, *, by: Viewer) -> Tender:
    """End it without a choice. Raises NotAllowed, Ended."""
    require(by.may_decide and tender.customer_id == by.organization_id, WHO)
    lock(tender.pk)
    return _finish(still_open(tender.pk), TenderState.CLOSED, by, {})


def lock(tender: UUID) -> None:
    """Sending and choosing wait for each other. A lock of its own: a partner may not lock the customer's row."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"tender:{tender}"])


def still_open(tender: UUID) -> Tender:
    row = Tender.objects.select_related("customer").filter(pk=tender, state=TenderState.OPEN).first()
    if row is None:
        raise Ended("This tender is over")
    return row


def _finish(tender: Tender, state: TenderState, by: Viewer, after: dict[str, Any]) -> Tender:
    """Drafts stay their partner's own: that the tender is over says enough about them."""
    Proposal.objects.filter(tender=tender, state=ProposalState.SENT).update(state=ProposalState.NOT_CHOSEN)
    Tender.objects.filter(pk=tender.pk).update(state=state, closed_at=Now())
    tender.refresh_from_db()
    _note(tender, by, f"tender.{state}", after)
    business_notices.queue_tender("tender_over", tender, [i.partner.pk for i in invited(tender, viewer=by)])
    return tender


def _check(title: str, wish: str, partners: Iterable[Organization], days: int) -> None:
    chosen = list(partners)
    if not 1 <= len(title.strip()) <= 160:
        raise Invalid("Give it a title of at most 160 characters", "title")
    if not 1 <= len(wish.strip()) <= 4000:
        raise Invalid("Say in 1 to 4,000 characters what you wish for", "wish")
    if not 1 <= len({p.pk for p in chosen}) <= MOST_INVITED:
        raise Invalid(f"Invite 1 to {MOST_INVITED} partners", "partners")
    if any(not (p.is_partner and p.is_active) for p in chosen) or len({p.pk for p in chosen}) != len(chosen):
        raise Invalid("Invite partners of the directory, each once", "partners")
    if not 1 <= days <= MOST_DAYS:
        raise Invalid(f"Partners have 1 to {MOST_DAYS} days to answer", "days")


def _note(row: Tender, by: Viewer, action: str, after: dict[str, Any]) -> None:
    audit.record(
        customer=row.customer_id, by=by, action=action, kind="tender", id=row.public_id, words=row.title, after=after
    )
