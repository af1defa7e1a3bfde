"""Bodies that made a decoder fail: kept as they came, read again after the fix. Nothing is lost, nobody is asked to resend."""

from __future__ import annotations

import hashlib
from typing import Final
from uuid import UUID

import structlog
import zstandard
from django.db import connection, transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now

from access.principal import job
from telemetry.ingest import keys, timing
from telemetry.ingest.accept import accept
from telemetry.ingest.batch import DecodeError, RequestMeta
from telemetry.ingest.doors import door_named
from telemetry.ingest.keys import KeyStopped, Sender
from telemetry.ingest.metrics import QUARANTINED
from telemetry.ingest.store import StoreAway, ask
from telemetry.models import Quarantine

log = structlog.get_logger(__name__)

LEVEL: Final = 3
LARGEST_BODY: Final = 64 * 1024 * 1024
READ_AT_ONCE: Final = 50


def keep(sender: Sender, plain: bytes, meta: RequestMeta, error: Exception) -> None:
    """Commit the body. Raises StoreAway if the customer's quarantine is full: then the sender keeps its copy."""
    QUARANTINED.labels(meta.format).inc()
    parameters = [
        sender.key,
        meta.format,
        meta.content_type,
        meta.source_clock,
        type(error).__name__,
        hashlib.sha256(plain).digest(),
        zstandard.ZstdCompressor(level=LEVEL).compress(plain),
    ]
    rows = ask("SELECT ingest_quarantine(%s, %s, %s, %s, %s, %s, %s)", parameters)
    if not rows[0][0]:
        raise StoreAway("quarantine")


def read_again(at_most: int = READ_AT_ONCE) -> int:
    """For the housekeeping round: decode what lies in quarantine; how many could be read now.

    A body that still cannot be read waits twice as long for its next turn. Storing is idempotent, so a round that dies
    on the way does no harm.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT id, customer FROM find_quarantined(%s)", [at_most])
        waiting = cursor.fetchall()
    return sum(read_one(row, customer) for row, customer in waiting)


def unread() -> QuerySet[Quarantine]:
    """Of the principal's customers, without the bodies."""
    return Quarantine.unscoped.filter(decoded_at=None).defer("body")


def read_one(row_id: UUID, customer: UUID) -> bool:
    """Whether this body could be read now; its samples then stand as if it had just come. False also if it was read before."""
    with job(customer):
        if not Quarantine.unscoped.filter(pk=row_id, decoded_at=None).update(tries=F("tries") + 1):
            return False
        row = Quarantine.unscoped.get(pk=row_id)
    try:
        done = _accepted(row)
    except Exception:
        log.exception("quarantine.still_unreadable", row=str(row_id), format=row.format)
        return False
    if done:
        with job(customer):
            Quarantine.unscoped.filter(pk=row_id).update(decoded_at=Now())
    return done


def _accepted(row: Quarantine) -> bool:
    """Whether there is nothing left to do: stored, or refused in words."""
    try:
        sender = keys.of_key_id(row.key_id)
    except KeyStopped:
        return False
    meta = RequestMeta(
        format=row.format,
        content_type=row.content_type,
        received_at=row.received_at,
        limits=sender.limits,
        source_clock=row.source_clock,
    )
    plain = zstandard.ZstdDecompressor().decompress(bytes(row.body), max_output_size=LARGEST_BODY)
    try:
        batch = timing.correct(door_named(row.format).decode(plain, meta), meta)
    except DecodeError as refusal:
        log.info("quarantine.refused", row=str(row.pk), code=refusal.code)
        return True
    (outcome,) = accept([(sender, batch)])
    return not isinstance(outcome, DecodeError) or outcome.status != 403
