"""Contracts: open, end, transfer. Who is paid, never who may look: nothing here reads or writes an access (A5).

A test reads the imports of this file.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from django.db import transaction
from django.db.models.functions import Now

from access import audit
from access.errors import Ended, Invalid, require
from access.models import Organization, Site
from access.viewer import Viewer
from partners import business_notices
from partners.models import Contract, ContractCoverage

DEAREST_CENTS = 10**12
LONGEST_DAYS = 366 * 30
HEADER = "A contract transfer changes who is paid. It does not change who can see data."
WHO = "Only owners and approvers of your company keep its contracts"


@dataclass(frozen=True, slots=True)
class Paper:
    """What a contract says on its first page. price_cents: of the whole, None where it is not stated."""

    title: str
    starts_on: date
    ends_on: date
    price_cents: int | None = None
    currency: str = "EUR"
    terms: str = ""

    def check(self) -> None:
        if not 1 <= len(self.title.strip()) <= 160:
            raise Invalid("Give the contract a title of at most 160 characters", "title")
        if self.ends_on < self.starts_on:
            raise Invalid("A contract ends after it starts", "ends_on")
        if (self.ends_on - self.starts_on).days > LONGEST_DAYS:
            raise Invalid("A contract lasts 30 years at most", "ends_on")
        _check_price(self.price_cents)


@dataclass(frozen=True, slots=True)
class Cover:
    """What it covers at one site. ends_on None: as long as the contract."""

    site: Site
    what: str
    ends_on: date | None = None
    price_cents: int | None = None


@transaction.atomic
def open(*, partner: Organization, paper: Paper, covers: Iterable[Cover] = (), by: Viewer) -> Contract:  # noqa: A001
    """A customer files its contract with a partner. Nobody sees more or less data by it. Raises NotAllowed, Invalid."""
    require(by.may_decide, WHO)
    paper.check()
    _check_partner(partner)
    row = _write(partner, paper, by)
    _cover(row, covers, by)
    _note(row, by, "contract.opened")
    business_notices.queue_contract("contract_filed", row)
    return row


@transaction.atomic
def end(contract: Contract, *, by: Viewer) -> Contract:
    """Nobody is paid any more; who sees what stays as it is. Raises NotAllowed, Ended."""
    _close(contract, by)
    _note(contract, by, "contract.ended")
    business_notices.queue_contract("contract_ended", contract)
    return contract


@transaction.atomic
def transfer(contract: Contract, *, to: Organization, starts_on: date, by: Viewer) -> Contract:
    """The rest of it goes to another partner: a new contract with the same words, price and coverage; this one ends.

    Moves no sight of data. Raises NotAllowed, Invalid, Ended. Returns the new contract.
    """
    require(by.may_decide and contract.customer_id == by.organization_id, WHO)
    _check_partner(to)
    if to.pk == contract.partner_id:
        raise Invalid("This partner holds the contract already", "partner")
    if not contract.starts_on <= starts_on <= contract.ends_on:
        raise Invalid("A contract is handed over between its start and its end", "starts_on")
    _close(contract, by)
    paper = Paper(
        title=contract.title,
        starts_on=starts_on,
        ends_on=contract.ends_on,
        price_cents=contract.price_cents,
        currency=contract.currency,
        terms=contract.terms,
    )
    row = _write(to, paper, by)
    held = ContractCoverage.objects.visible_to(by).filter(contract=contract).select_related("site")
    _cover(row, [Cover(c.site, c.what, c.ends_on, c.price_cents) for c in held.order_by("site__name", "what")], by)
    contract.transferred_to = row
    contract.save(update_fields=["transferred_to"])
    _note(contract, by, "contract.transferred", after={"partner": to.name, "contract": row.public_id})
    business_notices.queue_contract("contract_ended", contract)
    business_notices.queue_contract("contract_filed", row)
    return row


def _write(partner: Organization, paper: Paper, by: Viewer) -> Contract:
    row = Contract(
        customer=by.organization,
        partner=partner,
        title=paper.title.strip(),
        starts_on=paper.starts_on,
        ends_on=paper.ends_on,
        price_cents=paper.price_cents,
        currency=paper.currency,
        terms=paper.terms.strip(),
    )
    row.save(force_insert=True)
    return row


def _cover(row: Contract, covers: Iterable[Cover], by: Viewer) -> None:
    for cover in covers:
        if cover.site.customer_id != by.organization_id:
            raise Invalid("No site of yours has this id", "covers")
        if not 1 <= len(cover.what.strip()) <= 300:
            raise Invalid("Say in at most 300 characters what is covered", "covers")
        _check_price(cover.price_cents)
        ContractCoverage(
            customer=by.organization,
            contract=row,
            site=cover.site,
            what=cover.what.strip(),
            ends_on=cover.ends_on,
            price_cents=cover.price_cents,
        ).save(force_insert=True)


def _close(contract: Contract, by: Viewer) -> None:
    """Two who end it at once have one outcome."""
    require(by.may_decide and contract.customer_id == by.organization_id, WHO)
    if Contract.objects.filter(pk=contract.pk, ended_at=None).update(ended_at=Now()) == 0:
        raise Ended("This contract has ended already")
    contract.refresh_from_db(fields=["ended_at"])


def _check_partner(partner: Organization) -> None:
    if not (partner.is_partner and partner.is_active):
        raise Invalid("No partner has this id", "partner")


def _check_price(cents: int | None) -> None:
    if cents is not None and not 0 <= cents <= DEAREST_CENTS:
        raise Invalid("This price cannot be", "price_cents")


def _note(row: Contract, by: Viewer, action: str, after: dict[str, object] | None = None) -> None:
    audit.record(
        customer=row.customer_id,
        by=by,
        action=action,
        kind="contract",
        id=row.public_id,
        words=f"{row.title} with {row.partner.name}",
        after=after,
    )
