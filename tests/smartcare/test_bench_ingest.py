"""The benchmark measures what it says: the bodies, the load, the processor time."""

import http.server
import json
import os
import threading
import time
from collections.abc import Iterator
from typing import ClassVar

import pytest
from django.utils import timezone

from smartcare.bench import cost, ingest, load, running
from smartcare.bench.bodies import HEALTH, SAMPLES, TRAFFIC, Switch, report_of
from telemetry.ingest import limits
from telemetry.ingest.batch import NATIVE, CanonicalBatch, RequestMeta
from telemetry.ingest.formats import native
from telemetry.vocabulary import category_of


def decoded(body: bytes) -> CanonicalBatch:
    meta = RequestMeta(NATIVE, native.JSON_TYPE, timezone.now(), limits.COLLECTOR)
    return native.decode(body, meta)


def test_a_report_has_as_many_samples_of_each_kind_as_the_figures_say() -> None:
    batch = decoded(Switch("S1", 1).report(time.time()))

    kinds = [category_of(sample.metric) for device in batch.devices for sample in device.samples]
    assert (len(kinds), kinds.count("health"), kinds.count("traffic")) == (SAMPLES, HEALTH, TRAFFIC)
    assert batch.rejected_total == 0


def test_a_report_of_twenty_devices_holds_twenty_times_as_many() -> None:
    batch = decoded(report_of([Switch(f"S{n}", n) for n in range(20)], time.time()))

    assert (batch.counts.devices, batch.counts.samples) == (20, 20 * SAMPLES)


def test_given_one_seed_when_two_switches_report_then_they_say_the_same() -> None:
    assert Switch("S1", 7).report(1e9) == Switch("S1", 7).report(1e9)


def test_counters_only_grow() -> None:
    switch = Switch("S1", 3)
    first, second = ({repr(s): s["v"] for s in switch.samples() if s["m"] == "if.io"} for _ in range(2))

    assert all(b >= a for a, b in zip(first.values(), second.values(), strict=True))


def test_processor_time_counts_what_this_process_burns() -> None:
    meter = cost.Meter({"me": (os.getpid(),)})
    before = meter.read()
    until = time.process_time() + 0.3
    while time.process_time() < until:
        pass

    assert 0.2 <= meter.since(before)["me"] <= 2.0


class _Door(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    bodies: ClassVar[list[bytes]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.bodies.append(body)
        self.send_response(202 if body != b"no" else 503)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def port() -> Iterator[int]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Door)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def test_the_load_counts_every_answer_by_its_status(port: int) -> None:
    requests = [running.request("/x", "key", b"no" if n % 4 == 0 else b"yes") for n in range(20)]

    found = running.send(requests, port, connections=3)

    assert found["statuses"] == {"202": 15, "503": 5}


def test_given_a_pace_when_requests_are_sent_then_they_take_that_long(port: int) -> None:
    found = running.send([running.request("/x", "key", b"yes")] * 20, port, connections=4, per_second=40)

    assert found["seconds"] >= 19 / 40


def test_when_somebody_elses_server_is_driven_then_each_key_reports_and_no_run_repeats_another(port: int) -> None:
    told: list[str] = []
    plan = ingest.Plan(rounds=3, connections=2)

    _Door.bodies.clear()

    runs = [ingest.drive(f"http://127.0.0.1:{port}", ["scd_a_b SN-1", "scd_c_d"], plan, told.append) for _ in range(2)]

    assert [(run["statuses"], run["reports"]) for run in runs] == [({"202": 6}, 6)] * 2
    sent = [json.loads(body) for body in _Door.bodies]
    assert len({report["report_id"] for report in sent}) == 12
    assert {report["devices"][0]["identity"]["serial"] for report in sent} == {"SN-1", "BENCH000001"}
    with pytest.raises(ValueError, match="http://host:port"):
        ingest.drive("https://127.0.0.1", ["scd_a_b"], plan, told.append)


def test_percentiles_are_those_of_the_sorted_times() -> None:
    assert load.percentiles([n / 1000 for n in range(100, 0, -1)]) == {"p50_ms": 51.0, "p99_ms": 100.0}
