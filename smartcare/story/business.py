"""Contracts, tenders, proposals, notes: none of them shows anybody any data. And where everybody wants to be told."""

from datetime import timedelta
from typing import Any, NamedTuple

from django.utils import timezone

from partners import tenders
from partners.forwarding import secrets, signing
from partners.models import (
    Contract,
    ContractCoverage,
    Destination,
    DestinationKind,
    PartnerNote,
    Proposal,
    ProposalState,
    Tender,
    TenderQuestion,
)
from smartcare.story import canaries, credentials
from smartcare.story.cast import COMPANIES, CONTRACTS, PARTNER, PARTNERS, Company
from smartcare.story.equipment import SITES
from smartcare.story.world import World

SOLD = (("acme", "rival"), ("globex", "northwind"))
BOSSES = {company.key: company.boss.key for company in COMPANIES}
# For each tender: where, what, and how far each partner has come.
TENDERS = (
    ("hq", "Twelve new access switches", {"northwind": "sent", "rival": "draft", "third": "sent"}),
    ("branch", "A second line for the branch", {"northwind": "draft", "rival": "sent", "third": "draft"}),
)


class Offer(NamedTuple):
    """What a partner proposes, wherever it is asked. None: it does not say."""

    summary: str
    text: str
    price_cents: int
    yearly_cents: int | None
    work_hours: int
    survives_one_failure: bool | None
    starts_in_days: int | None


OFFERS = {
    "northwind": Offer(
        "Twelve switches in pairs, built in on a Sunday",
        "We would begin in January. Each floor gets two, so that one may fail. Care for three years is included.",
        *(940_000, 60_000, 16, True, 48),
    ),
    "rival": Offer(
        "Ten larger switches instead of twelve", "Fewer units, fewer cables.", 815_000, 140_000, 24, False, 30
    ),
    "third": Offer("Twelve refurbished switches", "With two spare ones on the shelf.", 610_000, None, 20, None, 35),
}


def agree(world: World) -> None:
    for customer, partner in SOLD:
        _sell(world, customer, partner)
    for site, wish, states in TENDERS:
        _ask_for_proposals(world, site, wish, states)
    for company in PARTNERS:
        _write_down(world, company)
    for company in COMPANIES:
        _name_destinations(world, company)


def _sell(world: World, customer: str, partner: str) -> None:
    owner, today = world.organizations[customer].pk, timezone.now().date()
    with world.acting(BOSSES[customer]):
        contract = Contract(
            id=credentials.row_id(owner, "contract"),
            customer_id=owner,
            partner=world.organizations[partner],
            title=f"Care for all sites {canaries.contract(customer, partner, 'title')}",
            starts_on=today - timedelta(days=200),
            ends_on=today + timedelta(days=165),
            price_cents=1_260_000,
            terms=f"Repair within a working day. {canaries.contract(customer, partner, 'terms')}",
        )
        contract.save(force_insert=True)
        for customer_key, site in SITES:
            if customer_key == customer:
                ContractCoverage(
                    customer_id=owner,
                    contract=contract,
                    site=world.sites[f"{customer}/{site}"],
                    what=f"All devices, next day {canaries.at_site(customer, site, CONTRACTS, 'coverage')}",
                    ends_on=contract.ends_on,
                    price_cents=420_000,
                ).save(force_insert=True)


def _ask_for_proposals(world: World, site: str, wish: str, states: dict[str, str]) -> None:
    owner = world.organizations["acme"].pk
    by = world.viewers["ada"]
    with world.acting("ada"):
        tender = Tender(
            id=credentials.row_id(owner, f"tender:{site}"),
            customer_id=owner,
            site=world.sites[f"acme/{site}"],
            title=f"{wish} {canaries.tender('acme', f'title-{site}')}",
            wish=f"Delivered and built in. {canaries.tender('acme', f'wish-{site}')}",
            facts=tenders.facts(world.sites[f"acme/{site}"], by=by)
            | {"note": canaries.tender("acme", f"facts-{site}")},
            answers_until=timezone.now() + timedelta(days=14),
            opened_by=by.user,
        )
        tender.save(force_insert=True)
        for partner in states:
            Proposal(
                id=credentials.row_id(owner, f"proposal:{site}:{partner}"),
                customer_id=owner,
                partner=world.organizations[partner],
                tender=tender,
            ).save(force_insert=True)
    for partner, state in states.items():
        _propose(world, site, partner, state)
    _ask_and_answer(world, site, tender)


