"""Thousands of requests that nobody should send, against the real server: it answers each, keeps its size, and honest devices
are heard meanwhile."""

import contextlib
import json
import os
import random
import socket
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from smartcare.devstack.keeper import children_of
from telemetry.models.devices import KeyChannel
from tests.cast import World
from tests.chaos.census import percentile
from tests.chaos.hostile import Corpus
from tests.smartcare.demo.running import lives
from tests.telemetry.ingest.messages import SAMPLES
from tests.telemetry.ingest.recordings import CALL_HOME, FORM, JSON, NDJSON, PROTOBUF, REPORTS, WRITE
from tests.telemetry.ingest.senders import Sender, collector_key, cpu, device_key, report
from tests.telemetry.ingest.test_door_server import Server, head, serving, url_of_the_test_database

SEED = int(os.environ.get("CHAOS_SEED") or random.SystemRandom().randrange(10**6))
MANY = int(os.environ.get("CHAOS_BODIES") or 12_000)
PERMITTED = {200, 202, 204, 400, 401, 403, 404, 405, 408, 409, 411, 413, 415, 431, 503}
MOST_CPU_S = 0.25
MOST_GROWTH_MB = 50
WARM_UP = 300  # requests, until whatever is cached is cached
HONEST_EVERY = 50
A_KEY_CARRIES = 150  # requests: below the burst of a collector's key, so that nothing is refused for its pace
TICK_S = 1 / os.sysconf("SC_CLK_TCK")


