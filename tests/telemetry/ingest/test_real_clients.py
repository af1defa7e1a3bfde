"""Real clients, and what they once sent, against the real web server: what each takes for success has left its rows."""

import gzip
import json
import signal
import socket
import struct
import subprocess
import threading
import time
import zlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import cramjam
import pytest
import zstandard
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

from access.principal import job
from telemetry.models import Device, DeviceAlias
from telemetry.models.devices import KeyChannel
from tests.cast import World
from tests.telemetry.ingest.programs import program
from tests.telemetry.ingest.recordings import (
    CALL_HOME,
    FORM,
    JSON,
    METRICS,
    PROTOBUF,
    RECORDINGS,
    REPORTS,
    WRITE,
    Recording,
    as_json,
    now_ms,
    varint,
)
from tests.telemetry.ingest.senders import Sender, collector_key, cpu, device_key, report
from tests.telemetry.ingest.test_door import CALL_HOME as CALL_HOME_MESSAGE
from tests.telemetry.ingest.test_door_server import Server, chunked, head, rows, serving, url_of_the_test_database

pytestmark = pytest.mark.django_db(transaction=True)
LOGS = "/ingest/otlp/v1/logs"
GUIDES = Path(__file__).resolve().parents[3] / "docs" / "devices"


@pytest.fixture(scope="module")
def server(django_db_setup: None) -> Iterator[Server]:
    yield from serving(url_of_the_test_database())


@pytest.fixture
def switch(lasting_world: World) -> Device:
    return lasting_world.acme.installs("core switch", site="hq", serial="SN1")


@pytest.fixture
def sender(lasting_world: World, switch: Device) -> Sender:
    return device_key(lasting_world.acme, switch)


@pytest.fixture
def poller(lasting_world: World) -> Sender:
    return collector_key(lasting_world.acme, "hq")


def is_known_as(device: Device, name: str) -> None:
    with job(device.customer_id):
        DeviceAlias.unscoped.create(customer_id=device.customer_id, device=device, site_id=device.site_id, name=name)


def by_path(world: World, device: Device) -> Sender:
    return device_key(world.acme, device, channel=KeyChannel.PATH)


# ---- what was recorded


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda recording: recording.name)
def test_when_a_recorded_request_comes_then_its_client_would_call_the_answer_success_and_its_rows_are_there(
    server: Server, lasting_world: World, poller: Sender, behind: Any, recording: Recording
) -> None:
    body = recording.body()  # skipped here where there are no samples
    path, who = recording.path, poller
    if path == CALL_HOME:
        who = by_path(lasting_world, lasting_world.acme.installs("chassis", site="hq"))
        path += who.key
    if path == WRITE:
        is_known_as(lasting_world.acme.installs("router", site="hq"), "rtr1")
    lines = [
        f"Content-Length: {len(body)}",
        *([f"Content-Encoding: {recording.encoding}"] if recording.encoding else []),
    ]

    status, _, answer = server.exchange(head(who, path, *lines, kind=recording.kind) + body)

    assert status == recording.success, answer
    assert rows(behind, recording.table) > 0
    again, _, _ = server.exchange(head(who, path, *lines, kind=recording.kind) + body)
    assert again == (200 if recording.success == 202 else recording.success)
    assert rows(behind, "report") == 1


# ---- bodies without a length


