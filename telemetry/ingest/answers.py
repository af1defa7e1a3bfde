"""What each door's client understands: status, headers and body for every outcome. Pure; nothing is decided here.

Success is what the client calls success (only the native door says 202). "Not now" is always 503 with Retry-After of at
most five seconds: widespread clients drop data on 429 and 500, and give up on longer waits.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID
from xml.sax.saxutils import escape

from telemetry.ingest.batch import (
    CALLHOME,
    NATIVE,
    OTLP_LOGS,
    OTLP_METRICS,
    PROMETHEUS,
    Counts,
    DecodeError,
    Note,
)
from telemetry.ingest.formats import wire

JSON: Final = "application/json"
PROTOBUF: Final = "application/x-protobuf"
SOAP: Final = "text/xml; charset=utf-8"
TEXT: Final = "text/plain; charset=utf-8"

LONGEST_WAIT_S: Final = 5  # OpenTelemetry's Python SDK gives up when the wait exceeds the rest of its 10 s
OTLP: Final = frozenset((OTLP_METRICS, OTLP_LOGS))
# google.rpc.Code by HTTP status, https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto
RPC_CODES: Final[Mapping[int, int]] = {
    400: 3,
    401: 16,
    403: 7,
    404: 5,
    405: 12,
    409: 6,
    411: 3,
    413: 8,
    415: 3,
    503: 14,
}
RPC_UNKNOWN: Final = 2
ACCEPTED_ENCODINGS: Final = "gzip, zstd, deflate"


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What an answer says about a report that is kept. For a repetition: the counts of the first answer."""

    report_id: UUID
    accepted: Counts
    rejected: tuple[Note, ...] = ()
    rejected_total: int = 0
    warnings: tuple[Note, ...] = ()
    duplicate: bool = False

    @property
    def kept_nothing(self) -> bool:
        return not (self.accepted.devices or self.accepted.samples or self.accepted.events)


@dataclass(frozen=True, slots=True)
class Hints:
    """What a native agent may make use of; `need` asks for something, such as `inventory:d2`."""

    server_time: datetime
    next_interval_s: int | None = None
    expect_seq: int | None = None
    need: tuple[str, ...] = field(default=())


def kept(door: str, receipt: Receipt, hints: Hints, content_type: str = JSON) -> Answer:
    """The report is durable, now or since an earlier try."""
    if door == NATIVE:
        return _json(200 if receipt.duplicate else 202, _native_receipt(receipt, hints))
    if door in OTLP:
        return _otlp_success(door, receipt, content_type)
    if door == CALLHOME:
        return Answer(200, (("Content-Type", SOAP),), _soap("<env:Body/>"))
    if door == PROMETHEUS:
        return Answer(204)
    raise ValueError(door)


def refused(door: str, error: DecodeError, content_type: str = JSON) -> Answer:
    """The whole request is refused, in words and encoding of its door."""
    headers = _challenge(door, error)
    if door in OTLP and _media_type(content_type) == PROTOBUF:
        status = wire.varint_field(1, _rpc_code(error.status)) + wire.bytes_field(2, _sentence(error).encode())
        return Answer(error.status, (("Content-Type", PROTOBUF), *headers), status)
    if door in OTLP:
        return _json(error.status, {"code": _rpc_code(error.status), "message": _sentence(error)}, headers)
    if door == CALLHOME:
        return Answer(error.status, (("Content-Type", SOAP), *headers), _soap(_fault(error)))
    return _json(error.status, _native_error(error), headers)


def try_later(door: str, chance: Callable[[], float], content_type: str = JSON) -> Answer:
    """503 for overload, a sender above its pace, a database that is away, and whatever nobody expected.

    `chance` returns a number in [0, 1): it spreads those who come back.
    """
    wait_s = 1 + int(chance() * LONGEST_WAIT_S)
    error = DecodeError(503, "try_later", f"nothing was kept; try again in {wait_s} s")
    answer = refused(door, error, content_type)
    return Answer(503, (*answer.headers, ("Retry-After", str(min(wait_s, LONGEST_WAIT_S)))), answer.body)


def unauthenticated(door: str) -> DecodeError:
    """No key or a wrong one. Call Home devices cannot answer a challenge: 403 there."""
    if door == CALLHOME:
        return DecodeError(403, "bad_key", "this address is not valid")
    return DecodeError(401, "bad_key", "an ingest key is required: Authorization: Bearer scd_... or scc_...")


