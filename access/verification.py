"""Check the journals: recompute every link in Python from the rows, compare the heads with the signed anchors (A17).

Nothing here asks the database's own functions for a hash. 100,000 rows take seconds.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from django.db import connection
from django.utils import timezone

from access import seal
from access.models import Anchor, AuditEntry, UnsealedLook

Chain = Literal["audit", "looks", "anchors"]
MOST_FAULTS = 50  # a chain rewritten from the start would otherwise list every row
FETCHED = 2_000  # rows at a time

# Pages by number, entries by id: both plans stay the same however old the planner's statistics are.
AUDIT_PAGE = """
SELECT seq, prev_hash, hash, customer_id::text, seq, id::text, at, actor_id::text, actor_name, actor_organization, action,
       object_kind, object_id, object_words, before, after
  FROM access_auditentry WHERE customer_id = %s AND seq > %s ORDER BY seq LIMIT %s
"""
SEAL_PAGE = """
SELECT seq, prev_hash, hash, entry_id::text FROM access_seal WHERE customer_id = %s AND seq > %s ORDER BY seq LIMIT %s
"""
LOOKS = """
SELECT id::text, person_name, person_salt, person_digest, customer_id::text, number, at, person_id::text, encode(person_digest, 'hex'),
       looker_id::text, looker_name, way, category, site_id::text, object_kind, object_words, object_ids, count, grant_id::text,
       staff_permission_id::text, purpose, outcome, request_id
  FROM access_viewingentry WHERE id = ANY (%s::uuid[])
"""
# Written past the trigger that lets a look wait for its seal.
STRAYS = """
SELECT v.number FROM access_viewingentry v
 WHERE v.customer_id = %s AND NOT EXISTS (SELECT FROM access_seal s WHERE s.customer_id = v.customer_id AND s.entry_id = v.id)
   AND NOT EXISTS (SELECT FROM access_unsealedlook w WHERE w.id = v.id) ORDER BY v.number LIMIT 50
"""
VANISHED = """
SELECT w.number FROM access_unsealedlook w WHERE w.customer_id = %s
   AND NOT EXISTS (SELECT FROM access_viewingentry v WHERE v.id = w.id) ORDER BY w.number LIMIT 50
