"""Servers and workers of a benchmark: started apart from it, on loopback, and gone with it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
UP_WITHIN_S: Final = 60.0


@contextlib.contextmanager
def running(command: Sequence[str], environment: Mapping[str, str]) -> Iterator[int]:
    """The pid of a program that lives as long as the block, with all it starts."""
    process = subprocess.Popen(  # noqa: S603 - our own programs
        command,
        cwd=ROOT,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process.pid
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@contextlib.contextmanager
def web(app: str, environment: Mapping[str, str], *, threads: int, workers: int) -> Iterator[tuple[int, int]]:
    """pid and port of the web server: the same program and options for ours and for the baseline."""
    port = free_port()
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--workers", str(workers), "--blocking-threads", str(threads), "--no-ws", "--log-level", "error", app]
    with running(command, environment) as pid:
        wait_for(port)
        yield pid, port


@contextlib.contextmanager
def celery(app: str, environment: Mapping[str, str], queues: str, *, processes: int) -> Iterator[int]:
    command = [sys.executable, "-m", "celery", "-A", app, "worker", "-l", "error", "-c", str(processes), "-Q", queues]
    with running([*command, "--without-gossip", "--without-mingle", "--without-heartbeat"], environment) as pid:
        yield pid


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int) -> None:
    """Until somebody listens. Raises TimeoutError."""
    deadline = time.monotonic() + UP_WITHIN_S
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise TimeoutError(f"nothing listens on port {port}")


def request(path: str, key: str, body: bytes, host: str = "127.0.0.1") -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def send(
    requests: Sequence[bytes], port: int, *, connections: int, per_second: float = 0, host: str = "127.0.0.1"
) -> dict[str, Any]:
    """What smartcare.bench.load measured, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        packed = Path(folder) / "requests"
        packed.write_bytes(b"".join(struct.pack("<I", len(one)) + one for one in requests))
        plan = Path(folder) / "plan.json"
        what = {
            "host": host,
            "port": port,
            "requests": str(packed),
            "connections": connections,
            "per_second": per_second,
        }
        plan.write_text(json.dumps(what))
        command = [sys.executable, "-m", "smartcare.bench.load", str(plan)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603
    return dict(json.loads(done.stdout))