def wrong_method() -> DecodeError:
    return DecodeError(405, "method_not_allowed", "POST only")


def unsupported_type(allowed: tuple[str, ...]) -> DecodeError:
    return DecodeError(415, "unsupported_type", f"Content-Type must be one of: {', '.join(allowed)}")


def report_id_reused() -> DecodeError:
    return DecodeError(409, "report_id_reused", "another report was accepted under this id; nothing was kept")


def _challenge(door: str, error: DecodeError) -> tuple[tuple[str, str], ...]:
    if error.status == 401:
        return (("WWW-Authenticate", 'Bearer realm="smartcare ingest"'),)
    if error.status == 405:
        return (("Allow", "POST"),)
    if error.status == 415 and error.code == "unsupported_encoding":
        return (("Accept-Encoding", "snappy" if door == PROMETHEUS else ACCEPTED_ENCODINGS),)
    return ()


def _native_receipt(receipt: Receipt, hints: Hints) -> dict[str, Any]:
    said: dict[str, Any] = {
        "report_id": str(receipt.report_id),
        "status": "accepted",
        "duplicate": receipt.duplicate,
        "accepted": {
            "devices": receipt.accepted.devices,
            "samples": receipt.accepted.samples,
            "events": receipt.accepted.events,
        },
        "rejected": _notes(receipt.rejected),
        "rejected_total": receipt.rejected_total,
        "warnings": _notes(receipt.warnings),
        "server_time": hints.server_time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "need": list(hints.need),
    }
    if hints.next_interval_s is not None:
        said["next_interval_s"] = hints.next_interval_s
    if hints.expect_seq is not None:
        said["expect_seq"] = hints.expect_seq
    return said


def _notes(notes: tuple[Note, ...]) -> list[dict[str, str]]:
    return [{"path": note.path, "code": note.code, "message": note.message} for note in notes]


def _native_error(error: DecodeError) -> dict[str, Any]:
    said: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.path:
        said["path"] = error.path
    if error.code == "unsupported_schema":
        said["supported"] = ["smartcare.report/1"]
    return said


def _otlp_success(door: str, receipt: Receipt, content_type: str) -> Answer:
    binary = _media_type(content_type) == PROTOBUF
    total, message = receipt.rejected_total, _partial_message(receipt)
    if binary:
        partial = wire.varint_field(1, total) + wire.bytes_field(2, message.encode()) if total else b""
        return Answer(200, (("Content-Type", PROTOBUF),), wire.bytes_field(1, partial) if partial else b"")
    counter = "rejectedDataPoints" if door == OTLP_METRICS else "rejectedLogRecords"
    # proto3 JSON writes 64-bit integers as strings
    said = {"partialSuccess": {counter: str(total), "errorMessage": message}} if total else {}
    return _json(200, said)


def _partial_message(receipt: Receipt) -> str:
    reasons = dict.fromkeys(f"{note.code}: {note.message}" for note in receipt.rejected)
    return "; ".join(list(reasons)[:5])


def _sentence(error: DecodeError) -> str:
    return f"{error.code}: {error.message}" + (f" ({error.path})" if error.path else "")


def _rpc_code(status: int) -> int:
    return RPC_CODES.get(status, RPC_UNKNOWN)


def _media_type(content_type: str) -> str:
    return content_type.split(";", 1)[0].strip().lower()


def _json(status: int, said: dict[str, Any], headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    body = json.dumps(said, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")
    return Answer(status, (("Content-Type", JSON), *headers), body)


def _soap(content: str) -> bytes:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<env:Envelope xmlns:env="http://www.w3.org/2003/05/soap-envelope">' + content + "</env:Envelope>"
    ).encode("utf-8", "xmlcharrefreplace")


def _fault(error: DecodeError) -> str:
    """A SOAP 1.2 fault (W3C SOAP 1.2 part 1, section 5.4)."""
    side = "Receiver" if error.status >= 500 else "Sender"
    return (
        f"<env:Body><env:Fault><env:Code><env:Value>env:{side}</env:Value></env:Code>"
        f'<env:Reason><env:Text xml:lang="en">{escape(_sentence(error))}</env:Text></env:Reason>'
        "</env:Fault></env:Body>"
    )