def otlp_metrics() -> bytes:
    point = {"timeUnixNano": str(now_ms() * 10**6), "asDouble": 0.5}
    metric = {"name": "system.cpu.utilization", "gauge": {"dataPoints": [point]}, "description": "x" * 5_000}
    return as_json({"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]})


def otlp_logs() -> bytes:
    record = {"timeUnixNano": str(now_ms() * 10**6), "severityNumber": 17, "body": {"stringValue": "fan " * 1_000}}
    return as_json({"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]})


def remote_write() -> bytes:
    """One series of one sample; written by hand, as the wire format is."""

    def part(number: int, content: bytes) -> bytes:
        return bytes([number << 3 | 2]) + varint(len(content)) + content

    labels = (("__name__", "sysUpTime"), ("device", "sw1"), ("filler", "x" * 4_000))
    said = b"".join(part(1, part(1, name.encode()) + part(2, value.encode())) for name, value in labels)
    sample = b"\x09" + struct.pack("<d", 123.0) + b"\x10" + varint(now_ms())
    return bytes(cramjam.snappy.compress_raw(part(1, said + part(2, sample))))


DOORS = {
    REPORTS: (lambda: as_json({**report(cpu()), "note": "x" * 5_000}), JSON, "", 202, "healthsample"),
    METRICS: (otlp_metrics, JSON, "", 200, "healthsample"),
    LOGS: (otlp_logs, JSON, "", 200, "deviceevent"),
    WRITE: (remote_write, PROTOBUF, "snappy", 204, "healthsample"),
    CALL_HOME: (lambda: CALL_HOME_MESSAGE.replace("SERIAL", "SN1").encode(), FORM, "", 200, "deviceevent"),
}


@pytest.mark.parametrize("door", DOORS)
def test_when_a_body_comes_in_chunks_then_all_of_it_arrives_at_each_door(
    server: Server, lasting_world: World, switch: Device, sender: Sender, behind: Any, door: str
) -> None:
    make, kind, encoding, success, table = DOORS[door]
    who = by_path(lasting_world, switch) if door == CALL_HOME else sender
    path = door + who.key if door == CALL_HOME else door
    lines = ["Transfer-Encoding: chunked", *([f"Content-Encoding: {encoding}"] if encoding else [])]

    status, _, answer = server.exchange(head(who, path, *lines, kind=kind) + chunked(make(), 100))

    assert status == success, answer
    assert rows(behind, table) == 1


# ---- OpenTelemetry's own SDK


def headers(sender: Sender) -> dict[str, str]:
    return {"authorization": f"Bearer {sender.key}"}


def meters(server: Server, sender: Sender) -> MeterProvider:
    exporter = OTLPMetricExporter(
        f"http://127.0.0.1:{server.port}{METRICS}", headers=headers(sender), compression=Compression.Gzip, timeout=10
    )
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)
    return MeterProvider([reader], Resource({"host.name": "core switch"}), shutdown_on_exit=False)


def test_when_the_sdk_of_opentelemetry_sends_metrics_then_they_are_stored(
    server: Server, sender: Sender, behind: Any
) -> None:
    provider = meters(server, sender)
    meter = provider.get_meter("tests")
    meter.create_gauge("system.cpu.utilization", unit="1").set(0.42, {"cpu.logical_number": 0})
    meter.create_counter("hw.errors", unit="{error}").add(3, {"hw.id": "if/Gi1/0/1", "hw.type": "network"})

    assert provider.force_flush()
    provider.shutdown()

    behind.execute("SELECT format, devices, samples FROM telemetry_report ORDER BY received_at")
    sent = behind.fetchall()
    assert {(form, devices) for form, devices, _ in sent} == {("otlp.metrics", 1)}
    assert sent[0][2] == 2
    assert len(sent) == 2  # once more on shutdown, with new times


def test_when_the_sdk_of_opentelemetry_sends_logs_then_they_are_events(
    server: Server, sender: Sender, behind: Any
) -> None:
    exporter = OTLPLogExporter(
        f"http://127.0.0.1:{server.port}{LOGS}", headers=headers(sender), compression=Compression.Gzip
    )
    provider = LoggerProvider(Resource({"host.name": "core switch"}), shutdown_on_exit=False)
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
    for severity, text in ((SeverityNumber.ERROR, "fan 2 has failed"), (SeverityNumber.WARN, "and another thing")):
        record = LogRecord(timestamp=now_ms() * 10**6, severity_number=severity, body=text)
        provider.get_logger("tests").emit(record)

    assert provider.force_flush()
    provider.shutdown()

    behind.execute("SELECT severity, text FROM telemetry_deviceevent ORDER BY severity")
    assert [(severity, "fan 2" in text) for severity, text in behind.fetchall()] == [(3, True), (4, False)]


def test_given_a_database_that_is_busy_when_the_sdk_sends_then_it_waits_and_nothing_is_lost(
    server: Server, sender: Sender, behind: Any
) -> None:
    provider = meters(server, sender)
    provider.get_meter("tests").create_gauge("system.cpu.utilization", unit="1").set(0.42, {"cpu.logical_number": 0})
    behind.execute("BEGIN")
    behind.execute("LOCK TABLE telemetry_report IN ACCESS EXCLUSIVE MODE")
    flushing = threading.Thread(target=provider.force_flush)
    flushing.start()
    time.sleep(2.5)  # longer than the door waits for a lock: the first answer is a 503
    behind.execute("ROLLBACK")
    flushing.join(20)

    assert rows(behind, "healthsample") == 1
    provider.shutdown()


# ---- Prometheus in agent mode


class Exporter(BaseHTTPRequestHandler):
    """What snmp_exporter would say of each switch it is asked for. asked: the queries, as they came."""

    TEXT = (
        'ifHCInOctets{ifIndex="3",ifDescr="port",ifName="Gi1/0/1"} 123456\n'
        'ifOperStatus{ifIndex="3",ifName="Gi1/0/1"} 1\nsysUpTime 4711\n'
        'something_of_its_own{color="red"} 1\nsnmp_scrape_duration_seconds 0.2\n'
    )
    asked: ClassVar[set[str]] = set()

    def do_GET(self) -> None:
        self.asked.add(self.path)
        body = self.TEXT.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@pytest.fixture
def exporter() -> Iterator[int]:
    web = ThreadingHTTPServer(("127.0.0.1", 0), Exporter)
    thread = threading.Thread(target=web.serve_forever, daemon=True)
    thread.start()
    yield web.server_address[1]
    web.shutdown()
    web.server_close()


def as_shipped(folder: Path, server: Server, poller: Sender, target: int) -> str:
    """The configuration of the docs at this machine's addresses, and in seconds instead of minutes."""
    (folder / "key").write_text(poller.key)
    told = (GUIDES / "prometheus-agent.yaml").read_text()
    for shipped, here in {
        "scrape_interval: 300s": "scrape_interval: 1s",
        "scrape_timeout: 60s": "scrape_timeout: 1s",
        "127.0.0.1:9116": f"127.0.0.1:{target}",
        "https://smartcare.example/": f"http://127.0.0.1:{server.port}/",
        "/etc/prometheus/smartcare.key": f"{folder}/key",
        "max_backoff: 30s": "batch_send_deadline: 1s",
    }.items():
        assert told.count(shipped) == 1, shipped
        told = told.replace(shipped, here)
    return told


def prometheus(folder: Path, server: Server, poller: Sender, target: int) -> subprocess.Popen[bytes]:
    found = program("prometheus")
    (folder / "agent.yaml").write_text(as_shipped(folder, server, poller, target))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [found, "--enable-feature=agent", f"--config.file={folder}/agent.yaml"]
    command += [f"--storage.agent.path={folder}/wal", f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def test_when_a_prometheus_agent_scrapes_and_writes_as_shipped_then_its_samples_are_those_of_the_devices(
    server: Server, lasting_world: World, poller: Sender, exporter: int, tmp_path: Path, behind: Any
) -> None:
    for name in ("sw1", "fw1"):
        is_known_as(lasting_world.acme.installs(name, site="hq"), name)
    agent = prometheus(tmp_path, server, poller, exporter)
    try:
        deadline = time.monotonic() + 30
        while not all(reporting(behind, table) == {"sw1", "fw1"} for table in ("trafficsample", "healthsample")):
            assert agent.poll() is None, "prometheus ended"
            assert time.monotonic() < deadline, "nothing has arrived"
            time.sleep(0.2)
    finally:
        agent.send_signal(signal.SIGTERM)
        try:
            agent.wait(10)
        except subprocess.TimeoutExpired:
            agent.kill()
            agent.wait()

    behind.execute("SELECT DISTINCT jsonb_array_elements(series) ->> 0 FROM telemetry_healthlayout")
    assert {row[0] for row in behind.fetchall()} >= {"if.oper_status", "device.reachable"}
    behind.execute("SELECT DISTINCT jsonb_array_elements(series) -> 0, series -> 0 -> 1 FROM telemetry_trafficlayout")
    assert behind.fetchall() == [("if.io", "if/Gi1/0/1")]
    targets = {f"/snmp?auth=smartcare_v3&module=smartcare&target=192.0.2.{n}" for n in (10, 11)}
    assert Exporter.asked == targets


def reporting(behind: Any, table: str) -> set[str]:
    """Labels of the devices that have rows there."""
    behind.execute(
        f"SELECT DISTINCT d.label FROM telemetry_{table} s JOIN telemetry_devicestay t ON t.number = s.stay "  # noqa: S608
        "JOIN telemetry_device d ON d.id = t.device_id"
    )
    return {label for (label,) in behind.fetchall()}


# ---- encodings


def test_when_a_report_is_compressed_in_each_permitted_way_then_it_is_the_same_report(
    server: Server, sender: Sender, behind: Any
) -> None:
    plain = json.dumps(report(cpu())).encode()
    ways = {"": plain, "gzip": gzip.compress(plain), "deflate": zlib.compress(plain)}
    ways["zstd"] = zstandard.ZstdCompressor().compress(plain)

    statuses = []
    for encoding, body in ways.items():
        lines = [f"Content-Length: {len(body)}", *([f"Content-Encoding: {encoding}"] if encoding else [])]
        statuses.append(server.exchange(head(sender, REPORTS, *lines) + body)[0])

    assert statuses == [202, 200, 200, 200]
    assert rows(behind, "report") == 1
