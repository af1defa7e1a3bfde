"""The canonical batch: what every wire format decodes into, and the only thing the rest of ingest knows.

Times of samples and events are float seconds since 1970 in UTC (exact to a microsecond until the year 2100): a report
holds dozens of them, and a datetime for each would cost more than the rest of decoding. Times of which a report has
one are aware datetimes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Final, Literal, NamedTuple
from uuid import UUID

from telemetry.ingest.limits import Limits

NATIVE: Final = "native"
OTLP_METRICS: Final = "otlp.metrics"
OTLP_LOGS: Final = "otlp.logs"
CALLHOME: Final = "callhome"
PROMETHEUS: Final = "prometheus"
FORMATS: Final = (NATIVE, OTLP_METRICS, OTLP_LOGS, CALLHOME, PROMETHEUS)

GAUGE: Final = "gauge"
COUNTER: Final = "counter"
STATE: Final = "state"
type Kind = Literal["gauge", "counter", "state"]

SEVERITIES: Final = ("emergency", "alert", "critical", "error", "warning", "notice", "info", "debug")
"""The eight names of syslog (RFC 5424, section 6.2.1); the index is the number."""

type Labels = tuple[tuple[str, str], ...]
type Scalar = str | int | float | bool


class DecodeError(Exception):
    """The body as a whole is refused: HTTP status, code for programs, sentence, and place if there is one."""

    def __init__(self, status: int, code: str, message: str, path: str | None = None) -> None:
        super().__init__(f"{status} {code}: {message}" + (f" at {path}" if path else ""))
        self.status = status
        self.code = code
        self.message = message
        self.path = path


@dataclass(frozen=True, slots=True)
class RequestMeta:
    """All a decoder may know beside the body: no database, no clock, no settings."""

    format: str
    content_type: str
    received_at: datetime
    limits: Limits
    source_clock: datetime | None = None
    path_values: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def media_type(self) -> str:
        """Content-Type without its parameters."""
        return self.content_type.split(";", 1)[0].strip().lower()


@dataclass(frozen=True, slots=True)
class Note:
    """One item that was refused, or kept with a warning: where, a code for programs, a sentence for people."""

    path: str
    code: str
    message: str


Rejection = Note


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a device says it is. Matched in the order device_id, vendor + serial, mac; the rest are hints.

    `alias` is a name that counts only if somebody registered it in the sender's site. All empty: the sender itself.
    """

    device_id: str | None = None
    serial: str | None = None
    mac: str | None = None
    vendor: str | None = None
    model: str | None = None
    sys_object_id: str | None = None
    hostname: str | None = None
    mgmt_ip: str | None = None
    alias: str | None = None

    @property
    def is_sender(self) -> bool:
        """Nothing here says which device it is, so it can only be the sender."""
        return not (self.device_id or self.serial or self.mac or self.alias)


@dataclass(frozen=True, slots=True)
class Component:
    """A part of a device. `id` is class/name; `extra` holds what this format knows beyond the named fields."""

    id: str
    part_class: str
    parent: str | None = None
    name: str | None = None
    model: str | None = None
    serial: str | None = None
    hw_rev: str | None = None
    fw_rev: str | None = None
    extra: tuple[tuple[str, Scalar], ...] = ()


@dataclass(frozen=True, slots=True)
class Software:
    name: str
    version: str
    role: str | None = None


@dataclass(frozen=True, slots=True)
class Inventory:
    """`complete`: components that are not named are gone."""

    complete: bool
    at: datetime | None = None
    components: tuple[Component, ...] = ()
    software: tuple[Software, ...] = ()


class Sample(NamedTuple):
    """One value of one series at one time. Exactly one of `value` and `state` is set.

    value: in the unit of the vocabulary; an int wherever the sender said an integer, so 64-bit counters stay exact.
    t, start: seconds since 1970. `start` is the sender's mark for "counted since": compare it only with itself.
    bits: 32 or 64 where the width of a counter is known.
    """

    metric: str
    instance: str
    labels: Labels
    kind: Kind
    value: int | float | None
    state: str | None
    t: float
    start: float | None = None
    bits: int | None = None


class Event(NamedTuple):
    """Something that happened at `at` (seconds since 1970); `dedupe_id` is unique within the device."""

    dedupe_id: str
    at: float
    severity: str
    code: str
    component: str
    text: str


