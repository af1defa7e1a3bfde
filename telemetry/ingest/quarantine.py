"""Bodies that made a decoder fail: kept as they came, read again after the fix. Nothing is lost, nobody is asked to resend."""

from __future__ import annotations

import hashlib
from typing import Final

import zstandard

from telemetry.ingest.batch import RequestMeta
from telemetry.ingest.keys import Sender
from telemetry.ingest.metrics import QUARANTINED
from telemetry.ingest.store import StoreAway, ask

LEVEL: Final = 3


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
