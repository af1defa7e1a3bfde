"""Contracts, for both their parties. What a contract covers is a kind of data; the paper itself is each party's own."""

from datetime import date
from decimal import Decimal

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.formats import number_format

from access import viewing
from access.models import Category
from access.viewer import Viewer
from access.viewing import Look
from access.views.pages import PageRequest, for_company
from partners import relations
from partners.models import Contract, ContractCoverage
from partners.views.frame import base_of

SHOWN = 200


@for_company
def index(request: PageRequest, partner_slug: str = "") -> HttpResponse:
    viewer, today = request.viewer, timezone.localdate()
    rows = [
        {"contract": c, "other": other_of(viewer, c), **state_of(c, today, is_partner=viewer.is_partner)}
        for c in relations.contracts(viewer)[:SHOWN]
    ]
    context = {"rows": rows, "base": base_of(viewer), "is_partner": viewer.is_partner}
    return render(request, "partner/contracts.html", context)


def other_of(viewer: Viewer, contract: Contract) -> str:
    """The other party's name."""
    return contract.customer.name if viewer.is_partner else contract.partner.name


def state_of(contract: Contract, today: date, *, is_partner: bool) -> dict[str, str]:
    if contract.ended_at is not None:
        # "Transferred" would tell the old party that there is a new one.
        return {"state": "mute", "words": "Transferred" if contract.transferred_to_id and not is_partner else "Ended"}
    if contract.ends_on < today:
        return {"state": "mute", "words": "Ran out"}
    days = (contract.ends_on - today).days
    return {"state": "watch", "words": f"{days} days left"} if days <= 90 else {"state": "ok", "words": "Running"}


def money(cents: int | None) -> str:
    """'1,250.00'; '' where none is stated."""
    return "" if cents is None else number_format(Decimal(cents) / 100, decimal_pos=2, force_grouping=True)


@for_company
def page(request: PageRequest, public_id: str, partner_slug: str = "") -> HttpResponse:
    viewer = request.viewer
    contract = get_object_or_404(relations.contracts(viewer), public_id=public_id)
    found = ContractCoverage.objects.visible_to(viewer).filter(contract=contract).select_related("site")
    coverage = list(found.order_by("site__name", "what"))
    viewing.record(viewer, _looks(contract, coverage), way="page")
    context = {
        "contract": contract,
        "coverage": [{"row": c, "price": money(c.price_cents)} for c in coverage],
        "base": base_of(viewer),
        "other": other_of(viewer, contract),
        "price": money(contract.price_cents),
        "is_partner": viewer.is_partner,
        **state_of(contract, timezone.localdate(), is_partner=viewer.is_partner),
    }
    return render(request, "partner/contract.html", context)


def _looks(contract: Contract, coverage: list[ContractCoverage]) -> list[Look]:
    """At the coverage of each site; the header is the reader's own paper."""
    sites = {c.site_id: c.site.name for c in coverage}
    return [
        Look(
            contract.customer_id,
            Category.CONTRACTS,
            pk,
            "contract",
            f"{name}: {contract.title}",
            [contract.public_id],
            sum(1 for c in coverage if c.site_id == pk),
        )
        for pk, name in sites.items()
    ]
