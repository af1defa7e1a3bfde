"""The only HTTP client of the product: one POST to an address that was checked, within one deadline.

Resolve, judge every address, connect to a judged one (judged again inside `connect`), TLS for the name, send, read the
answer's head and at most 64 KiB of its body. Nothing is followed, inflated, cached, reused or taken from the
environment. Why not a library: docs/decisions/0003-egress.md.
"""

import functools
import http.client
import re
import socket
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import StrEnum
from ipaddress import ip_address
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Final, NoReturn, Protocol

import certifi

from partners.forwarding.addresses import Address, Reason, Refused, Target
from partners.forwarding.channel import Deadline, Wire, connect, secure

__all__ = ["Kind", "Post", "Reason", "Refused", "Reply", "Unreachable", "post"]

BODY_KEPT: Final = 64 * 1024
CONNECT_S: Final = 5.0  # for one address: a dead one must leave time for the next
USER_AGENT: Final = "SmartCare-Webhooks/1"
HEADER_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")  # RFC 9110, 5.6.2
HEADER_VALUE: Final = re.compile(r"[ -~]*")  # http.client lets folded lines pass

type Resolver = Callable[[str], Sequence[str]]


class Post(Protocol):
    """`post` as transports use it."""

    def __call__(
        self, url: str, body: bytes, headers: Mapping[str, str], /, *, deadline_s: float, allow: Sequence[str]
    ) -> "Reply": ...


class Kind(StrEnum):
    """What kept us from getting an answer. Trying again may help with every one of them."""

    NAME = "name_not_found"
    CONNECT = "connection_refused"
    TLS = "tls_failed"
    DEADLINE = "deadline"
    BROKEN = "connection_broken"
    PROTOCOL = "not_http"


class Unreachable(Exception):
    """No answer came. The receiver may still have got the request: the webhook id lets it drop the repetition."""

    def __init__(self, kind: Kind) -> None:
        super().__init__(kind.value)
        self.kind = kind


@dataclass(frozen=True)
class Reply:
    """A receiver's answer: `body_head` are its first bytes as sent (never inflated), at most 64 KiB."""

    status: int
    body_head: bytes
    retry_after_s: float | None
    duration_s: float


def system_resolver(host: str) -> Sequence[str]:
    """Addresses of a name, in the order the system would try them. Raises OSError."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    deadline_s: float = 15.0,
    allow: Sequence[str] = (),
    resolve: Resolver = system_resolver,
    tls: ssl.SSLContext | None = None,
) -> Reply:
    """POST `body` and return the answer, whatever its status; a redirect is an answer like any other.

    `deadline_s` spans look-up, connection, sending and answer. An answer whose head has arrived counts: its body is cut
    where the deadline, the size limit or the end of the connection comes first.
    `allow`: hosts and networks that may be reached although not public, there also by plain http and on any port.
    Raises Refused (never sent, never will be) or Unreachable (try later); ValueError for a header that cannot be sent.
    """
    target = Target.of(url, allow)
    deadline = Deadline(deadline_s)
    try:
        judged = _judged_addresses(target, resolve, deadline)
        with closing(_channel(target, judged, deadline, tls)) as channel:
            return _exchange(Wire(channel, deadline), target, body, headers, deadline)
    except TimeoutError as error:
        raise Unreachable(Kind.DEADLINE) from error
    except ssl.SSLError as error:
        raise Unreachable(Kind.TLS) from error
    except OSError as error:
        raise Unreachable(Kind.BROKEN) from error
    except http.client.HTTPException as error:
        raise Unreachable(Kind.PROTOCOL) from error


def _judged_addresses(target: Target, resolve: Resolver, deadline: Deadline) -> list[Address]:
    """The target's addresses, all admitted; looked up once, so that what was judged is what is used."""
    if target.literal is not None:
        return [target.literal]  # judged with the URL
    try:
        found = _within(deadline, lambda: resolve(target.host))
        addresses = [ip_address(text) for text in dict.fromkeys(found)]
    except TimeoutError:
        raise
    except (OSError, ValueError) as error:
        raise Unreachable(Kind.NAME) from error
    if not addresses:
        raise Unreachable(Kind.NAME)
    target.judge(addresses)
    return addresses


