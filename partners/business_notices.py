"""Mails about tenders, proposals and contracts: to a partner's people who make offers, to the customer's who decide.

A partner is told of its own invitation, its own outcome and its own contracts; never that, who or how many others there are.
Queued as work of the customer in the transaction of the act. Whether a mail may still go, to whom and what it says is asked
when it is sent: a partner that was suspended, a colleague who left or is assigned elsewhere, a tender that is over get none.
"""

from collections.abc import Callable, Iterable
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from access import viewing
from access.models import Category, Organization, Role
from access.principal import principal
from access.viewer import Viewer
from access.viewing import Look
from partners.forwarding import business_mails as mails
from partners.forwarding.mails import Mail
from partners.mailing import DECIDERS, people, send
from partners.models import Contract, Proposal, ProposalState, Tender, TenderState
from telemetry import jobs

MAKE_OFFERS = (Role.ADMIN, Role.SALES)
OUTCOMES: dict[str, Callable[[mails.TenderFacts], Mail]] = {
    ProposalState.CHOSEN: mails.proposal_chosen,
    ProposalState.NOT_CHOSEN: mails.proposal_not_chosen,
    ProposalState.INVITED: mails.tender_over,
    ProposalState.DRAFT: mails.tender_over,
}


def queue_tender(kind: str, tender: Tender, partners: Iterable[UUID]) -> None:
    """kind: "tender_invited" or "tender_over". One mail for each partner, once. Inside the customer's own transaction."""
    for partner in partners:
        jobs.enqueue(
            f"notice.{kind}",
            customer=tender.customer_id,
            ref=tender.pk,
            key=f"{tender.pk}:{partner}",
            payload={"partner": str(partner)},
        )


def queue_contract(kind: str, contract: Contract) -> None:
    """kind: "contract_filed" or "contract_ended". Inside the customer's own transaction."""
    jobs.enqueue(f"notice.{kind}", customer=contract.customer_id, ref=contract.pk)


def queue_for_customer(kind: str, *, customer: UUID, partner: UUID, ref: UUID, key: str = "") -> None:
    """kind: "proposal_sent" or "question_asked". As work of both: a partner may not queue for a customer it holds nothing of."""
    with principal(kind="job", customers={customer, partner}):
        jobs.enqueue(f"notice.{kind}", customer=customer, ref=ref, key=key, payload={"partner": str(partner)})


@jobs.handles("notice.tender_invited")
def tender_invited(claim: jobs.Claim) -> None:
    _to_partner(claim, lambda tender, proposal: mails.tender_invited if tender.state == TenderState.OPEN else None)


@jobs.handles("notice.tender_over")
def tender_over(claim: jobs.Claim) -> None:
    """Who declined has heard enough."""
    _to_partner(claim, lambda tender, proposal: OUTCOMES.get(proposal.state))


Choice = Callable[[Tender, Proposal], Callable[[mails.TenderFacts], Mail] | None]


def _to_partner(claim: jobs.Claim, choice: Choice) -> None:
    partner_id = UUID(claim.payload["partner"])
    with principal(kind="job", customers={claim.customer_id, partner_id}):
        tender = Tender.objects.select_related("customer").get(pk=claim.ref)
        proposal = Proposal.objects.get(tender=tender, partner=partner_id)
        partner = Organization.objects.get(pk=partner_id)
        make = choice(tender, proposal)
        if make is None:
            return
        with timezone.override(partner.timezone):
            mail = make(
                mails.TenderFacts(
                    customer_name=tender.customer.name,
                    title=tender.title,
                    answers_until=tender.answers_until,
                    link=f"{settings.PUBLIC_URL}/p/{partner.slug}/{page_of(tender, proposal)}",
                )
            )
        to = people(partner_id, MAKE_OFFERS, about=tender.customer_id)
        for user in to:
            # The title is the customer's: reading it in a mail is a look, like reading it in the API.
            viewer = Viewer(kind="partner", user=user, organization=partner)
            look = Look(tender.customer_id, Category.ANY, None, "tender", tender.title, [tender.public_id])
            viewing.record(viewer, [look], way="email")
        send(mail, to, job=claim.id)


def page_of(tender: Tender, proposal: Proposal) -> str:
    """Of the partner: what is asked while it waits for an answer, afterwards what became of its own."""
    is_open = tender.state == TenderState.OPEN
    return f"tenders/{tender.public_id}" if is_open else f"proposals/{proposal.public_id}"


@jobs.handles("notice.contract_filed")
def contract_filed(claim: jobs.Claim) -> None:
    _about_contract(claim, mails.contract_filed)


@jobs.handles("notice.contract_ended")
def contract_ended(claim: jobs.Claim) -> None:
    _about_contract(claim, mails.contract_ended)


def _about_contract(claim: jobs.Claim, make: Callable[[mails.ContractFacts], Mail]) -> None:
    """The first page is the paper of both, so that reading it is no look."""
    contract = Contract.objects.select_related("customer", "partner").get(pk=claim.ref)
    partner = contract.partner
    facts = mails.ContractFacts(
        customer_name=contract.customer.name,
        partner_name=partner.name,
        title=contract.title,
        starts_on=contract.starts_on,
        ends_on=contract.ends_on,
        link=f"{settings.PUBLIC_URL}/p/{partner.slug}/contracts/{contract.public_id}",
    )
    with principal(kind="job", customers={claim.customer_id, partner.pk}):
        send(make(facts), people(partner.pk, MAKE_OFFERS, about=claim.customer_id), job=claim.id)


@jobs.handles("notice.proposal_sent")
def proposal_sent(claim: jobs.Claim) -> None:
    proposal = Proposal.objects.select_related("tender", "partner").get(pk=claim.ref)
    _to_deciders(claim, proposal.tender, mails.proposal_sent, partner_name=proposal.partner.name)


@jobs.handles("notice.question_asked")
def question_asked(claim: jobs.Claim) -> None:
    tender = Tender.objects.get(pk=claim.ref)
    if tender.state == TenderState.OPEN:
        _to_deciders(claim, tender, mails.question_asked)


def _to_deciders(
    claim: jobs.Claim, tender: Tender, make: Callable[[mails.AnswerFacts], Mail], *, partner_name: str = ""
) -> None:
    facts = mails.AnswerFacts(
        partner_name=partner_name,
        title=tender.title,
        link=f"{settings.PUBLIC_URL}/proposals/{tender.public_id}",
    )
    send(make(facts), people(claim.customer_id, DECIDERS), job=claim.id)
