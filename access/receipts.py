"""Receipts of what was decided about access: read from the audit journal, so that a receipt says what the chain vouches for.

One click is one receipt, whatever number of sites it touched: entries of one click carry the same `decision`.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from access import audit_words, sentences
from access.lengths import last_day
from access.models import SHAREABLE, AccessRequest, AuditEntry, Category, Grant, Organization
from access.sentences import Change
from access.sharing import Terms
from access.viewer import Viewer

GIVES = ("grant.opened", "grant.changed", "grant.narrowed")
ENDS = ("grant.revoked", "grant.given_back", "grant.expired")
# Entries of one click lie close together: nobody decides about more sites at once, nor drops more messages with them.
NEARBY = 5000


@dataclass(frozen=True, slots=True)
class Line:
    """What was decided at one site. before: what was so there, None: nothing; after: what is since; checksum: of the entry, hex."""

    grant: Grant
    number: int
    checksum: str
    before: Terms | None
    after: Terms | None
    changes: tuple[Change, ...]
    cancelled_deliveries: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """What one click did. number: of its first entry in the journal."""

    number: int
    what: str
    is_end: bool
    at: datetime
    who: str
    company: str
    partner: Organization
    lines: tuple[Line, ...]
    sentences: tuple[str, ...]
    purpose: str
    request: AccessRequest | None


def entries(viewer: Viewer, grant: Grant | None = None) -> QuerySet[AuditEntry]:
    """Entries that have a receipt, of the customer's own journal; of one grant, if given. Oldest first."""
    found: QuerySet[AuditEntry] = AuditEntry.objects.visible_to(viewer).filter(
        object_kind="grant", action__in=GIVES + ENDS
    )
    return (found.filter(object_id=grant.public_id) if grant else found).order_by("seq")


def receipt(viewer: Viewer, number: int) -> Receipt | None:
    """The receipt to which entry `number` of the viewer's journal belongs; None: that entry has none, or there is none."""
    customer = viewer.organization
    if not viewer.is_customer or customer is None:
        return None
    one = entries(viewer).filter(seq=number).first()
    if one is None:
        return None
    together = _of_one_click(viewer, one)
    names = [e.object_id for e in together]
    rows = Grant.objects.visible_to(viewer).filter(public_id__in=names)
    grants = {g.public_id: g for g in rows.select_related("partner", "site", "customer", "request__asked_by")}
    lines = tuple(_line(e, grants[e.object_id], customer) for e in together)
    first, is_end = together[0], one.action in ENDS
    return Receipt(
        number=first.seq or 0,
        what=audit_words.said("grant.opened" if _opened_something(together) else one.action),
        is_end=is_end,
        at=first.at,
        who=first.actor_name,
        company=first.actor_organization,
        partner=lines[0].grant.partner,
        lines=lines,
        sentences=tuple(_ended(lines) if is_end else _given(lines, customer)),
        purpose=next((t.purpose for line in lines if (t := line.after or line.before) and t.purpose), ""),
        request=None if is_end else lines[0].grant.request,
    )


def _opened_something(together: Iterable[AuditEntry]) -> bool:
    return any(e.action == "grant.opened" for e in together)


def _of_one_click(viewer: Viewer, one: AuditEntry) -> list[AuditEntry]:
    decision = json.loads(one.after).get("decision")
    if decision is None or one.seq is None:
        return [one]
    # The journal keeps canonical JSON as text: its very characters.
    near = entries(viewer).filter(seq__range=(one.seq - NEARBY, one.seq + NEARBY))
    found = near.filter(after__contains=f'"decision":"{decision}"', action__in=GIVES if one.action in GIVES else ENDS)
    return list(found)


def _line(entry: AuditEntry, grant: Grant, customer: Organization) -> Line:
    was, became = json.loads(entry.before), json.loads(entry.after)
    before = _terms(was) if was else None
    after = None if entry.action in ENDS else _terms(became)
    shadow = None
    if before is not None:
        shadow = Grant(
            categories=before.values,
            expires_at=before.expires_at,
            forward_alerts=before.forward_alerts,
            customer=customer,
        )
    return Line(
        grant=grant,
        number=entry.seq or 0,
        checksum=bytes(entry.hash or b"").hex(),
        before=before,
        after=after,
        changes=tuple(sentences.what_changes(shadow, after, customer)),
        cancelled_deliveries=int(became.get("cancelled_deliveries", 0)),
    )


def _terms(facts: dict[str, Any]) -> Terms:
    chosen = frozenset(c for c in SHAREABLE if c.value in facts["categories"])
    end = datetime.fromisoformat(facts["expires_at"])
    return Terms(chosen, end, bool(facts["forward_alerts"]), facts["purpose"])


def _given(lines: Iterable[Line], customer: Organization) -> Iterable[str]:
    """The consent sentence, once for the sites on the same terms."""
    groups: dict[tuple[str, frozenset[Category], Any, bool], list[str]] = {}
    for line in lines:
        if line.after is not None:
            end = last_day(line.after.expires_at, customer)
            key = (line.grant.partner.name, line.after.categories, end, line.after.forward_alerts)
            groups.setdefault(key, []).append(line.grant.site.name)
    for (partner, kinds, end, alerts), sites in groups.items():
        yield sentences.can_look(partner, kinds, sorted(sites), end, forward_alerts=alerts)


def _ended(lines: Iterable[Line]) -> Iterable[str]:
    groups: dict[str, list[str]] = {}
    for line in lines:
        groups.setdefault(line.grant.partner.name, []).append(line.grant.site.name)
    for partner, sites in groups.items():
        yield sentences.no_longer(partner, sorted(sites))
