"""Requests recorded from real clients (the shared samples), moved to the present: a live server has no other clock.

Everything else stays as the client sent it: media type, encoding, field order, and every byte that is not a time.
"""

import gzip
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import cramjam
from django.utils import timezone

from telemetry.ingest.formats.prometheus_wire import series
from tests.telemetry.ingest.messages import sample

RECORDED = datetime(2026, 11, 24, 2, 22, tzinfo=UTC)  # a moment after the newest time in any of them
FORM, PROTOBUF, JSON, NDJSON = (
    "application/x-www-form-urlencoded",
    "application/x-protobuf",
    "application/json",
    "application/x-ndjson",
)
TEXT_TIME = re.compile(r"2026-11-2\d([T ])\d\d:\d\d:\d\d")
NANOS = re.compile(r"17\d{17}")


@dataclass(frozen=True)
class Recording:
    """One request. `success`: what its client takes for success. `table`: where what it said is found afterwards."""

    name: str
    path: str
    kind: str
    moved: Callable[[bytes, timedelta], bytes]
    success: int
    table: str
    encoding: str = ""

    def body(self) -> bytes:
        return self.moved(sample(self.name), timezone.now() - RECORDED)


def in_text(body: bytes, by: timedelta) -> bytes:
    def move(found: re.Match[str]) -> str:
        form = f"%Y-%m-%d{found[1]}%H:%M:%S"
        return (datetime.strptime(found[0], form) + by).strftime(form)

    return TEXT_TIME.sub(move, body.decode()).encode()


def in_nanoseconds(body: bytes, by: timedelta) -> bytes:
    shift = int(by.total_seconds()) * 10**9
    return NANOS.sub(lambda found: str(int(found[0]) + shift), body.decode()).encode()


def in_otlp_protobuf(body: bytes, by: timedelta) -> bytes:
    """fixed64, little endian: each time is a multiple of nothing else in there, so it is found by its size."""
    plain, shift = gzip.decompress(body), int(by.total_seconds()) * 10**9
    low, high = (int((RECORDED + timedelta(days=d)).timestamp()) * 10**9 for d in (-2, 1))
    out, at = bytearray(plain), 0
    while at + 8 <= len(plain):
        value = int.from_bytes(plain[at : at + 8], "little")
        if low < value < high:
            out[at : at + 8] = (value + shift).to_bytes(8, "little")
            at += 8
        else:
            at += 1
    return gzip.compress(bytes(out))


def in_remote_write(body: bytes, by: timedelta) -> bytes:
    plain, shift = bytes(cramjam.snappy.decompress_raw(body)), int(by.total_seconds()) * 1000
    for moment in {milliseconds for one in series(plain) for _, milliseconds in one.samples}:
        plain = plain.replace(varint(moment), varint(moment + shift))
    return bytes(cramjam.snappy.compress_raw(plain))


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


METRICS, WRITE, REPORTS = "/ingest/otlp/v1/metrics", "/ingest/prometheus/v1/write", "/ingest/v1/reports"
CALL_HOME = "/ingest/callhome/v1/"

RECORDINGS = (
    Recording("otlp/python_proto_gzip/001.body", METRICS, PROTOBUF, in_otlp_protobuf, 200, "healthsample", "gzip"),
    Recording("otlp/python_proto_gzip/002.body", METRICS, PROTOBUF, in_otlp_protobuf, 200, "healthsample", "gzip"),
    Recording("otlp/python_json/001.body", METRICS, JSON, in_nanoseconds, 200, "healthsample"),
    Recording("prometheus/remote_write/001.body", WRITE, PROTOBUF, in_remote_write, 204, "healthsample", "snappy"),
    Recording("native/report_v1.json", REPORTS, JSON, in_text, 202, "healthsample"),
    Recording("native/report_v1.ndjson", REPORTS, NDJSON, in_text, 202, "healthsample"),
    *(
        Recording(f"callhome/{name}.xml", CALL_HOME, FORM, in_text, 200, table)
        for name, table in (
            ("iosxe_syslog", "deviceevent"),
            ("iosxe_environment_minor", "deviceevent"),
            ("iosxe_diagnostic", "deviceevent"),
            ("iosxe_illegal_charref", "deviceevent"),
            ("iosxe_inventory_full", "factinbox"),
            ("iosxe_configuration", "report"),
            ("asa_telemetry", "report"),
            ("test_message", "deviceevent"),
        )
    ),
)


def now_ms() -> int:
    return int(time.time() * 1000)


def as_json(document: object) -> bytes:
    return json.dumps(document).encode()