"""


@dataclass(frozen=True, slots=True)
class Fault:
    """A place where a journal is not as it was written."""

    chain: Chain
    seq: int
    what: str


@dataclass(slots=True)
class Report:
    """Result of a check. upto: last link per chain; waiting: looks not sealed yet; at: when it was checked."""

    customer: UUID
    at: datetime
    checked: int = 0
    waiting: int = 0
    upto: dict[Chain, int] = field(default_factory=dict)
    broken: list[Fault] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.broken

    def fault(self, chain: Chain, seq: int, what: str) -> None:
        if len(self.broken) < MOST_FAULTS:
            self.broken.append(Fault(chain, seq, what))


@dataclass(frozen=True, slots=True)
class Link:
    """One row of a chain as stored. fields None: the entry under the seal is gone."""

    seq: int
    previous: bytes
    hash: bytes
    fields: list[str | None] | None
    name_is_true: bool = True


def verify(customer: UUID) -> Report:
    """Check both chains and all anchors of an organization, inside a principal that may read them (its own, or its job)."""
    report = Report(customer=customer, at=timezone.now())
    # First the anchors: what they name is older than anything read after them.
    anchors = list(Anchor.objects.filter(customer=customer).order_by("number"))
    audit = _check_chain(report, "audit", audit_links(customer), {a.audit_seq for a in anchors})
    looks = _check_chain(report, "looks", look_links(customer), {a.looks_seq for a in anchors})
    _check_strays(report, customer)
    _check_anchors(report, anchors, audit, looks)
    return report


def audit_links(customer: UUID) -> Iterator[Link]:
    for page in _pages(AUDIT_PAGE, customer):
        for seq, previous, link, *values in page:
            yield Link(seq, bytes(previous or b""), bytes(link or b""), [_text(v) for v in values])


def look_links(customer: UUID) -> Iterator[Link]:
    for page in _pages(SEAL_PAGE, customer):
        entries = {row[0]: row[1:] for row in _ask(LOOKS, [[entry for *_, entry in page]])}
        for seq, previous, link, entry in page:
            if entry not in entries:
                yield Link(seq, bytes(previous), bytes(link), None)
                continue
            name, salt, digest, whose, *values = entries[entry]
            # The name itself is not covered (it is replaced after 25 months), its salted digest is.
            true = name is None or hashlib.sha256(bytes(salt) + name.encode()).digest() == bytes(digest)
            fields = [_text(v) for v in (whose, seq, entry, *values)]
            yield Link(seq, bytes(previous), bytes(link), fields, true)


def _check_chain(report: Report, chain: Chain, links: Iterator[Link], wanted: set[int]) -> dict[int, bytes]:
    """Walk a chain; returns the hashes at the wanted numbers."""
    found: dict[int, bytes] = {0: b""}
    expected, previous = 1, b""
    for link in links:
        report.checked += 1
        if link.seq != expected:
            report.fault(chain, expected, f"missing: {expected} to {link.seq - 1}" if link.seq > expected else "twice")
        elif link.previous != previous:
            report.fault(chain, link.seq, "does not follow the entry before it")
        if link.fields is None:
            report.fault(chain, link.seq, "sealed entry is gone")
        elif seal.digest(link.previous, link.fields) != link.hash:
            report.fault(chain, link.seq, "changed")
        elif not link.name_is_true:
            report.fault(chain, link.seq, "name changed")
        if link.seq in wanted:
            found[link.seq] = link.hash
        expected, previous = link.seq + 1, link.hash
    report.upto[chain] = expected - 1
    return found


def _check_strays(report: Report, customer: UUID) -> None:
    report.waiting = UnsealedLook.objects.filter(customer=customer).count()
    if AuditEntry.objects.filter(customer=customer, seq=None).exists():
        report.fault("audit", 0, "entries without a number")
    # Without statistics the planner would look every look up one by one.
    _ask("SELECT set_config('enable_nestloop', 'off', true)", [])
    for query, what in ((STRAYS, "entry that was never to be sealed"), (VANISHED, "gone before it was sealed")):
        for (number,) in _ask(query, [customer]):
            report.fault("looks", number, what)
    _ask("SELECT set_config('enable_nestloop', 'on', true)", [])


def _check_anchors(report: Report, anchors: list[Anchor], audit: dict[int, bytes], looks: dict[int, bytes]) -> None:
    previous = b""
    for expected, row in enumerate(anchors, start=1):
        report.checked += 1
        if row.number != expected:
            report.fault("anchors", expected, "missing")
        if not seal.is_signed(seal.anchor_fields(row, previous), bytes(row.signature)):
            report.fault("anchors", row.number, "not our signature")
        ends: list[tuple[Chain, int, Any, dict[int, bytes]]] = [
            ("audit", row.audit_seq, row.audit_hash, audit),
            ("looks", row.looks_seq, row.looks_hash, looks),
        ]
        for chain, seq, head, hashes in ends:
            if seq not in hashes:
                report.fault(chain, seq, f"end cut off: the anchor of {row.day} knows this entry")
            elif hashes[seq] != bytes(head):
                report.fault(chain, seq, f"rewritten: the anchor of {row.day} knows another hash")
        previous = bytes(row.signature)
    report.upto["anchors"] = len(anchors)


def _pages(query: str, customer: UUID) -> Iterator[list[tuple[Any, ...]]]:
    """Rows in the order of their numbers, so many at a time: a journal need not fit into memory, nor into one statement."""
    last = -(2**62)
    while page := _ask(query, [customer, last, FETCHED]):
        yield page
        last = page[-1][0]


def _ask(query: str, values: list[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return list(cursor.fetchall())


def _text(value: Any) -> str | None:
    """A column as the link covers it; ids and digests come as text already."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, datetime):
        return seal.time_text(value)
    if isinstance(value, list):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return str(value)


def exported(customer: UUID) -> Iterator[str]:
    """Both chains and the anchors as lines of JSON, for docs/verify_journal.py: a check that needs no program of ours."""
    yield _line(
        format="smartcare.journal/1",
        customer=str(customer),
        audit_fields=seal.AUDIT_FIELDS,
        looks_fields=seal.LOOK_FIELDS,
        anchors_fields=seal.ANCHOR_FIELDS,
    )
    chains: Sequence[tuple[Chain, Iterator[Link]]] = (("audit", audit_links(customer)), ("looks", look_links(customer)))
    for chain, links in chains:
        for link in links:
            yield _line(
                chain=chain, seq=link.seq, fields=link.fields, previous=link.previous.hex(), hash=link.hash.hex()
            )
    previous = b""
    for row in Anchor.objects.filter(customer=customer).order_by("number"):
        yield _line(
            chain="anchors",
            seq=row.number,
            fields=seal.anchor_fields(row, previous),
            signature=bytes(row.signature).hex(),
        )
        previous = bytes(row.signature)


def _line(**values: Any) -> str:
    return json.dumps(values, separators=(",", ":"), ensure_ascii=False) + "\n"
