"""The front door behind the real web server: chunked bodies, races, a database that goes away, a process that is killed."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.db import connections

from telemetry.models import Device
from tests.cast import World
from tests.telemetry.ingest.senders import Sender, cpu, device_key, report

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.django_db(transaction=True)


@dataclass
class Server:
    """granian with our WSGI application on a port of its own."""

    process: subprocess.Popen[bytes]
    port: int

    def exchange(self, raw: bytes) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of one request on a connection of its own."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as wire:
            wire.sendall(raw)
            received = b""
            while b"\r\n\r\n" not in received:
                part = wire.recv(65536)
                if not part:
                    raise ConnectionError("closed without an answer")
                received += part
            head, _, body = received.partition(b"\r\n\r\n")
            status, *lines = head.decode().split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            while len(body) < int(headers.get("content-length", 0)):
                body += wire.recv(65536)
        return int(status.split()[1]), headers, body

    def posts(self, sender: Sender, body: bytes, path: str = "/ingest/v1/reports") -> tuple[int, dict[str, str], bytes]:
        return self.exchange(head(sender, path, f"Content-Length: {len(body)}") + body)


def head(sender: Sender, path: str, *more: str, kind: str = "application/json") -> bytes:
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: smartcare.test",
        f"Authorization: Bearer {sender.key}",
        f"Content-Type: {kind}",
        "Connection: close",
        *more,
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def chunked(body: bytes, size: int = 700) -> bytes:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def serving(database_url: str) -> Iterator[Server]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port)]
    command += [
        "--workers",
        "1",
        "--blocking-threads",
        "8",
        "--no-ws",
        "--log-level",
        "error",
        "smartcare.wsgi:application",
    ]
    environment = {**os.environ, "DATABASE_URL": database_url, "DATABASE_OWNER_URL": ""}
    log = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the fixture
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True)
    server = Server(process, port)
    try:
        _wait_for(server)
        yield server
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        log.seek(0)
        print(log.read()[-20_000:].decode(errors="replace"))  # shown of tests that fail: what the server thought
        log.close()


def _wait_for(server: Server) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if server.exchange(b"GET /ingest/v1/reports HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")[0] == 405:
                return
        except OSError:
            if server.process.poll() is not None:
                raise
        time.sleep(0.05)
    raise TimeoutError("the server did not come up")


def url_of_the_test_database() -> str:
    parts = urlsplit(os.environ["DATABASE_URL"])
    return urlunsplit(parts._replace(path=f"/{connections['default'].settings_dict['NAME']}"))


@pytest.fixture
def server(transactional_db: None) -> Iterator[Server]:
    yield from serving(url_of_the_test_database())


@pytest.fixture
def server_without_database() -> Iterator[Server]:
    yield from serving("postgresql://sc_app@/nowhere?host=/nonexistent")


@pytest.fixture
def switch(lasting_world: World) -> Device:
    return lasting_world.acme.installs("core switch", site="hq", serial="SN1")


@pytest.fixture
def sender(lasting_world: World, switch: Device) -> Sender:
    return device_key(lasting_world.acme, switch)


def rows(behind: Any, table: str) -> int:
    behind.execute(f"SELECT count(*) FROM telemetry_{table}")
    return int(behind.fetchone()[0])


def padded(body: dict[str, Any], size: int = 5_000) -> bytes:
    return json.dumps({**body, "note": "x" * size}).encode()


def test_when_a_report_comes_in_chunks_then_all_of_it_arrives(server: Server, sender: Sender, behind: Any) -> None:
    body = padded(report(cpu()))

    status, _, answer = server.exchange(
        head(sender, "/ingest/v1/reports", "Transfer-Encoding: chunked") + chunked(body)
    )

    assert status == 202, answer
    assert rows(behind, "healthsample") == 1


def test_when_an_otlp_request_comes_in_chunks_then_its_points_arrive(
    server: Server, sender: Sender, behind: Any
) -> None:
    point = {"timeUnixNano": str(int(time.time() * 1e9)), "asDouble": 0.5}
    metric = {"name": "system.cpu.utilization", "gauge": {"dataPoints": [point]}, "description": "x" * 5_000}
    body = json.dumps({"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]}).encode()

    raw = head(sender, "/ingest/otlp/v1/metrics", "Transfer-Encoding: chunked") + chunked(body)
    status, _, answer = server.exchange(raw)

    assert (status, answer) == (200, b"{}")
    assert rows(behind, "healthsample") == 1


def test_given_a_wrong_key_when_its_body_never_ends_then_401_at_once(server: Server, sender: Sender) -> None:
    sender.key = sender.key[:-4] + "AAAA"
    raw = head(sender, "/ingest/v1/reports", "Transfer-Encoding: chunked") + b"%x\r\n%s\r\n" % (70_000, b"x" * 70_000)

    assert server.exchange(raw)[0] == 401  # the last chunk was never sent


def test_when_twenty_send_the_same_report_at_once_then_one_is_accepted_and_the_others_hear_of_it(
    server: Server, sender: Sender, behind: Any
) -> None:
    body = json.dumps(report(cpu())).encode()
    other = json.dumps(
        {**report(cpu(0.9)), "report_id": json.loads(body)["report_id"], "sent_at": json.loads(body)["sent_at"]}
    )

    with ThreadPoolExecutor(21) as pool:
        bodies = [body] * 10 + [other.encode()] + [body] * 10
        statuses = Counter(pool.map(lambda b: server.posts(sender, b)[0], bodies))

    assert statuses in (Counter({200: 19, 202: 1, 409: 1}), Counter({202: 1, 409: 20}))
    assert rows(behind, "report") == rows(behind, "healthsample") == 1


def test_when_its_connections_are_cut_then_the_next_report_is_stored_all_the_same(
    server: Server, sender: Sender, behind: Any
) -> None:
    assert server.posts(sender, json.dumps(report(cpu(0.1))).encode())[0] == 202

    behind.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        " AND usename = 'sc_app' AND pid <> pg_backend_pid()"
    )

    assert server.posts(sender, json.dumps(report(cpu(0.2))).encode())[0] == 202


def test_given_no_database_when_a_report_comes_then_503_within_two_seconds(
    server_without_database: Server, lasting_world: World
) -> None:
    stranger = Sender("scd_" + "z" * 12 + "_" + "A" * 43, lasting_world.acme)
    started = time.monotonic()

    status, headers, _ = server_without_database.posts(stranger, json.dumps(report(cpu())).encode())

    assert status == 503
    assert 1 <= int(headers["retry-after"]) <= 5
    assert time.monotonic() - started < 2.5


def test_given_a_lock_on_the_tables_when_reports_wait_then_503_and_nothing_hangs(
    server: Server, sender: Sender, behind: Any
) -> None:
    assert server.posts(sender, json.dumps(report(cpu(0.1))).encode())[0] == 202
    behind.execute("BEGIN")
    behind.execute("LOCK TABLE telemetry_report IN ACCESS EXCLUSIVE MODE")
    try:
        started = time.monotonic()
        with ThreadPoolExecutor(4) as pool:
            bodies = [json.dumps(report(cpu(n / 10))).encode() for n in range(2, 6)]
            answers = list(pool.map(lambda b: server.posts(sender, b), bodies))
    finally:
        behind.execute("ROLLBACK")

    assert [status for status, _, _ in answers] == [503] * 4
    assert time.monotonic() - started < 8
    # A device comes again as well; on a busy machine the new connection may take longer than the door waits for one.
    late = json.dumps(report(cpu(0.9))).encode()
    assert 202 in (server.posts(sender, late)[0] for _ in range(5))


def test_when_the_server_is_killed_right_after_an_answer_then_the_report_is_there(
    server: Server, sender: Sender, behind: Any
) -> None:
    status, _, _ = server.posts(sender, json.dumps(report(cpu())).encode())

    os.killpg(server.process.pid, signal.SIGKILL)

    assert status == 202
    assert rows(behind, "report") == 1


def test_when_the_server_is_killed_among_many_reports_then_every_accepted_one_is_there(
    server: Server, sender: Sender, behind: Any
) -> None:
    acknowledged: list[str] = []

    def post(n: int) -> None:
        body = {**report(cpu(n / 100)), "report_id": str(uuid.uuid4())}
        try:
            if server.posts(sender, json.dumps(body).encode())[0] == 202:
                acknowledged.append(body["report_id"])
        except OSError:
            pass

    with ThreadPoolExecutor(6) as pool:
        jobs = [pool.submit(post, n) for n in range(28)]
        while len(acknowledged) < 5:
            time.sleep(0.001)
        os.killpg(server.process.pid, signal.SIGKILL)
        for job in jobs:
            job.result()

    behind.execute("SELECT report_id::text FROM telemetry_report")
    assert set(acknowledged) <= {row[0] for row in behind.fetchall()}
