"""Messages for the tests of ingest's pure half: the shared samples, and small ones made here."""

import dataclasses
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from telemetry.ingest import limits
from telemetry.ingest.batch import (
    CALLHOME,
    NATIVE,
    OTLP_LOGS,
    OTLP_METRICS,
    PROMETHEUS,
    CanonicalBatch,
    DecodeError,
    RequestMeta,
)
from telemetry.ingest.limits import Limits

SAMPLES = Path(os.environ.get("SMARTCARE_SHARED") or Path(__file__).resolve().parents[4] / "shared") / "samples"
NOW = datetime(2026, 11, 24, 2, 21, tzinfo=UTC)
SENT = NOW - timedelta(seconds=57)
JSON, NDJSON, PROTOBUF = "application/json", "application/x-ndjson", "application/x-protobuf"


def sample(name: str) -> bytes:
    """A recorded message; without the shared folder the test is skipped, visibly."""
    path = SAMPLES / name
    if not SAMPLES.is_dir():
        pytest.skip(f"no samples at {SAMPLES}: set SMARTCARE_SHARED")
    return path.read_bytes()


def small(**figures: int) -> Limits:
    """A collector's limits with some figures so small that a test can reach them."""
    return dataclasses.replace(limits.COLLECTOR, **figures)


def meta(name: str = NATIVE, content_type: str = JSON, *, allow: Limits = limits.COLLECTOR, **more: Any) -> RequestMeta:
    return RequestMeta(name, content_type, more.pop("received_at", NOW), allow, **more)


NATIVE_JSON = meta()
NATIVE_LINES = meta(content_type=NDJSON)
METRICS_BINARY, METRICS_JSON = meta(OTLP_METRICS, PROTOBUF), meta(OTLP_METRICS, JSON)
LOGS_BINARY, LOGS_JSON = meta(OTLP_LOGS, PROTOBUF), meta(OTLP_LOGS, JSON)
CALLHOME_XML = meta(CALLHOME, "")
REMOTE_WRITE = meta(PROMETHEUS, PROTOBUF)


def outcome_of(call: Callable[..., Any], *arguments: Any) -> Any:
    """What the call returns, or its refusal; any other exception is the test's failure."""
    try:
        return call(*arguments)
    except DecodeError as refusal:
        return refusal


def said(batch: CanonicalBatch) -> CanonicalBatch:
    """The batch without what depends on its bytes: equal for equal messages in different formats."""
    return dataclasses.replace(batch, body_sha256=b"", idempotency_key=None)  # type: ignore[arg-type]


def a_report(*samples: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A device's own report; without samples given, one of its CPU."""
    device = {
        "ref": "d1",
        "identity": {"serial": "FOC2601TST1", "vendor": "Cisco"},
        "samples": list(samples) or [{"m": "device.cpu.utilization", "i": "cpu/1", "v": 0.23}],
    }
    return {
        "schema": "smartcare.report/1",
        "report_id": "0193586e-7b1c-7c3e-9b1e-3f6f0f7d9a01",
        "sent_at": SENT.isoformat(),
        "devices": [device],
        **changes,
    }


def a_device(**changes: Any) -> dict[str, Any]:
    return {**a_report()["devices"][0], **changes}


def as_json(report: Any) -> bytes:
    return json.dumps(report).encode()


def as_lines(*lines: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)