def _ask_and_answer(world: World, site: str, tender: Tender) -> None:
    """What is answered is for all who are invited; what is not, for the customer and its asker alone."""
    now = timezone.now()
    for partner, hours, is_answered in (("rival", 30, True), ("rival", 3, False), ("northwind", 5, False)):
        what = f"question-{site}-{hours}"
        mark = canaries.tender("acme", what) if is_answered else canaries.told(partner, what)
        with world.acting(BOSSES[partner]):
            question = TenderQuestion(
                id=credentials.row_id(tender.pk, f"question:{partner}:{hours}"),
                customer_id=tender.customer_id,
                tender=tender,
                asked_by=world.organizations[partner],
                question=f"{'May we come at the weekend' if is_answered else 'Which cables are there'}? {mark}",
                asked_at=now - timedelta(hours=hours),
            )
            question.save(force_insert=True)
        if is_answered:
            with world.acting("ada"):
                TenderQuestion.objects.filter(pk=question.pk).update(
                    answer=f"Yes, from 8 to 18. {canaries.tender('acme', what)}", answered_at=now - timedelta(hours=20)
                )


def _propose(world: World, site: str, partner: str, state: str) -> None:
    """A draft is the partner's own, what was sent is told."""
    mark = canaries.own if state == "draft" else canaries.told
    owner, offer = world.organizations["acme"].pk, OFFERS[partner]
    facts: dict[str, Any] = {
        "state": ProposalState(state),
        "summary": f"{offer.summary} {mark(partner, f'summary-{site}')}",
        "text": f"{offer.text} {mark(partner, f'proposal-{site}')}",
        "price_cents": offer.price_cents,
        "yearly_cents": offer.yearly_cents,
        "work_hours": offer.work_hours,
        "survives_one_failure": offer.survives_one_failure,
        "starts_on": timezone.now().date() + timedelta(days=offer.starts_in_days) if offer.starts_in_days else None,
        "sent_at": timezone.now() - timedelta(hours=2) if state == "sent" else None,
    }
    with world.acting(BOSSES[partner]):
        Proposal.objects.filter(pk=credentials.row_id(owner, f"proposal:{site}:{partner}")).update(**facts)


def _write_down(world: World, company: Company) -> None:
    by, organization = world.viewers[company.boss.key], world.organizations[company.key]
    with world.acting(company.boss.key):
        PartnerNote(
            id=credentials.row_id(organization.pk, "note"),
            owner=organization,
            about=world.organizations["acme"],
            author=by.user,
            author_name=by.name,
            text=f"Likes to be called in the morning. {canaries.own(company.key, 'note')}",
        ).save(force_insert=True)


def _name_destinations(world: World, company: Company) -> None:
    """The mail destination that came with the company, and a webhook that is switched off until somebody has a receiver."""
    organization = world.organizations[company.key]
    mark = canaries.own if company.kind == PARTNER else canaries.inside
    with world.acting(company.boss.key):
        Destination.objects.filter(owner=organization, kind=DestinationKind.EMAIL).update(
            name=f"Mail {mark(company.key, 'mail')}"
        )
        row = Destination(
            id=credentials.row_id(organization.pk, "webhook"),
            owner=organization,
            kind=DestinationKind.WEBHOOK,
            name=f"Tickets {mark(company.key, 'webhook')}",
            url=f"https://hooks.{company.key}.example/{mark(company.key, 'path')}",
            enabled=False,
            created_by=world.viewers[company.boss.key].user,
        )
        row.secret = secrets.seal(signing.new_secret(), str(row.pk))
        row.save(force_insert=True)