@dataclass(frozen=True, slots=True)
class Attachment:
    """Output of a command, as the device sent it; only commands that show no configuration get this far."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class DeviceReport:
    """What one report says about one device. `ref` names it within the report, `path` says where it stood in it.

    sample_positions, event_positions: where the kept ones stood in the sender's own lists; empty if none was refused.
    """

    ref: str
    identity: Identity
    reachable: bool | None = None
    error: str | None = None
    uptime_s: float | None = None
    clock: datetime | None = None
    inventory: Inventory | None = None
    samples: tuple[Sample, ...] = ()
    events: tuple[Event, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    path: str = ""
    sample_positions: tuple[int, ...] = ()
    event_positions: tuple[int, ...] = ()

    def path_of_sample(self, index: int) -> str:
        """The place of samples[index] in the report as it was sent."""
        return f"{self.path}.samples[{self.sample_positions[index] if self.sample_positions else index}]"

    def path_of_event(self, index: int) -> str:
        return f"{self.path}.events[{self.event_positions[index] if self.event_positions else index}]"

    def with_only(self, samples: Sequence[int], events: Sequence[int]) -> DeviceReport:
        """The same without the samples and events at other indices; what remains still knows where it stood."""
        return replace(
            self,
            samples=tuple(self.samples[index] for index in samples),
            events=tuple(self.events[index] for index in events),
            sample_positions=_at(self.sample_positions, samples),
            event_positions=_at(self.event_positions, events),
        )

    @property
    def says_nothing(self) -> bool:
        return not (self.samples or self.events or self.inventory) and self.reachable is not False


def _at(positions: tuple[int, ...], indices: Sequence[int]) -> tuple[int, ...]:
    return tuple(positions[index] for index in indices) if positions else tuple(indices)


@dataclass(frozen=True, slots=True)
class Agent:
    """The program that made the report. `kind`: device or site-collector."""

    name: str
    version: str
    kind: str | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    devices: int
    samples: int
    events: int


@dataclass(frozen=True, slots=True)
class CanonicalBatch:
    """One report, whatever it looked like on the wire.

    idempotency_key: the sender's own id of the report, else derived from its message id or body; equal on every try.
    sent_at: when the report was made by its own account, else the newest time in it; None if it names no time.
    key_at: the time stored with the identity; set by timing.correct(), equal on every try of one day.
    rejected: the first 100; rejected_total counts all of them.
    """

    format: str
    idempotency_key: UUID
    body_sha256: bytes
    sent_at: datetime | None
    devices: tuple[DeviceReport, ...]
    interval_s: int | None = None
    seq: int | None = None
    boot_id: str | None = None
    agent: Agent | None = None
    rejected: tuple[Rejection, ...] = ()
    rejected_total: int = 0
    warnings: tuple[Note, ...] = ()
    key_at: datetime | None = None
    clock_adjusted: bool = False

    @property
    def is_empty(self) -> bool:
        """A legal message with nothing in it for us, such as metadata only: success, and nothing to keep."""
        return not self.devices

    @property
    def counts(self) -> Counts:
        return Counts(
            devices=len(self.devices),
            samples=sum(len(device.samples) for device in self.devices),
            events=sum(len(device.events) for device in self.devices),
        )


class Rejections:
    """Collects refused items: all are counted, the first hundred are kept."""

    __slots__ = ("listed", "most", "total")

    def __init__(self, most: int) -> None:
        self.most = most
        self.total = 0
        self.listed: list[Rejection] = []

    def add(self, path: str, code: str, message: str, count: int = 1) -> None:
        self.total += count
        if len(self.listed) < self.most:
            self.listed.append(Rejection(path, code, message))


def refuse_if_nothing_is_left(batch: CanonicalBatch) -> CanonicalBatch:
    """The batch itself, or DecodeError 400 when items were refused and no device says anything any more.

    For the native door: its agents should hear that every item was bad. OTLP and Prometheus have no such answer.
    """
    if batch.rejected_total and all(device.says_nothing for device in batch.devices):
        first = batch.rejected[0]
        raise DecodeError(400, first.code, f"every item was refused; the first: {first.message}", first.path)
    return batch


def at_most(most: int, count: int, what: str) -> None:
    """Raises DecodeError 413, the answer upon which agents split their reports, if there are more."""
    if count > most:
        raise DecodeError(413, "too_many", f"{count} {what}, at most {most} in one report; split it")


def uuid_from_digest(digest: bytes) -> UUID:
    """An idempotency key for formats without one (UUID version 8, RFC 9562 section 5.8)."""
    number = int.from_bytes(digest[:16], "big")
    number = number & ~(0xF000 << 64) | 0x8000 << 64
    number = number & ~(0xC000 << 48) | 0x8000 << 48
    return UUID(int=number)


def event_id(at: float, code: str, text: str) -> str:
    """The dedupe id of an event that came without one: equal events at one time are one event."""
    said = f"{at:.6f}\0{code}\0{text}".encode("utf-8", "surrogatepass")
    return hashlib.sha256(said).hexdigest()[:32]
