"""OTLP/JSON: proto3's JSON mapping with lowerCamelCase names, numbers for enums, unknown fields ignored."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from telemetry.ingest import strictjson
from telemetry.ingest.batch import DecodeError, at_most
from telemetry.ingest.formats.otlp_model import SCALARS, Attributes, Point, Record, Stream, body_text
from telemetry.ingest.limits import Limits

_SHAPES: Final = {
    "gauge": "gauge",
    "sum": "sum",
    "histogram": "histogram",
    "exponentialHistogram": "exponential_histogram",
    "summary": "summary",
}
# enums are numbers in OTLP/JSON; generic protobuf libraries write their names nevertheless
_LEVELS: Final = [
    f"{level}{step}" for level in ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL") for step in ("", 2, 3, 4)
]
_ENUMS: Final = {
    "AGGREGATION_TEMPORALITY_UNSPECIFIED": 0,
    "AGGREGATION_TEMPORALITY_DELTA": 1,
    "AGGREGATION_TEMPORALITY_CUMULATIVE": 2,
    "SEVERITY_NUMBER_UNSPECIFIED": 0,
    **{f"SEVERITY_NUMBER_{name}": number for number, name in enumerate(_LEVELS, start=1)},
}
_DIGITS: Final = re.compile(r"-?\d{1,20}", re.ASCII)
_DOUBLE_CHARS: Final = 32


def metrics(body: bytes, limits: Limits) -> list[tuple[Attributes, list[Stream]]]:
    """Resources with their metrics. Raises DecodeError 400 for what is no request, 413 for too many points."""
    found = [
        (_attributes(_object(resource, "resource")), _streams(resource))
        for resource in _objects(_request(body, limits), "resourceMetrics")
    ]
    at_most(limits.samples, sum(stream.size for _, streams in found for stream in streams), "data points")
    return found


def logs(body: bytes, limits: Limits) -> list[tuple[Attributes, list[Record]]]:
    """Resources with their log records. Raises DecodeError as metrics() does."""
    found = []
    for resource in _objects(_request(body, limits), "resourceLogs"):
        records = [record for scope in _objects(resource, "scopeLogs") for record in _objects(scope, "logRecords")]
        found.append((_object(resource, "resource"), records))
    at_most(limits.events, sum(len(records) for _, records in found), "log records")
    return [(_attributes(resource), [_record(raw) for raw in records]) for resource, records in found]


def _request(body: bytes, limits: Limits) -> dict[str, Any]:
    request = strictjson.loads(body, limits.otlp_depth, limits.json_values)
    if type(request) is not dict:
        raise _wrong("the request", "an object")
    return request


def _streams(resource: dict[str, Any]) -> list[Stream]:
    return [_stream(metric) for scope in _objects(resource, "scopeMetrics") for metric in _objects(scope, "metrics")]


def _stream(metric: dict[str, Any]) -> Stream:
    key = next((key for key in _SHAPES if metric.get(key) is not None), None)
    data = _object(metric, key) if key else {}
    points = _objects(data, "dataPoints")
    return Stream(
        _text(metric, "name"),
        _SHAPES[key] if key else "nothing",
        data.get("isMonotonic") is True,
        _enum(data, "aggregationTemporality"),
        len(points),
        _points(points) if key in ("gauge", "sum") else (),
    )


def _points(raw: list[dict[str, Any]]) -> Iterator[Point]:
    return (
        Point(
            _attributes(point),
            _integer(point, "asInt") if point.get("asInt") is not None else _double(point, "asDouble"),
            _integer(point, "timeUnixNano", unsigned=True),
            _integer(point, "startTimeUnixNano", unsigned=True),
            _integer(point, "flags"),
        )
        for point in raw
    )


def _record(raw: dict[str, Any]) -> Record:
    body = _object(raw, "body")
    return Record(
        _attributes(raw),
        _enum(raw, "severityNumber"),
        body_text(_value(body)) or None,
        _integer(raw, "timeUnixNano", unsigned=True),
        _integer(raw, "observedTimeUnixNano", unsigned=True),
    )


def _attributes(holder: dict[str, Any]) -> Attributes:
    found: Attributes = {}
    for pair in _objects(holder, "attributes"):
        key, value = pair.get("key", ""), pair.get("value")
        if type(key) is not str:
            raise _wrong("key", "a string")
        if type(value) is dict and len(value) == 1 and type(value.get("stringValue")) is str:
            found[key] = value["stringValue"]
            continue
        scalar = _value(_object(pair, "value"))
        if type(scalar) in SCALARS:
            found[key] = scalar
    return found


def _value(raw: dict[str, Any]) -> Any:
    """The Python value of an AnyValue; bytes stay base64 text."""
    if raw.get("stringValue") is not None:
        return _text(raw, "stringValue")
    if raw.get("boolValue") is not None:
        return raw["boolValue"] is True
    if raw.get("intValue") is not None:
        return _integer(raw, "intValue")
    if raw.get("doubleValue") is not None:
        return _double(raw, "doubleValue")
    if raw.get("arrayValue") is not None:
        return [_value(item) for item in _objects(_object(raw, "arrayValue"), "values")]
    if raw.get("kvlistValue") is not None:
        pairs = _objects(_object(raw, "kvlistValue"), "values")
        return {_text(pair, "key"): _value(_object(pair, "value")) for pair in pairs}
    return _text(raw, "bytesValue") if raw.get("bytesValue") is not None else None


def _object(holder: dict[str, Any], key: str) -> dict[str, Any]:
    value = holder.get(key)
    if value is None:
        return {}
    if type(value) is not dict:
        raise _wrong(key, "an object")
    return value


def _objects(holder: dict[str, Any], key: str) -> list[dict[str, Any]]:
    value = holder.get(key)
    if value is None:
        return []
    if type(value) is not list or not all(type(item) is dict for item in value):
        raise _wrong(key, "a list of objects")
    return value


def _text(holder: dict[str, Any], key: str) -> str:
    value = holder.get(key)
    if value is None:
        return ""
    if type(value) is not str:
        raise _wrong(key, "a string")
    return value


def _integer(holder: dict[str, Any], key: str, *, unsigned: bool = False) -> int:
    """A 64-bit integer, as number or as decimal string."""
    value = holder.get(key)
    if value is None:
        return 0
    is_digits = type(value) is str and _DIGITS.fullmatch(value)
    if is_digits or type(value) is float and value.is_integer():
        value = int(value)
    least, most = (0, 1 << 64) if unsigned else (-1 << 63, 1 << 63)
    if type(value) is not int or not least <= value < most:
        raise _wrong(key, "a 64-bit integer")
    return value


def _enum(holder: dict[str, Any], key: str) -> int:
    value = holder.get(key)
    known = _ENUMS.get(value) if type(value) is str else None
    return _integer(holder, key) if known is None else known


def _double(holder: dict[str, Any], key: str) -> float | None:
    """A double, as number or as text (NaN and the infinities have no other form)."""
    value = holder.get(key)
    if value is None:
        return None
    is_text = type(value) is str and len(value) <= _DOUBLE_CHARS
    if is_text or type(value) is float or type(value) is int:
        try:
            return float(value)
        except ValueError as error:
            raise _wrong(key, "a number") from error
    raise _wrong(key, "a number")


def _wrong(key: str, expected: str) -> DecodeError:
    return DecodeError(400, "wrong_type", f"{key} is not {expected}", key)
