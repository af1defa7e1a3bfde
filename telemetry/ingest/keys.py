"""Whose report is this: from an ingest key to its sender, its site and its customer; never from the body."""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Final, Literal
from uuid import UUID

from telemetry.ingest import limits
from telemetry.ingest.limits import Limits, Pace
from telemetry.ingest.memory import Remembered
from telemetry.ingest.store import ask

type Told = tuple[str, ...]
"""What is on record of a device: vendor, serial, mac, hostname, address, model; empty where nobody said."""
type Channel = Literal["header", "path"]

FORM: Final = re.compile(r"sc([dc])_([a-z0-9]{4,12})_([A-Za-z0-9_\-]{16,128})", re.ASCII)
BEGINS_LIKE_ONE: Final = re.compile(r"sc[dc]_([a-z0-9]{12})(?:_|$)", re.ASCII)
SECRET_CHARS: Final = 43  # 32 bytes in base64url
REMEMBERED_S: Final = 60.0
NO_DIGEST: Final = bytes(32)
"""Compared with when there is no such key: whether a key id exists must not show in the time the answer takes."""


class BadKey(Exception):
    """No key, no key of ours, or the wrong secret: one answer for all three.

    For the eyes of the key's customer alone: `why`, and the `key_id` that was presented, '' if there was none; `known`
    says that a key with this id is on record.
    """

    def __init__(self, why: str = "no_key", key_id: str = "", *, known: bool = False) -> None:
        super().__init__(why)
        self.why, self.key_id, self.known = why, key_id, known


class KeyStopped(Exception):
    """The secret is right, but the key is revoked, its holder gone, or it came over the wrong channel: `why`."""

    def __init__(self, why: str = "key_revoked", key_id: str = "") -> None:
        super().__init__(why)
        self.why, self.key_id = why, key_id


@dataclass(frozen=True, slots=True)
class OwnDevice:
    """The device that a device key belongs to, as it was when the key was looked up."""

    public_id: str
    stay: int
    known: Told
    no_inventory: bool = False

    @property
    def vendor(self) -> str:
        return self.known[0]

    @property
    def serial(self) -> str:
        return self.known[1]

    @property
    def mac(self) -> str:
        return self.known[2]


@dataclass(frozen=True, slots=True)
class Sender:
    """A device or a collector that speaks with one of its keys. `id` outlives the key: a resend after rotation is one."""

    key: UUID
    key_id: str
    id: UUID
    customer: UUID
    site: UUID
    is_collector: bool
    channel: Channel
    custom_metrics: bool
    device: OwnDevice | None
    devices: int = 1
    """In use at the collector's site; its pace grows with them."""

    @property
    def limits(self) -> Limits:
        return limits.COLLECTOR if self.is_collector else limits.DEVICE

    @property
    def pace(self) -> Pace:
        return limits.collector_pace(self.devices) if self.is_collector else limits.DEVICE_PACE


_known: Final[Remembered[str, tuple[Sender, bytes]]] = Remembered(room=50_000, for_s=REMEMBERED_S)


def find(presented: str, channel: Channel) -> Sender:
    """The sender behind a key. Raises BadKey, KeyStopped, StoreAway.

    A right secret may be answered from memory: whether the key still lives is asked again when the report is stored.
    A wrong one and an unknown key id cost the same: one look-up and one comparison.
    """
    form = FORM.fullmatch(presented)
    if form is None:
        raise _no_key(presented)
    kind, key_id, secret = form.groups()
    digest = hashlib.sha256(secret.encode()).digest()
    known = _known.get(key_id)
    if known is not None and hmac.compare_digest(known[1], digest):
        return _through(known[0], kind, channel)
    return _through(_look_up(key_id, digest, len(secret)), kind, channel)


def is_secret_of(stored: bytes, secret: str) -> bool:
    return hmac.compare_digest(stored, hashlib.sha256(secret.encode()).digest())


def _no_key(presented: str) -> BadKey:
    """What was sent instead: nothing, something else, or a key of which a part got lost."""
    begins = BEGINS_LIKE_ONE.match(presented)
    return BadKey("key_cut", begins[1]) if begins else BadKey()


def _through(sender: Sender, kind: str, channel: Channel) -> Sender:
    if sender.is_collector != (kind == "c"):
        raise BadKey("wrong_kind", sender.key_id, known=True)
    if sender.channel != channel:
        raise KeyStopped("wrong_channel", sender.key_id)
    return sender


def _look_up(key_id: str, digest: bytes, secret_chars: int) -> Sender:
    rows = ask("SELECT * FROM ingest_key(%s)", [key_id])
    row = rows[0] if rows else None
    stored = bytes(row[6]) if row else NO_DIGEST
    if not hmac.compare_digest(stored, digest) or row is None:
        why = "wrong_secret" if secret_chars == SECRET_CHARS else "key_cut"
        raise BadKey(why if row else "unknown_key", key_id if row else "", known=row is not None)
    if row[7]:
        raise KeyStopped("key_revoked", key_id)
    sender = _sender(key_id, row)
    _known.put(key_id, (sender, digest))
    ask("SELECT ingest_key_used(%s)", [sender.key])
    return sender


def _sender(key_id: str, row: tuple) -> Sender:  # type: ignore[type-arg]  # columns of ingest_key()
    key, customer, site, sender, collector, channel, _, _, custom, public_id, stay, devices, *told, bare = row
    own = None if collector else OwnDevice(public_id, stay, tuple(text or "" for text in told), bare)
    return Sender(key, key_id, sender, customer, site, collector, channel, custom, own, devices)


def forget(sender: Sender) -> None:
    """The store knows better by now: the next request looks the key up again."""
    _known.forget(sender.key_id)


def again(sender: Sender) -> Sender:
    """The same sender as it is now, after a device of it moved. Raises KeyStopped, StoreAway."""
    forget(sender)
    return of_key_id(sender.key_id)


def of_key_id(key_id: str) -> Sender:
    """Without a secret: for what came in through this key already. Raises KeyStopped, StoreAway."""
    rows = ask("SELECT * FROM ingest_key(%s)", [key_id])
    if not rows or rows[0][7]:
        raise KeyStopped
    return _sender(key_id, rows[0])