@pytest.fixture
def server(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("MALLOC_ARENA_MAX", "2")  # as the image sets it
    yield from serving(url_of_the_test_database())


class Worker:
    """The process that answers, as the kernel sees it."""

    def __init__(self, server: Server) -> None:

        self.pid = max(children_of(server.process.pid), key=self._resident)

    @staticmethod
    def _resident(pid: int) -> float:
        found = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS")]
        return int(found[0].split()[1]) / 1024 if found else 0.0

    @property
    def megabytes(self) -> float:
        return self._resident(self.pid)

    @property
    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * TICK_S


INTERIM = b"HTTP/1.1 100 Continue\r\n\r\n"


def answer(server: Server, raw: bytes) -> int:
    """Status; 0 where the server closed without one, -1 where it said nothing for ten seconds."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as wire:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            wire.sendall(raw)  # it may have refused what it has seen so far: the answer is there all the same
        received = b""
        try:
            while b"\r\n" not in received.removeprefix(INTERIM) and (part := wire.recv(65536)):
                received += part
        except TimeoutError:
            return -1
        except ConnectionResetError:
            return 0
    received = received.removeprefix(INTERIM)
    return int(received.split()[1]) if received.startswith(b"HTTP/1.1 ") else 0


def bombard(server: Server, world: World, count: int) -> dict[str, Any]:
    honest = collector_key(world.globex, "plant", "honest")
    world.globex.installs("honest switch", site="plant", serial="HONEST")
    worker, corpus = Worker(server), Corpus(SEED).requests()
    statuses: dict[str, Counter[int]] = defaultdict(Counter)
    walls: list[tuple[float, str, int]] = []
    heard = Counter[int]()
    slowest, before = (0.0, "", 0), 0.0
    keys = _keys(world, count)
    for number, request in enumerate(islice(corpus, count)):
        if number == WARM_UP:
            before = worker.megabytes
        header, path = keys[number // A_KEY_CARRIES]
        raw = request.raw(path.key if request.path == CALL_HOME else header.key)
        cpu_s, began = worker.cpu_s, time.monotonic()
        status = answer(server, raw)
        statuses[request.what][status] += 1
        walls.append((time.monotonic() - began, f"{request.what} {status}", number))
        slowest = max(slowest, (worker.cpu_s - cpu_s, request.what, number))
        if number % HONEST_EVERY == 0:
            said = json.dumps(report(cpu(number % 100 / 100), serial="HONEST")).encode()
            heard[server.posts(honest, said)[0]] += 1
    return {
        "statuses": statuses,
        "heard": heard,
        "slowest": slowest,
        "grown": worker.megabytes - before,
        "alive": lives(worker.pid),
        "wall p50 / p99 ms": [
            round(1000 * percentile([wall for wall, *_ in walls], share), 1) for share in (0.5, 0.99)
        ],
        "longest": sorted(walls)[-3:],
        "odd": [
            f"{number}: {what} after {wall:.2f} s"
            for wall, what, number in walls
            if what.endswith((" 0", " -1", " 503"))
        ],
    }


def _keys(world: World, count: int) -> list[tuple[Sender, Sender]]:
    """For the headers, and for Call Home's path."""
    found = []
    for n in range(-(-count // A_KEY_CARRIES)):
        device = world.acme.installs(f"victim {n}", site="hq")
        found.append(
            (collector_key(world.acme, "hq", f"poller {n}"), device_key(world.acme, device, channel=KeyChannel.PATH))
        )
    return found


def holds(found: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    total = sum(found["statuses"].values(), Counter[int]())
    with capsys.disabled():
        print(f"\nhostile, seed {SEED}: {sum(total.values())} requests, {dict(sorted(total.items()))}")
        print({name: value for name, value in found.items() if name != "statuses"})
    assert set(total) <= PERMITTED, found["statuses"]
    assert total[503] == 0 or total[503] < sum(total.values()) / 100
    assert set(found["heard"]) == {202}
    assert found["slowest"][0] < MOST_CPU_S, found["slowest"]
    assert found["grown"] < MOST_GROWTH_MB
    assert found["alive"]


def test_when_hundreds_of_hostile_requests_come_then_each_is_answered_and_honest_devices_are_heard(
    server: Server, lasting_world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    holds(bombard(server, lasting_world, 1_500), capsys)


@pytest.mark.soak
def test_when_thousands_of_hostile_requests_come_then_each_is_answered_and_honest_devices_are_heard(
    server: Server, lasting_world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    holds(bombard(server, lasting_world, MANY), capsys)


# ---- the corpus that is shared


CORPUS = {
    "billion_laughs.xml": 400,
    "bomb_10MiB_zeros.json.gz": 413,
    "deep_nesting.json": 400,
    "deep_nesting.xml": 400,
    "duplicate_keys.json": 400,
    "formula_in_hostname.json": 202,
    "gzip_cut_short.json.gz": 400,
    "gzip_two_members.json.gz": 400,
    "html_in_hostname.json": 202,
    "integer_5000_digits.json": 400,
    "lone_surrogate.json": 400,
    "nan_value.json": 400,
    "nul_in_string.json": 400,
    "overflow_1e999.json": 400,
    "snappy_length_bomb.bin": 413,
    "truncated.ndjson": 400,
    "xxe.xml": 400,
}


def test_when_the_shared_corpus_comes_then_each_gets_its_own_refusal_and_the_server_lives(
    server: Server, lasting_world: World
) -> None:
    if not SAMPLES.is_dir():
        pytest.skip(f"no samples at {SAMPLES}: set SMARTCARE_SHARED")
    header, path = _keys(lasting_world, 1)[0]
    worker = Worker(server)
    before, found = worker.megabytes, {}
    for name in CORPUS:
        body = (SAMPLES / "hostile" / name).read_bytes()
        where, kind = {"xml": (CALL_HOME, FORM), "bin": (WRITE, PROTOBUF)}.get(name.rpartition(".")[2], (REPORTS, JSON))
        kind = NDJSON if name.endswith("ndjson") else kind
        encoding = {"gz": ["Content-Encoding: gzip"], "bin": ["Content-Encoding: snappy"]}.get(
            name.rpartition(".")[2], []
        )
        who = path if where == CALL_HOME else header
        raw = head(
            who, where + (path.key if where == CALL_HOME else ""), f"Content-Length: {len(body)}", *encoding, kind=kind
        )
        found[name] = answer(server, raw + body)

    # What is only hostile on a page is a good report, as long as it is not too old.
    assert {name: 202 if status == 400 and CORPUS[name] == 202 else status for name, status in found.items()} == CORPUS
    assert worker.megabytes - before < MOST_GROWTH_MB
