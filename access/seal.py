"""Hash chains over the journals: seal looks, anchor the heads once a day. Verification is in access/verification.py.

A link is SHA-256 over the hash before it and the fields of the entry, each as 'bytes:text,' or '-,' for null (journal_digest
in the database, `digest` here, a dozen lines in docs/verify_journal.py). Audit entries are linked by a trigger when they are
written; looks are linked here, a few seconds later, in the order of their numbers. A look that commits late (its transaction
was sending something) is linked at the end of the chain: the order of the seals is the order of the chain.
"""

import hashlib
import hmac
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db import connection
from django.utils import timezone

from access import acts, viewing
from access.models import Anchor, AuditEntry, Seal
from access.principal import job

log = structlog.get_logger(__name__)

BATCH = 500  # links a transaction
MOST_BATCHES = 20  # of one customer in one round: nobody waits behind one that is looked at without end
KEY_SALT = b"smartcare.journal.anchor"

# What a link covers, in order. Times as 2026-12-24T08:00:00.000000Z, ids in lower case, digests in hex, lists as JSON.
AUDIT_FIELDS = [
    "customer",
    "seq",
    "id",
    "at",
    "actor_id",
    "actor_name",
    "actor_organization",
    "action",
    "object_kind",
    "object_id",
    "object_words",
    "before",
    "after",
]
LOOK_FIELDS = [
    "customer",
    "seq",
    "id",
    "number",
    "at",
    "person_id",
    "person_digest",
    "looker_id",
    "looker_name",
    "way",
    "category",
    "site_id",
    "object_kind",
    "object_words",
    "object_ids",
    "count",
    "grant_id",
    "staff_permission_id",
    "purpose",
    "outcome",
    "request_id",
]
ANCHOR_FIELDS = [
    "customer",
    "number",
    "day",
    "audit_seq",
    "audit_hash",
    "looks_seq",
    "looks_hash",
    "made_at",
    "previous_signature",
]


def netstrings(fields: Sequence[str | None]) -> bytes:
    """Each field as 'bytes:text,', null as '-,': two different lists never give the same bytes."""
    parts = ["-," if f is None else f"{len(f) if f.isascii() else len(f.encode())}:{f}," for f in fields]
    return "".join(parts).encode()


def digest(previous: bytes, fields: Sequence[str | None]) -> bytes:
    """The link after `previous` (b"" for the first), 32 bytes; equals journal_digest() of the database."""
    return hashlib.sha256(previous + netstrings(fields)).digest()


def time_text(at: datetime) -> str:
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def seal_journals() -> int:
    """Seal the looks that have waited for two seconds, one customer after the other. Returns how many."""
    return _each("find_unsealed_customers", seal_customer)


def _each(function: str, work: Callable[[UUID], int]) -> int:
    """A customer whose journal cannot be sealed is an alarm, and no reason to leave those of others unsealed."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}()")  # noqa: S608 - names in this module
        customers = [row[0] for row in cursor.fetchall()]
    done = 0
    for customer in customers:
        try:
            done += work(customer)
        except Exception:
            log.exception("journal.not_sealed", found_by=function, customer=str(customer))
    return done


def seal_customer(customer: UUID) -> int:
    """Seal what waits of one customer. A second sealer of the same customer finds nothing to do. Returns how many."""
    total = 0
    for _ in range(MOST_BATCHES):
        with job(customer), connection.cursor() as cursor:
            cursor.execute("SELECT seal_looks(%s, %s)", [customer, BATCH])
            sealed = cursor.fetchone()[0]
        total += sealed
        if sealed < BATCH:
            break
    return total


@dataclass(frozen=True, slots=True)
class Head:
    """The last link of a chain; (0, b"") when it is empty."""

    seq: int
    hash: bytes


def heads(customer: UUID) -> tuple[Head, Head]:
    """Last links of the audit journal and of the viewing log. Inside a principal that may read them."""
    audit = AuditEntry.objects.filter(customer=customer, seq__isnull=False).order_by("-seq")
    looks = Seal.objects.filter(customer=customer).order_by("-seq")
    return _head(audit.values_list("seq", "hash").first()), _head(looks.values_list("seq", "hash").first())


def _head(row: tuple[Any, Any] | None) -> Head:
    return Head(row[0], bytes(row[1] or b"")) if row else Head(0, b"")


def anchor_daily() -> int:
    """Once a day (UTC) for every organization: let old names go, then sign the heads. Returns how many anchors were made."""
    return _each("find_unanchored", _close_the_day)


def _close_the_day(customer: UUID) -> bool:
    with job(customer):
        viewing.forget_names(customer)
        return anchor(customer) is not None


def anchor(customer: UUID, *, day: date | None = None) -> Anchor | None:
    """Sign today's heads, inside a job of the customer. None if that has been done."""
    now = timezone.now()
    wanted = day or now.astimezone(UTC).date()
    with connection.cursor() as cursor:  # two sweeps would both take the next number
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"anchor:{customer}"])
    last = Anchor.objects.filter(customer=customer).order_by("-number").first()
    if last is not None and last.day >= wanted:
        return None
    audit, looks = heads(customer)
    row = Anchor(
        customer_id=customer,
        number=last.number + 1 if last else 1,
        day=wanted,
        audit_seq=audit.seq,
        audit_hash=audit.hash,
        looks_seq=looks.seq,
        looks_hash=looks.hash,
        made_at=now,
    )
    row.signature = sign(anchor_fields(row, bytes(last.signature) if last else b""))
    row.save(force_insert=True)
    acts.happened("journal.anchored", row)
    return row


def anchor_fields(row: Anchor, previous_signature: bytes) -> list[str | None]:
    """What the signature covers, the one before included: an anchor that was taken out shows."""
    return [
        str(row.customer_id),
        str(row.number),
        row.day.isoformat(),
        str(row.audit_seq),
        bytes(row.audit_hash).hex(),
        str(row.looks_seq),
        bytes(row.looks_hash).hex(),
        time_text(row.made_at),
        previous_signature.hex(),
    ]


def sign(fields: Sequence[str | None]) -> bytes:
    return hmac.digest(next(_keys()), netstrings(fields), "sha256")


def is_signed(fields: Sequence[str | None], signature: bytes) -> bool:
    """By the present key or one kept as a fallback while it is changed."""
    message = netstrings(fields)
    return any(hmac.compare_digest(hmac.digest(key, message, "sha256"), signature) for key in _keys())


def _keys() -> Iterator[bytes]:
    """Derived from SECRET_KEY, which no dump of the database holds."""
    for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        yield hmac.digest(secret.encode(), KEY_SALT, "sha256")
