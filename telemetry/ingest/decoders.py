"""Which decoder stands behind which door, and what that door takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from telemetry.ingest import answers, batch
from telemetry.ingest.batch import CanonicalBatch, RequestMeta
from telemetry.ingest.body import HTTP_ENCODINGS, SNAPPY_ONLY
from telemetry.ingest.formats import callhome, native, otlp, prometheus


@dataclass(frozen=True, slots=True)
class Decoder:
    """content_types: () means any, because the clients of that door send whatever they like."""

    decode: Callable[[bytes, RequestMeta], CanonicalBatch]
    content_types: tuple[str, ...]
    encodings: tuple[str, ...] = HTTP_ENCODINGS

    def check_type(self, content_type: str) -> None:
        """Raises DecodeError 415 for a Content-Type that this door cannot read."""
        media_type = content_type.split(";", 1)[0].strip().lower()
        if self.content_types and media_type not in self.content_types:
            raise answers.unsupported_type(self.content_types)


DECODERS: Final[Mapping[str, Decoder]] = MappingProxyType(
    {
        batch.NATIVE: Decoder(native.decode, native.CONTENT_TYPES),
        batch.OTLP_METRICS: Decoder(otlp.decode_metrics, otlp.CONTENT_TYPES),
        batch.OTLP_LOGS: Decoder(otlp.decode_logs, otlp.CONTENT_TYPES),
        batch.CALLHOME: Decoder(callhome.decode, content_types=(), encodings=()),
        batch.PROMETHEUS: Decoder(prometheus.decode, prometheus.CONTENT_TYPES, SNAPPY_ONLY),
    }
)
