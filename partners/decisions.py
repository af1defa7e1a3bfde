"""Decisions about access that a customer takes together with a contract or a tender: each its own, in its own transaction.

The contract moved or the tender ended before, and stays so whatever becomes of these: neither depends on the other.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from access import sharing
from access.errors import AlreadyGranted, Ended, Invalid, NotAllowed
from access.models import Category, Grant
from access.principal import acting
from access.sharing import Terms
from access.viewer import Viewer

KEEP, END, NARROW = "keep", "end", "narrow"


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to become of a grant. categories: those that stay, with `narrow`."""

    grant: str
    action: str
    categories: frozenset[Category] = field(default_factory=frozenset)


def check(wishes: Iterable[Wish], grants: Iterable[Grant], field: str) -> None:
    """Refuse before anything is written what can be known to be wrong. Raises Invalid."""
    known = {g.public_id: g for g in grants}
    named: set[str] = set()
    for wish in wishes:
        grant = known.get(wish.grant)
        if grant is None or wish.grant in named:
            raise Invalid("Name accesses that this concerns, each once", field)
        if not wish.categories <= grant.category_set:
            raise Invalid("Narrowing takes kinds away and adds none", field)
        named.add(wish.grant)


def carry_out(viewer: Viewer, wishes: Iterable[Wish]) -> list[dict[str, Any]]:
    """After the commit of what they belong to. One outcome for each wish, in their order; a refusal stops no other."""
    return [_one(viewer, wish) for wish in wishes]


def _one(viewer: Viewer, wish: Wish) -> dict[str, Any]:
    outcome: dict[str, Any] = {
        "grant": wish.grant,
        "outcome": "kept",
        "detail": "",
        "revoked_at": None,
        "drained_at": None,
        "cancelled_deliveries": 0,
    }
    try:
        if wish.action == END:
            outcome |= _end(viewer, wish)
        elif wish.action == NARROW:
            _narrow(viewer, wish)
            outcome["outcome"] = "narrowed"
    except (NotAllowed, Invalid, Ended, AlreadyGranted) as no:
        outcome |= {"outcome": "refused", "detail": str(no)}
    return outcome


def _end(viewer: Viewer, wish: Wish) -> dict[str, Any]:
    with acting(viewer):
        ended = sharing.revoke(_found(viewer, wish), by=viewer)
    drained = sharing.drain(ended.pk, customer=ended.customer_id)
    return {
        "outcome": "ended",
        "revoked_at": ended.revoked_at,
        "drained_at": drained,
        "cancelled_deliveries": ended.cancelled_deliveries,
    }


def _narrow(viewer: Viewer, wish: Wish) -> None:
    with acting(viewer):
        grant = _found(viewer, wish)
        terms = Terms(
            categories=wish.categories & grant.category_set,
            expires_at=grant.expires_at,
            forward_alerts=grant.forward_alerts and Category.HEALTH in wish.categories,
            purpose=grant.purpose,
        )
        sharing.change(grant, terms=terms, by=viewer)


def _found(viewer: Viewer, wish: Wish) -> Grant:
    found = Grant.objects.visible_to(viewer).select_related("site", "partner")
    grant: Grant | None = found.filter(public_id=wish.grant).first()
    if grant is None:
        raise Ended("This access has already ended")
    return grant
