"""Sockets that go where they were judged to go, and know when time is up."""

import http.client
import io
import socket
import ssl
import time
from collections.abc import Collection
from ipaddress import ip_address
from typing import Any, Final

from partners.forwarding.addresses import Address, Reason, Refused, Target

# Head and body as they come over the wire, chunk sizes included; without it headers alone could be 6 MB.
LONGEST_ANSWER: Final = 192 * 1024


class Deadline:
    """One span of time for everything that one request does."""

    def __init__(self, seconds: float) -> None:
        self._start = time.monotonic()
        self._seconds = seconds

    def spent_s(self) -> float:
        return time.monotonic() - self._start

    def left_s(self) -> float:
        """Raises TimeoutError, as a socket does, when nothing is left."""
        left = self._seconds - self.spent_s()
        if left <= 0:
            raise TimeoutError
        return left


class GuardedSocket(socket.socket):
    """A socket that connects to judged addresses of one target and to nothing else, whoever asks it to."""

    def __init__(self, target: Target, judged: Collection[Address], *, family: socket.AddressFamily) -> None:
        super().__init__(family, socket.SOCK_STREAM)
        self._target = target
        self._judged = judged

    def connect(self, address: Any, /) -> None:
        self._check(address)
        super().connect(address)

    def connect_ex(self, address: Any, /) -> int:
        self._check(address)
        return super().connect_ex(address)

    def _check(self, address: Any) -> None:
        """Raises Refused; an address that is still a name raises ValueError: names are resolved and judged before."""
        literal = ip_address(address[0])
        if literal not in self._judged or not self._target.admits(literal) or address[1] != self._target.port:
            raise Refused(Reason.NOT_PUBLIC)


def connect(target: Target, address: Address, judged: Collection[Address], *, timeout_s: float) -> GuardedSocket:
    """An open connection to one judged address. Raises OSError."""
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    channel = GuardedSocket(target, judged, family=family)
    try:
        channel.settimeout(timeout_s)
        channel.connect((str(address), target.port))
    except BaseException:
        channel.close()
        raise
    return channel


def secure(channel: socket.socket, host: str, tls: ssl.SSLContext, *, timeout_s: float) -> ssl.SSLSocket:
    """TLS for the host's name: it is asked for (SNI), and the certificate must be its own. Raises OSError."""
    try:
        channel.settimeout(timeout_s)
        return tls.wrap_socket(channel, server_hostname=host)
    except BaseException:
        channel.close()
        raise


class Wire(io.RawIOBase):
    """A socket as http.client uses one, each step within what is left of the deadline, the answer within its size."""

    def __init__(self, channel: socket.socket, deadline: Deadline) -> None:
        self._channel = channel
        self._deadline = deadline
        self._received = 0

    def sendall(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            self._channel.settimeout(self._deadline.left_s())
            rest = rest[self._channel.send(rest) :]

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        if self._received > LONGEST_ANSWER:
            raise http.client.HTTPException("answer too long")
        self._channel.settimeout(self._deadline.left_s())
        count = self._channel.recv_into(buffer)
        self._received += count
        return count

    def close(self) -> None:
        """http.client closes after the head; the body is still to be read, and the caller closes the socket."""
