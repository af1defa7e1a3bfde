"""The load: prepared requests over keep-alive connections, one process, no thread, as little work as possible.

    python -m smartcare.bench.load PLAN.json

The plan names the address, a file of requests (length-prefixed), how many connections, and a pace (0: as fast as the
answers come). Standard output: one JSON object with counts by status and percentiles of the time to the answer.
"""

from __future__ import annotations

import json
import selectors
import socket
import struct
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HEAD_END = b"\r\n\r\n"


class Connection:
    """One keep-alive connection with at most one request under way."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.address = address
        self.socket = self._open()
        self.received = b""
        self.sent_at = 0.0
        self.due_at = 0.0

    def _open(self) -> socket.socket:
        opened = socket.create_connection(self.address, timeout=5)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        opened.settimeout(30)
        return opened

    def send(self, request: bytes) -> None:
        self.sent_at = time.perf_counter()
        self.socket.sendall(request)

    def answer(self) -> int | None:
        """Status of the answer, if all of it has come."""
        part = self.socket.recv(65536)
        if not part:
            raise ConnectionError("the server closed the connection")
        self.received += part
        head, end, rest = self.received.partition(HEAD_END)
        if not end or len(rest) < _length(head):
            return None
        self.received = rest[_length(head) :]
        return int(head[9:12])


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n")[1:]:
        if line[:15].lower() == b"content-length:":
            return int(line[15:])
    return 0


def requests_in(file: Path) -> Iterator[bytes]:
    data = file.read_bytes()
    at = 0
    while at < len(data):
        (length,) = struct.unpack_from("<I", data, at)
        yield data[at + 4 : at + 4 + length]
        at += 4 + length


def run(plan: dict[str, Any]) -> dict[str, Any]:
    """Send every request of the plan once; see the module's docstring."""
    waiting = iter(list(requests_in(Path(plan["requests"]))))
    connections = [Connection((plan["host"], plan["port"])) for _ in range(plan["connections"])]
    selector = selectors.DefaultSelector()
    for connection in connections:
        selector.register(connection.socket, selectors.EVENT_READ, connection)
    statuses: Counter[int] = Counter()
    times: list[float] = []
    started = time.perf_counter()
    pace = plan.get("per_second") or 0
    idle = list(connections)
    sent = busy = 0
    over = False
    while True:
        while idle and not over:
            due = started + sent / pace if pace else 0.0
            if pace and time.perf_counter() < due:
                break
            request = next(waiting, None)
            if request is None:
                over = True
                break
            connection = idle.pop()
            connection.due_at = due
            connection.send(request)
            sent += 1
            busy += 1
        if not busy and over:
            break
        wait = max(0.0, started + sent / pace - time.perf_counter()) if pace and not over and idle else None
        for key, _ in selector.select(wait):
            connection = key.data
            status = connection.answer()
            if status is not None:
                now = time.perf_counter()
                # At a pace the clock runs from when the request was due: a late start counts as waiting.
                times.append(now - (connection.due_at or connection.sent_at))
                statuses[status] += 1
                idle.append(connection)
                busy -= 1
    elapsed = time.perf_counter() - started
    return {"seconds": elapsed, "statuses": dict(statuses), **percentiles(times)}


def percentiles(times: list[float]) -> dict[str, float]:
    """Milliseconds."""
    ordered = sorted(times)
    at = {
        name: ordered[min(len(ordered) - 1, int(len(ordered) * share))] for name, share in (("p50", 0.5), ("p99", 0.99))
    }
    return {f"{name}_ms": round(value * 1000, 3) for name, value in at.items()}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run(json.loads(Path(sys.argv[1]).read_text()))) + "\n")