def _within[T](deadline: Deadline, ask: Callable[[], T]) -> T:
    """The system's look-up knows no deadline of ours: it is left behind in its own thread when time is up."""
    answer: SimpleQueue[Callable[[], T]] = SimpleQueue()

    def run() -> None:
        try:
            value = ask()
            answer.put(lambda: value)
        except Exception as error:
            answer.put(functools.partial(_raise, error))

    Thread(target=run, daemon=True, name="egress-look-up").start()
    try:
        told = answer.get(timeout=deadline.left_s())
    except Empty:
        raise TimeoutError from None
    return told()


def _raise(error: Exception) -> NoReturn:
    raise error


def _channel(
    target: Target, judged: Sequence[Address], deadline: Deadline, tls: ssl.SSLContext | None
) -> socket.socket:
    """A connection to the first address that takes one, for https with the certificate of the name checked."""
    for address in judged:
        try:
            channel = connect(target, address, judged, timeout_s=min(CONNECT_S, deadline.left_s()))
        except OSError:
            continue
        if target.scheme == "http":
            return channel
        return secure(channel, target.host, tls or _default_tls(), timeout_s=deadline.left_s())
    deadline.left_s()  # raises, if that is why none did
    raise Unreachable(Kind.CONNECT)


@functools.cache
def _default_tls() -> ssl.SSLContext:
    """The system's authorities, so that an operator can add an own one; certifi's where the system has none."""
    context = ssl.create_default_context()
    places = ssl.get_default_verify_paths()
    if not places.cafile and not places.capath:
        context.load_verify_locations(certifi.where())
    return context


def _exchange(wire: Wire, target: Target, body: bytes, headers: Mapping[str, str], deadline: Deadline) -> Reply:
    line = http.client.HTTPConnection(target.host, target.port)
    line.auto_open = 0  # it must never find a way of its own
    line.sock = wire
    line.putrequest("POST", target.path, skip_host=True, skip_accept_encoding=True)
    for name, value in _all_headers(target, body, headers).items():
        line.putheader(name, value)
    line.endheaders(body)
    answer = line.getresponse()
    head = _body_head(answer)
    return Reply(answer.status, head, _retry_after_s(answer.headers.get("Retry-After")), deadline.spent_s())


def _all_headers(target: Target, body: bytes, given: Mapping[str, str]) -> dict[str, str]:
    own = {
        "Host": target.host_header,
        "Content-Length": str(len(body)),
        "User-Agent": USER_AGENT,
        "Accept-Encoding": "identity",
        "Connection": "close",
    }
    # Two lengths, or a length and an encoding, are how one request is read as two.
    reserved = {name.lower() for name in own} | {"transfer-encoding", "expect"}
    if clash := reserved & {name.lower() for name in given}:
        raise ValueError(f"Headers the client sets itself: {sorted(clash)}")
    for name, value in given.items():
        if not HEADER_NAME.fullmatch(name) or not HEADER_VALUE.fullmatch(value):
            raise ValueError(f"Not a header: {name!r}")
    return own | dict(given)


def _body_head(answer: http.client.HTTPResponse) -> bytes:
    kept = bytearray()
    try:
        while len(kept) < BODY_KEPT and (piece := answer.read1(BODY_KEPT - len(kept))):
            kept += piece
    except (OSError, ValueError, http.client.HTTPException):
        pass  # the status has come, and it decides; sending again would repeat what was received
    return bytes(kept[:BODY_KEPT])


def _retry_after_s(value: str | None) -> float | None:
    """Seconds the receiver asked for, as a number or a date (RFC 9110, 10.2.3); None if it named nothing readable."""
    if value is None:
        return None
    if re.fullmatch(r"\s*[0-9]{1,9}\s*", value, re.ASCII):
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None
