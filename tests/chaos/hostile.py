"""Requests that nobody should send: good ones spoiled in every way, and noise; the same for the same seed.

Bodies stay below a megabyte on the wire, so that a run is bounded; what unpacks to more is part of the matter.
"""

import gzip
import json
import random
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import cramjam
import zstandard

from tests.telemetry.ingest.recordings import (
    CALL_HOME,
    FORM,
    JSON,
    METRICS,
    NDJSON,
    PROTOBUF,
    REPORTS,
    WRITE,
    now_ms,
    varint,
)
from tests.telemetry.ingest.senders import cpu, fan, octets, report

LOGS = "/ingest/otlp/v1/logs"
WORDS = (
    "",
    "\x00",
    "\ud800",
    "￿",
    "a" * 5_000,
    "'; DROP TABLE telemetry_report; --",
    "{{7*7}}",
    "=cmd|' /C calc'!A0",
    "../../etc",
    "💥" * 50,
)
NUMBERS = (
    "1e999",
    "-1e999",
    "NaN",
    "Infinity",
    "9" * 400,
    "-0",
    "1e-999",
    "18446744073709551616",
    "0.1" + "0" * 300,
    "1E400",
)
XML = (
    '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><a>&b;&b;&b;</a>',
    '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
    "<a>" * 5_000,
    "<a>" * 70 + "</a>" * 70,
    "<a b='" + "x" * 100_000 + "'/>",
    "<a>" + "<b/>" * 25_000 + "</a>",
    "<?xml version='1.0' encoding='UTF-16'?><a/>",
    "<a>&#0;&#x1b;&#xD800;</a>",
)


@dataclass
class Request:
    """Head lines beyond the usual, and a body already framed."""

    path: str
    kind: str
    body: bytes
    lines: list[str] = field(default_factory=list)
    chunked: bool = False
    what: str = ""

    def raw(self, key: str) -> bytes:
        path = self.path + key if self.path == CALL_HOME else self.path
        framing = ["Transfer-Encoding: chunked"] if self.chunked else [f"Content-Length: {len(self.body)}"]
        head = [
            f"POST {path} HTTP/1.1",
            "Host: smartcare.test",
            f"Authorization: Bearer {key}",
            f"Content-Type: {self.kind}",
            "Connection: close",
            *framing,
            *self.lines,
        ]
        return (
            "\r\n".join(head).encode("utf-8", "surrogatepass")
            + b"\r\n\r\n"
            + (_chunks(self.body) if self.chunked else self.body)
        )


