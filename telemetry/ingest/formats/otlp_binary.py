"""OTLP as protobuf, parsed by the classes of opentelemetry-proto.

Two things are done on the raw bytes, because the parser can only say yes or no to a whole request: a large body is
counted before objects are built from it (two bytes on the wire may become a hundred in memory), and a string that is
not UTF-8 is marked, so that only its item is refused.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any, Final

from google.protobuf.message import DecodeError as ProtobufError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from telemetry.ingest.batch import DecodeError, at_most
from telemetry.ingest.formats import wire
from telemetry.ingest.formats.otlp_model import SCALARS, UNSTORABLE, Attributes, Point, Record, Stream, body_text
from telemetry.ingest.formats.wire import Schema
from telemetry.ingest.limits import KIB, Limits

COUNTED_FROM: Final = 512 * KIB
"""Smaller bodies cannot grow beyond some 35 MB of objects (measured: 70 bytes for one on the wire at the worst)."""
MESSAGES_PER_ITEM: Final = 16  # a data point, its attributes and their values; more is padding

_VALUE: Final[dict[int, Any]] = {1: None}
_PAIR: Final[dict[int, Any]] = {1: None, 2: _VALUE}
_VALUE.update({5: {1: _VALUE}, 6: {1: _PAIR}})  # values nest
_RESOURCE: Final[Schema] = {1: _PAIR}
_SCOPE: Final[Schema] = {1: None, 2: None, 3: _PAIR}
_EXEMPLAR: Final[Schema] = {7: _PAIR}
_NUMBERS: Final[Schema] = {1: {7: _PAIR, 5: _EXEMPLAR}}
_HISTOGRAMS: Final[Schema] = {1: {9: _PAIR, 8: _EXEMPLAR}}
_EXPONENTIAL: Final[Schema] = {1: {1: _PAIR, 11: _EXEMPLAR, 8: {}, 9: {}}}
_SUMMARIES: Final[Schema] = {1: {7: _PAIR, 6: {}}}
_METRIC: Final[Schema] = {
    **{1: None, 2: None, 3: None, 12: _PAIR},
    **{5: _NUMBERS, 7: _NUMBERS, 9: _HISTOGRAMS, 10: _EXPONENTIAL, 11: _SUMMARIES},
}
METRICS_SCHEMA: Final[Schema] = {1: {1: _RESOURCE, 2: {1: _SCOPE, 2: _METRIC, 3: None}, 3: None}}
LOGS_SCHEMA: Final[Schema] = {
    1: {1: _RESOURCE, 2: {1: _SCOPE, 2: {3: None, 5: _VALUE, 6: _PAIR, 12: None}, 3: None}, 3: None}
}
_SHAPES: Final = ("gauge", "sum", "histogram", "exponential_histogram", "summary")


def metrics(body: bytes, limits: Limits) -> list[tuple[Attributes, list[Stream]]]:
    """Resources with their metrics. Raises DecodeError 400 for what is no request, 413 for too many points."""
    request = _parsed(ExportMetricsServiceRequest(), body, METRICS_SCHEMA, limits.samples * MESSAGES_PER_ITEM)
    found = [
        (
            _attributes(resource.resource.attributes),
            [_stream(m) for scope in resource.scope_metrics for m in scope.metrics],
        )
        for resource in request.resource_metrics
    ]
    at_most(limits.samples, sum(stream.size for _, streams in found for stream in streams), "data points")
    return found


def logs(body: bytes, limits: Limits) -> list[tuple[Attributes, list[Record]]]:
    """Resources with their log records. Raises DecodeError as metrics() does."""
    request = _parsed(ExportLogsServiceRequest(), body, LOGS_SCHEMA, limits.events * MESSAGES_PER_ITEM)
    records = sum(len(scope.log_records) for resource in request.resource_logs for scope in resource.scope_logs)
    at_most(limits.events, records, "log records")
    return [
        (
            _attributes(resource.resource.attributes),
            [_record(record) for scope in resource.scope_logs for record in scope.log_records],
        )
        for resource in request.resource_logs
    ]


def _parsed(request: Any, body: bytes, schema: Schema, most: int) -> Any:
    try:
        if len(body) > COUNTED_FROM:
            at_most(most, wire.count_messages(body, schema, most), "messages")
        try:
            request.ParseFromString(body)
        except ProtobufError:
            request.ParseFromString(_marked(body, schema))
    except (ProtobufError, wire.Malformed, RecursionError) as error:
        raise DecodeError(400, "malformed", "not a protobuf request of this kind") from error
    return request


def _marked(data: bytes, schema: Schema, depth: int = 100) -> bytes:
    """The same message, with U+0000 in place of each string that is not UTF-8: its item will be refused."""
    if depth == 0:
        raise wire.Malformed("too deep")
    parts = []
    for number, kind, value in wire.fields(data):
        if kind == wire.BYTES and number in schema:
            assert isinstance(value, bytes)
            inner = schema[number]
            value = _utf8(value) if inner is None else _marked(value, inner, depth - 1)
        parts.append(wire.field(number, kind, value))
    return b"".join(parts)


def _utf8(text: bytes) -> bytes:
    try:
        text.decode()
    except UnicodeDecodeError:
        return UNSTORABLE.encode()
    return text


def _stream(metric: Any) -> Stream:
    shape = metric.WhichOneof("data")
    if shape not in _SHAPES:
        return Stream(metric.name, "nothing", False, 0, 0, ())
    data = getattr(metric, shape)
    count = len(data.data_points)
    if shape == "gauge":
        return Stream(metric.name, shape, False, 0, count, _points(data.data_points))
    if shape == "sum":
        points = _points(data.data_points)
        return Stream(metric.name, shape, data.is_monotonic, data.aggregation_temporality, count, points)
    return Stream(metric.name, shape, False, 0, count, ())


def _points(raw: Any) -> Iterator[Point]:
    for point in raw:
        which = point.WhichOneof("value")
        yield Point(
            _attributes(point.attributes),
            point.as_int if which == "as_int" else point.as_double if which else None,
            point.time_unix_nano,
            point.start_time_unix_nano,
            point.flags,
        )


def _record(raw: Any) -> Record:
    return Record(
        _attributes(raw.attributes),
        raw.severity_number,
        body_text(_value(raw.body)) or None,
        raw.time_unix_nano,
        raw.observed_time_unix_nano,
    )


def _attributes(pairs: Any) -> Attributes:
    found: Attributes = {}
    for pair in pairs:
        value = pair.value
        text = value.string_value
        if text:
            found[pair.key] = text
            continue
        scalar = _value(value)
        if type(scalar) in SCALARS:
            found[pair.key] = scalar
    return found


def _value(value: Any) -> Any:
    """The Python value of an AnyValue; bytes become base64 text, as they are in JSON."""
    which = value.WhichOneof("value")
    if which == "array_value":
        return [_value(item) for item in value.array_value.values]
    if which == "kvlist_value":
        return {pair.key: _value(pair.value) for pair in value.kvlist_value.values}
    if which == "bytes_value":
        return base64.b64encode(value.bytes_value).decode()
    return getattr(value, which) if which else None
