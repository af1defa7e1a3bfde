"""OTLP/HTTP: metrics and logs of any OpenTelemetry SDK or Collector, protobuf or JSON, mapped by otlp_mapping."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from telemetry.ingest.batch import (
    OTLP_LOGS,
    OTLP_METRICS,
    CanonicalBatch,
    DeviceReport,
    Event,
    Identity,
    Inventory,
    Rejections,
    RequestMeta,
    Sample,
    at_most,
    uuid_from_digest,
)
from telemetry.ingest.formats import otlp_binary, otlp_json
from telemetry.ingest.formats.instances import BadPoint
from telemetry.ingest.formats.otlp_events import event_of
from telemetry.ingest.formats.otlp_identity import NOBODY, identity_of, inventory_of
from telemetry.ingest.formats.otlp_model import DELTA, Attributes, Record, Stream
from telemetry.ingest.formats.otlp_samples import NANO, PointReader

PROTOBUF_TYPE: Final = "application/x-protobuf"
JSON_TYPE: Final = "application/json"
CONTENT_TYPES: Final = (PROTOBUF_TYPE, JSON_TYPE)


def decode_metrics(body: bytes, meta: RequestMeta) -> CanonicalBatch:
    """One export of metrics. Points that cannot be kept are counted in `rejected`, also if that is all of them.

    Raises DecodeError: 400 if the body is no such request, 413 if it holds too many points or devices.
    """
    reader = otlp_json if meta.media_type == JSON_TYPE else otlp_binary
    request = _Request(meta)
    for index, (attributes, streams) in enumerate(reader.metrics(body, meta.limits)):
        request.read_streams(attributes, streams, f"resourceMetrics[{index}]")
    return request.batch(OTLP_METRICS, body)


def decode_logs(body: bytes, meta: RequestMeta) -> CanonicalBatch:
    """One export of log records; each becomes an event. Raises DecodeError as decode_metrics() does."""
    reader = otlp_json if meta.media_type == JSON_TYPE else otlp_binary
    request = _Request(meta)
    for index, (attributes, records) in enumerate(reader.logs(body, meta.limits)):
        request.read_records(attributes, records, f"resourceLogs[{index}]")
    return request.batch(OTLP_LOGS, body)


@dataclasses.dataclass(slots=True)
class _Device:
    identity: Identity
    path: str
    inventory: Inventory | None
    samples: list[Sample] = dataclasses.field(default_factory=list)
    events: list[Event] = dataclasses.field(default_factory=list)


class _Origin:
    """The devices one resource speaks of: one if the resource names it, else whichever its items name."""

    def __init__(self, request: _Request, attributes: Attributes, path: str) -> None:
        self.request, self.attributes, self.path = request, attributes, path
        self.identity = identity_of(attributes)
        self.only: _Device | None = None

    def device(self, item: Attributes) -> _Device:
        if self.only is not None:
            return self.only
        if self.identity is NOBODY:
            return self.request.device(identity_of(item), self.attributes, self.path)
        self.only = self.request.device(self.identity, self.attributes, self.path)
        return self.only


class _Request:
    """Sorts what one request holds by device."""

    def __init__(self, meta: RequestMeta) -> None:
        self.limits = meta.limits
        self.received_at = meta.received_at.timestamp()
        self.rejections = Rejections(meta.limits.rejections_listed)
        self.points = PointReader(self.received_at, meta.limits)
        self.devices: dict[Identity, _Device] = {}
        self.newest = 0  # nanoseconds since 1970

    def read_streams(self, resource: Attributes, streams: list[Stream], path: str) -> None:
        try:
            origin = _Origin(self, resource, path)
        except BadPoint as bad:
            self.rejections.add(path, bad.code, bad.message, count=sum(stream.size for stream in streams))
            return
        for stream in streams:
            refusal = _refusal(stream)
            if refusal is not None:
                self.rejections.add(_place(path, stream), "wrong_type", refusal, count=stream.size)
            else:
                self._read_points(origin, stream)

    def _read_points(self, origin: _Origin, stream: Stream) -> None:
        for point in stream.points:
            try:
                sample = self.points.sample(stream, point)
                if sample is not None:
                    origin.device(point.attributes).samples.append(sample)
                    if point.t > self.newest:
                        self.newest = point.t
            except BadPoint as bad:
                self.rejections.add(_place(origin.path, stream), bad.code, bad.message)

    def read_records(self, resource: Attributes, records: list[Record], path: str) -> None:
        try:
            origin = _Origin(self, resource, path)
        except BadPoint as bad:
            self.rejections.add(path, bad.code, bad.message, count=len(records))
            return
        for record in records:
            try:
                event = event_of(record, self.received_at, self.limits.text_chars)
                origin.device(record.attributes).events.append(event)
                self.newest = max(self.newest, record.t or record.observed)
            except BadPoint as bad:
                self.rejections.add(path, bad.code, bad.message)

    def device(self, identity: Identity, resource: Attributes, path: str) -> _Device:
        device = self.devices.get(identity)
        if device is None:
            device = self.devices[identity] = _Device(identity, path, inventory_of(resource, identity))
            at_most(self.limits.devices, len(self.devices), "devices")
        return device

    def batch(self, name: str, body: bytes) -> CanonicalBatch:
        digest = hashlib.sha256(body).digest()
        return CanonicalBatch(
            format=name,
            idempotency_key=uuid_from_digest(digest),
            body_sha256=digest,
            sent_at=datetime.fromtimestamp(self.newest / NANO, UTC) if self.newest else None,
            devices=tuple(self._reports()),
            rejected=tuple(self.rejections.listed),
            rejected_total=self.rejections.total,
        )

    def _reports(self) -> Iterator[DeviceReport]:
        for number, device in enumerate(self.devices.values(), start=1):
            yield DeviceReport(
                ref=f"r{number}",
                path=device.path,
                identity=device.identity,
                inventory=device.inventory,
                samples=tuple(device.samples),
                events=tuple(device.events),
            )


def _refusal(stream: Stream) -> str | None:
    if stream.shape not in ("gauge", "sum"):
        return f"{stream.shape} is not supported; send a gauge or a cumulative sum"
    if stream.temporality == DELTA:
        return "use cumulative temporality"
    return None


def _place(path: str, stream: Stream) -> str:
    return f"{path} {stream.name[:64]}"