def _chunks(body: bytes) -> bytes:
    pieces = [body[at : at + 997] for at in range(0, len(body), 997)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


class Corpus:
    """`requests` without end."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)

    def requests(self) -> Iterator[Request]:
        makers: list[tuple[Callable[[], Request], int]] = [
            (self._native, 5),
            (self._native_text, 4),
            (self._lines, 2),
            (self._otlp_json, 3),
            (self._protobuf, 4),
            (self._remote_write, 3),
            (self._call_home, 3),
            (self._noise, 2),
            (self._bomb, 1),
            (self._head, 2),
        ]
        while True:
            make = self._chance.choices([maker for maker, _ in makers], [weight for _, weight in makers])[0]
            request = make()
            request.what = make.__name__.strip("_")
            yield self._packed(request)

    # ---- one kind each

    def _native(self) -> Request:
        """A report with something in its tree replaced."""
        document = self._spoiled(self._report())
        try:
            body = json.dumps(document).encode("utf-8", "surrogatepass")
        except (ValueError, RecursionError):
            body = b"[" * 50_000
        return Request(REPORTS, JSON, body)

    def _native_text(self) -> Request:
        """A report with its text spoiled: cut, flipped, doubled, nested, with numbers and keys that JSON does not have."""
        text = json.dumps(self._report()).encode()
        ways: list[Callable[[bytes], bytes]] = [
            lambda body: body[: self._chance.randrange(len(body))],
            self._flipped,
            lambda body: body + body,
            lambda body: body.replace(b"0.25", self._chance.choice(NUMBERS).encode(), 1),
            lambda body: body.replace(b'"devices"', b'"devices": [], "devices"', 1),
            lambda body: body.replace(b'"samples"', b'"x": ' + b"[" * 9 + b"]" * 9 + b', "samples"', 1),
            lambda body: body.replace(
                b'"samples": [', b'"samples": [' + b'{"m":"device.cpu.utilization","v":1},' * 5_100, 1
            ),
            lambda body: b"\xef\xbb\xbf" + body,
            lambda body: body.decode().encode(self._chance.choice(("utf-16", "utf-32", "latin-1"))),
            lambda body: body.replace(b"SN1", b"\\u0000" if self._chance.random() < 0.5 else b"\\ud800", 1),
            lambda body: b"[" * self._chance.choice((8, 9, 24, 100_000)),
            lambda body: b'{"a":' * 100_000,
            lambda body: b'"' + b"\\" * self._chance.randrange(2_000),
        ]
        return Request(REPORTS, JSON, self._chance.choice(ways)(text))

    def _lines(self) -> Request:
        made = self._report()
        device = made.pop("devices")[0]
        lines = [
            {**made, "type": "report"},
            {**device, "type": "device"},
            {"type": "end", "report_id": made["report_id"], "lines": 2},
        ]
        self._chance.shuffle(lines) if self._chance.random() < 0.3 else None
        said = [json.dumps(self._spoiled(line) if self._chance.random() < 0.4 else line, default=str) for line in lines]
        body = self._chance.choice((b"\n", b"\r\n", b"\n\n", b"")).join(
            line.encode("utf-8", "surrogatepass") for line in said
        )
        return Request(REPORTS, NDJSON, body * self._chance.choice((1, 1, 1, 40)))

    def _otlp_json(self) -> Request:
        moment = str(now_ms() * 10**6)
        point = {
            "timeUnixNano": moment,
            "asDouble": 0.5,
            "attributes": [{"key": "cpu.logical_number", "value": {"intValue": "0"}}],
        }
        metrics = {
            "resourceMetrics": [
                {"scopeMetrics": [{"metrics": [{"name": "system.cpu.utilization", "gauge": {"dataPoints": [point]}}]}]}
            ]
        }
        record = {"timeUnixNano": moment, "severityNumber": 17, "body": {"stringValue": "fan"}}
        logs = {"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}
        path, document = self._chance.choice(((METRICS, metrics), (LOGS, logs)))
        return Request(path, JSON, json.dumps(self._spoiled(document)).encode("utf-8", "surrogatepass"))

    def _protobuf(self) -> Request:
        from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

        request = ExportMetricsServiceRequest()
        for _ in range(self._chance.choice((1, 3, 300))):
            metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="system.cpu.utilization")
            point = metric.gauge.data_points.add(
                time_unix_nano=now_ms() * 10**6, as_double=self._chance.choice((0.5, float("nan"), 1e308))
            )
            point.attributes.add(key="x").value.string_value = self._chance.choice(
                [word for word in WORDS if word.isprintable()]
            )
        body = request.SerializeToString()
        spoil = self._chance.choice((self._flipped, self._cut, self._inflated, lambda same: same))
        return Request(self._chance.choice((METRICS, LOGS)), PROTOBUF, spoil(body))

    def _remote_write(self) -> Request:
        labels = {"__name__": "sysUpTime", "device": "sw1", self._chance.choice(WORDS): self._chance.choice(WORDS)}
        said = b"".join(_part(1, _part(1, _utf8(name)) + _part(2, _utf8(value))) for name, value in labels.items())
        value = self._chance.choice((1.0, float("inf"), float("nan")))
        moment = self._chance.choice((now_ms(), 0, 2**63, 2**64 - 1))
        sample = b"\x09" + struct.pack("<d", value) + b"\x10" + varint(moment)
        plain = _part(1, said + _part(2, sample)) * self._chance.choice((1, 1, 50))
        body = bytes(
            cramjam.snappy.compress_raw(self._chance.choice((self._flipped, self._cut, lambda same: same))(plain))
        )
        spoil = self._chance.choice(
            (self._flipped, self._cut, lambda same: b"\xff\xff\xff\xff\x0f\x00", lambda same: same)
        )
        return Request(WRITE, PROTOBUF, spoil(body), ["Content-Encoding: snappy"])

    def _call_home(self) -> Request:
        text = self._chance.choice(XML).encode()
        return Request(
            CALL_HOME,
            self._chance.choice((FORM, "text/xml", "application/soap+xml")),
            self._chance.choice((self._flipped, self._cut, lambda same: same))(text),
        )

    def _noise(self) -> Request:
        size = self._chance.choice((0, 1, 7, 300, 20_000, 200_000))
        path, kind = self._chance.choice(
            ((REPORTS, JSON), (METRICS, PROTOBUF), (LOGS, PROTOBUF), (WRITE, PROTOBUF), (CALL_HOME, FORM))
        )
        more = ["Content-Encoding: snappy"] if path == WRITE else []
        return Request(path, kind, self._chance.randbytes(size), more)

    def _bomb(self) -> Request:
        """Small on the wire, large in the memory of whoever unpacks it to the end."""
        zeros = bytes(self._chance.choice((4, 12, 40)) * 2**20)
        pack = self._chance.choice(tuple(PACKERS.items()))
        return Request(REPORTS, JSON, pack[1](zeros), [f"Content-Encoding: {pack[0]}"])

    def _head(self) -> Request:
        """A good body under a bad head."""
        lines = [
            [f"X-{'a' * 60}: {'b' * 9_000}"],
            [f"X-{n}: 1" for n in range(120)],
            ["Content-Encoding: gzip, gzip"],
            ["Content-Encoding: br"],
            ["SmartCare-Clock: " + self._chance.choice(("yesterday", "9" * 400, "2026-13-45T99:99:99Z"))],
            ["Expect: 100-continue"],
            ["X-Request-ID: " + "\t" * 9 + "x"],
            ["Content-Type: text/html"],
        ]
        kinds = (JSON, "", "text/plain", "application/json; charset=utf-7", "application/json;" * 200, "\xff\xfe")
        return Request(
            REPORTS, self._chance.choice(kinds), json.dumps(self._report()).encode(), self._chance.choice(lines)
        )

    # ---- ways to spoil

    def _report(self) -> dict[str, Any]:
        made: dict[str, Any] = report(cpu(), octets(), fan(), serial=f"SN{self._chance.randrange(1, 4)}")
        made["report_id"] = str(UUID(int=self._chance.getrandbits(128), version=4))
        return made

    def _spoiled(self, document: Any) -> Any:
        """One to three places of the tree get something else."""
        for _ in range(self._chance.randint(1, 3)):
            document = self._replaced(document)
        return document

    def _replaced(self, tree: Any) -> Any:
        if isinstance(tree, dict) and tree and self._chance.random() < 0.85:
            key = self._chance.choice(list(tree))
            if self._chance.random() < 0.1:
                return {**tree, self._chance.choice(WORDS): self._anything()}
            return {**tree, key: self._replaced(tree[key])}
        if isinstance(tree, list) and tree and self._chance.random() < 0.85:
            place = self._chance.randrange(len(tree))
            return [*tree[:place], self._replaced(tree[place]), *tree[place + 1 :]]
        return self._anything()

    def _anything(self) -> Any:
        nested: Any = 1
        for _ in range(self._chance.choice((3, 8, 30))):
            nested = [nested]
        return self._chance.choice(
            [
                None,
                True,
                [],
                {},
                nested,
                self._chance.choice(WORDS),
                2**63,
                -(2**63) - 1,
                2**64,
                1e308,
                float("nan"),
                float("-inf"),
                -1,
                0,
                "0",
                [None] * 600,
            ]
        )

    def _flipped(self, body: bytes) -> bytes:
        out = bytearray(body)
        for _ in range(self._chance.randint(1, 8)):
            if out:
                out[self._chance.randrange(len(out))] = self._chance.randrange(256)
        return bytes(out)

    def _cut(self, body: bytes) -> bytes:
        return body[: self._chance.randrange(len(body) + 1)]

    def _inflated(self, body: bytes) -> bytes:
        """A field that claims to be longer than all there is."""
        return body[:1] + varint(self._chance.choice((2**31 - 1, 2**32, 2**63))) + body[2:]

    def _packed(self, request: Request) -> Request:
        """Some compressed, some compressed badly, some in chunks."""
        if not any(line.startswith("Content-Encoding") for line in request.lines) and self._chance.random() < 0.3:
            encoding = self._chance.choice(tuple(PACKERS))
            packed = PACKERS[encoding](request.body)
            spoil = self._chance.choice(
                (lambda same: same, lambda same: same, self._cut, self._flipped, lambda same: same + same)
            )
            request.body = spoil(packed)
            request.lines = [*request.lines, f"Content-Encoding: {encoding}"]
        request.chunked = self._chance.random() < 0.2
        return request


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda body: gzip.compress(body, 6),
    "deflate": lambda body: zlib.compress(body, 6),
    "zstd": lambda body: zstandard.ZstdCompressor().compress(body),
}


def _part(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2]) + varint(len(content)) + content


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
