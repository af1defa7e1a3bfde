"""Which URLs and addresses webhooks may go to: the public internet, and what the operator allowed by name.

Pure: no look-up, no connection. `egress` asks again for every address a name resolves to, and once more at the socket.
Source of the lists: IANA special-purpose address registries; the exceptions found by trying public libraries are in
docs/decisions/0003-egress.md.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, Self
from urllib.parse import SplitResult, urlsplit

type Address = IPv4Address | IPv6Address
type Network = IPv4Network | IPv6Network

# Written out although `is_global` knows most of it: what Python calls global changed between 3.12.3 and 3.13.
DENIED: Final[tuple[Network, ...]] = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",  # 6to4 relays, withdrawn
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        # IPv6 forms that carry an IPv4 address to a translator or tunnel, then scoped and reserved space.
        "::/96",
        "::ffff:0:0/96",
        "::ffff:0:0:0/96",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "2001::/23",  # protocol assignments: Teredo, benchmarking, ORCHID
        "2001:db8::/32",
        "2002::/16",
        "3fff::/20",
        "5f00::/16",
        "fc00::/7",
        "fe80::/10",
        "fec0::/10",
        "ff00::/8",
    )
)
GLOBAL_UNICAST: Final = IPv6Network("2000::/3")  # all that has been given out; the rest is not routed

PORTS: Final = {"https": 443, "http": 80}
PORTS_OUTSIDE: Final = (443, 8443)
LONGEST_URL: Final = 2048
# No blanks, controls or backslashes, which parsers read differently; other scripts come as %xx and xn--.
URL_TEXT: Final = re.compile(r"[!-\[\]-~]+")
# urlsplit takes `[::1].example` and `[v1.name]` as well.
AUTHORITY: Final = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[^][:]*)(?::[0-9]*)?")
LABEL: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
# Every form the C library takes for an IPv4 address ends like this (0x7f.1, 2130706433, 017700000001); no domain does.
NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")


class Reason(StrEnum):
    """Why nothing may be sent to a URL."""

    MALFORMED = "malformed_url"
    SCHEME = "not_https"
    USERINFO = "user_in_url"
    PORT = "port_not_allowed"
    NAME = "no_host_name"
    NOT_PUBLIC = "address_not_public"


class Refused(Exception):
    """Nothing was sent: the URL or an address behind it is not one we go to. Trying again changes nothing."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


def is_public(address: Address) -> bool:
    """May the address be reached by anybody, from anywhere, and is it one single host?"""
    if isinstance(address, IPv6Address) and (address not in GLOBAL_UNICAST or address.scope_id is not None):
        return False
    return address.is_global and not address.is_multicast and not any(address in network for network in DENIED)


@dataclass(frozen=True)
class Allowed:
    """Hosts and networks the operator vouches for (EGRESS_ALLOW): there also plain http and any port."""

    names: frozenset[str]
    networks: tuple[Network, ...]

    @classmethod
    def of(cls, entries: Iterable[str]) -> Self:
        """From the setting's entries: a network or an address, else a host name."""
        names, networks = set(), []
        for entry in entries:
            try:
                networks.append(ip_network(entry.strip("[]"), strict=False))
            except ValueError:
                names.add(entry.lower().rstrip("."))
        return cls(frozenset(names), tuple(networks))

    def holds(self, address: Address) -> bool:
        return any(address in network for network in self.networks)


@dataclass(frozen=True)
class Target:
    """A URL that may be sent to as far as its text tells."""

    scheme: str
    host: str
    port: int
    path: str
    literal: Address | None
    allowed: Allowed

    @classmethod
    def of(cls, url: str, allow: Sequence[str] = ()) -> Self:
        """Read and judge a URL without asking any name server. Raises Refused; forms show its reason."""
        parts, port = _split(url)
        host = (parts.hostname or "").removesuffix(".")
        literal = _literal(host)
        if literal is None and not _is_name(host):
            raise Refused(Reason.NAME)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        target = cls(parts.scheme, host, port or PORTS[parts.scheme], path, literal, Allowed.of(allow))
        target._judge_text()
        return target

    @property
    def host_header(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def is_vouched_for(self) -> bool:
        return self.host in self.allowed.names

    def admits(self, address: Address) -> bool:
        """May a connection for this URL go to this address?"""
        if self.is_vouched_for or self.allowed.holds(address):
            return True
        return self._objection() is None and is_public(address)

    def judge(self, addresses: Iterable[Address]) -> None:
        """Every address of the name must do: one that does not is how a name is turned against us."""
        if not all(self.admits(address) for address in addresses):
            raise Refused(self._objection() or Reason.NOT_PUBLIC)

    def _judge_text(self) -> None:
        if self.literal is not None:
            self.judge([self.literal])
        elif not (self.is_vouched_for or self.allowed.networks) and (reason := self._objection()):
            raise Refused(reason)  # with allowed networks only the name's addresses can tell

    def _objection(self) -> Reason | None:
        """What keeps the URL from going out to the public internet."""
        if self.scheme != "https":
            return Reason.SCHEME
        if self.literal is not None or "." not in self.host:
            return Reason.NAME
        return Reason.PORT if self.port not in PORTS_OUTSIDE else None


def is_host_or_network(entry: str) -> bool:
    """Can an entry of EGRESS_ALLOW match anything? `host:8080` and `https://host` cannot."""
    allowed = Allowed.of([entry])
    return bool(allowed.networks) or all(_is_name(name) for name in allowed.names)


def _split(url: str) -> tuple[SplitResult, int | None]:
    if len(url) > LONGEST_URL or not URL_TEXT.fullmatch(url):
        raise Refused(Reason.MALFORMED)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise Refused(Reason.MALFORMED) from error
    if parts.scheme not in PORTS:
        raise Refused(Reason.SCHEME)
    if "@" in parts.netloc:
        raise Refused(Reason.USERINFO)
    if not AUTHORITY.fullmatch(parts.netloc):
        raise Refused(Reason.MALFORMED)
    if port == 0:
        raise Refused(Reason.PORT)
    return parts, port


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _is_name(host: str) -> bool:
    labels = host.split(".")
    return len(host) <= 253 and all(map(LABEL.fullmatch, labels)) and not NUMBER.fullmatch(labels[-1])
