"""Check the journals: recompute every link in Python from the rows, compare the heads with the signed anchors (A17).

Nothing here asks the database's own functions for a hash. 100,000 rows take seconds.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
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

AUDIT_ROWS = """
SELECT seq, prev_hash, hash, customer_id, seq, id, at, actor_id, actor_name, actor_organization, action, object_kind, object_id,
       object_words, before, after
  FROM access_auditentry WHERE customer_id = %s AND seq IS NOT NULL ORDER BY seq
"""
LOOK_ROWS = """
SELECT s.seq, s.prev_hash, s.hash, v.customer_id, s.seq, v.id, v.number, v.at, v.person_id, v.person_digest, v.looker_id,
       v.looker_name, v.way, v.category, v.site_id, v.object_kind, v.object_words, v.object_ids, v.count, v.grant_id,
       v.staff_permission_id, v.purpose, v.outcome, v.request_id, v.person_name, v.person_salt
  FROM access_seal s LEFT JOIN access_viewingentry v ON v.id = s.entry_id AND v.customer_id = s.customer_id
 WHERE s.customer_id = %s ORDER BY s.seq
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
    for seq, previous, link, *values in _rows(AUDIT_ROWS, customer):
        yield Link(seq, bytes(previous or b""), bytes(link or b""), [_text(v) for v in values])


def look_links(customer: UUID) -> Iterator[Link]:
    for seq, previous, link, *values, name, salt in _rows(LOOK_ROWS, customer):
        if values[2] is None:
            yield Link(seq, bytes(previous), bytes(link), None)
            continue
        # The name itself is not covered (it is replaced after 25 months), its salted digest is.
        true = name is None or hashlib.sha256(bytes(salt) + name.encode()).digest() == bytes(values[6])
        yield Link(seq, bytes(previous), bytes(link), [_text(v) for v in values], true)


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
    for query, what in ((STRAYS, "entry that was never to be sealed"), (VANISHED, "gone before it was sealed")):
        with connection.cursor() as cursor:
            cursor.execute(query, [customer])
            for (number,) in cursor.fetchall():
                report.fault("looks", number, what)


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


def _rows(query: str, customer: UUID) -> Iterator[tuple[Any, ...]]:
    """Rows through a cursor of the server: a journal need not fit into memory. Inside principal(), hence in a transaction."""
    cursor = connection.chunked_cursor()
    try:
        cursor.execute(query, [customer])
        while rows := cursor.fetchmany(FETCHED):
            yield from rows
    finally:
        cursor.close()


_texts: dict[type, Callable[[Any], str]] = {
    str: lambda v: v,
    int: str,
    UUID: str,
    datetime: seal.time_text,
    bytes: bytes.hex,
    memoryview: lambda v: v.hex(),
    list: lambda v: json.dumps(v, separators=(",", ":"), ensure_ascii=False),
}


def _text(value: Any) -> str | None:
    return None if value is None else _texts[type(value)](value)


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
