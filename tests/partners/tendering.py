"""A tender between the cast: opened, answered, asked about, through the product's own functions."""

from typing import Any

from access.principal import acting
from partners import proposals, tenders
from partners.models import Proposal, Tender, TenderQuestion
from tests.cast import Company, World


def opened(world: World, *partners: Company, days: int = 14, title: str = "Twelve switches", by: str = "") -> Tender:
    viewer = world.acme.viewer(by)
    with acting(viewer):
        return tenders.open(
            site=world.acme.sites["hq"],
            title=title,
            wish="canary-wish: delivered and built in",
            partners=[p.organization for p in partners],
            days=days,
            by=viewer,
        )


def own(company: Company, tender: Tender) -> Proposal:
    viewer = company.viewer()
    with acting(viewer):
        return proposals.visible_to(viewer).get(tender=tender)


def drafts(company: Company, tender: Tender, **values: Any) -> Proposal:
    viewer, row = company.viewer(), own(company, tender)
    with acting(viewer):
        return proposals.draft(row, by=viewer, values={"summary": f"canary-{company.slug}-summary"} | values)


def sends(company: Company, tender: Tender, **values: Any) -> Proposal:
    row, viewer = drafts(company, tender, **values), company.viewer()
    with acting(viewer):
        return proposals.send(row, by=viewer)


def asks(company: Company, tender: Tender, question: str) -> TenderQuestion:
    viewer = company.viewer()
    with acting(viewer):
        return proposals.ask(tender, question=question, by=viewer)


def answers(world: World, question: TenderQuestion, text: str) -> None:
    viewer = world.acme.viewer()
    with acting(viewer):
        tenders.answer(question, text=text, by=viewer)


def closes(world: World, tender: Tender) -> None:
    viewer = world.acme.viewer()
    with acting(viewer):
        tenders.close(tender, by=viewer)


def chooses(world: World, row: Proposal) -> None:
    viewer = world.acme.viewer()
    with acting(viewer):
        tenders.choose(row, by=viewer)
