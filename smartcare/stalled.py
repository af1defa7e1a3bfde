"""Cut off who begins a body and does not end it. The web server (granian) knows no time limit for bodies and wants none.

It does not tell either which connection a request came by. The kernel does: a connection on which more has been received
since anything was last sent has a request under way. One that stays so for ten seconds, while some body is waited for all
that time, is shut down; the thread that waits for it then reads an end and goes on. Linux only: elsewhere nothing is cut.
"""

import contextlib
import os
import socket
import struct
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import structlog

from telemetry.ingest import rooms

log = structlog.get_logger(__name__)

LOOKS_EVERY_S = 1.0
PATIENCE_S = 10.0
SLOWEST_BYTES_PER_S = 4_096  # a slow line may take longer than that, as long as it gets on ...
MOST_S = 60.0  # ... but not for ever
ESTABLISHED, LISTENING = 1, 10
# struct tcp_info, include/uapi/linux/tcp.h: state, last_data_sent, last_data_recv (ms), bytes_acked, bytes_received
TCP_INFO_BYTES = 136
STATE, SENT, RECEIVED = 0, 44, 52
TOTALS = struct.Struct("=QQ")
TOTALS_AT = 120


class Line(NamedTuple):
    """One TCP socket of this process. key: the same as long as it is the same socket."""

    key: int
    socket: socket.socket
    state: int
    has_request: bool
    sent: int
    received: int


@dataclass(slots=True)
class Quiet:
    """A connection with a request under way, as it was when that was first seen."""

    since: float
    sent: int
    received: int


class Watch:
    """Looks at the connections of this process and shuts down the stalled ones."""

    def __init__(self) -> None:
        self._quiet: dict[int, Quiet] = {}

    def look(self, now: float) -> int:
        """How many were cut. now: seconds that never run backwards."""
        found: dict[int, Quiet] = {}
        cut = 0
        for line in lines():
            with line.socket:
                known = self._quiet.get(line.key)
                if not line.has_request:
                    continue
                if known is None or known.sent != line.sent:
                    known = Quiet(now, line.sent, line.received)
                found[line.key] = known
                if _is_stalled(known, line, now - known.since):
                    with contextlib.suppress(OSError):
                        line.socket.shutdown(socket.SHUT_RDWR)
                    cut += 1
        self._quiet = found
        return cut

    def forget(self) -> None:
        self._quiet = {}


def _is_stalled(known: Quiet, line: Line, seconds: float) -> bool:
    enough = line.received - known.received >= SLOWEST_BYTES_PER_S * seconds
    return seconds >= MOST_S or (seconds >= PATIENCE_S and not enough)


def lines() -> Iterator[Line]:
    """Connections that were accepted by this process; each with a descriptor of its own, to be closed."""
    held = list(_tcp_sockets())
    ports = {line.socket.getsockname()[1] for line in held if line.state == LISTENING}
    for line in held:
        if line.state == ESTABLISHED and line.socket.getsockname()[1] in ports:
            yield line
        else:
            line.socket.close()


def _tcp_sockets() -> Iterator[Line]:
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            if os.readlink(f"/proc/self/fd/{name}").startswith("socket:"):
                # A copy first, then all questions of the copy: the number may be another socket's a moment later.
                line = _line(socket.socket(fileno=os.dup(int(name))))
                if line is not None:
                    yield line


def _line(held: socket.socket) -> Line | None:
    try:
        if held.family not in (socket.AF_INET, socket.AF_INET6) or held.type != socket.SOCK_STREAM:
            raise OSError
        info = held.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO_BYTES)
        sent_ago, received_ago = struct.unpack_from("=I", info, SENT)[0], struct.unpack_from("=I", info, RECEIVED)[0]
        sent, received = TOTALS.unpack_from(info, TOTALS_AT)
        key = os.fstat(held.fileno()).st_ino
    except (OSError, struct.error):
        held.close()
        return None
    return Line(key, held, info[STATE], received_ago <= sent_ago, sent, received)


def start() -> None:
    """In a thread of its own, in each process that serves."""
    if sys.platform == "linux":
        threading.Thread(target=_watch, name="stalled-bodies", daemon=True).start()


def _watch() -> None:
    watch = Watch()
    while True:
        time.sleep(LOOKS_EVERY_S)
        if rooms.longest_s() < LOOKS_EVERY_S:
            watch.forget()
            continue
        try:
            cut = watch.look(time.monotonic())
        except Exception:  # a look that fails must not be the last one
            log.exception("stalled.look_failed")
            continue
        if cut:
            log.warning("stalled.cut", connections=cut)
