"""Native reports, `smartcare.report/1`: made once, kept as bytes until somebody has them."""

import gzip
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from smartcare.simulator.model import Device
from smartcare.simulator.sample import Sample
from smartcare.simulator.story import Event

SCHEMA = "smartcare.report/1"
REF = "d1"
MAX_SAMPLES = 5_000  # a device key's limit per report
EXACT_INTEGERS = 2**53  # counters beyond travel as decimal strings
Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Report:
    """body: the bytes that go over the wire on every try. document: what they say."""

    report_id: str
    document: Document
    body: bytes
    gzipped: bool = False

    def plain(self) -> "Report":
        """The same report without compression; to the receiver it is the same body."""
        return replace(self, body=gzip.decompress(self.body), gzipped=False) if self.gzipped else self


def seal(document: Document, *, compress: bool) -> Report:
    """Fix a document as bytes. It must hold its report_id."""
    body = json.dumps(document, separators=(",", ":"), allow_nan=False).encode()
    # mtime=0: the same document gives the same bytes
    packed = gzip.compress(body, compresslevel=3, mtime=0) if compress else body
    return Report(document["report_id"], document, packed, compress)


def new_id(now: float) -> str:
    """A UUID of version 7 (RFC 9562): sorts by the time it was made."""
    value = int(now * 1000) << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    return str(UUID(int=value & ~(0x3 << 62) | 0x2 << 62))


def iso(t: float) -> str:
    """RFC 3339 in UTC with milliseconds."""
    return datetime.fromtimestamp(round(t, 3), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def samples_at(device: Device, t: float) -> list[Document]:
    """All samples of one instant, each with its own time."""
    at, boot = iso(t), iso(device.boot(t).at)
    return [_sample(sample, at, boot) for sample in device.samples(t)]


def device_part(device: Device, samples: list[Document], events: Iterable[Event]) -> Document:
    """The entry of `devices`, without inventory.

    It leaves out uptime_s and clock: both are "now" to the receiver, and a spooled reading is not from now.
    """
    identity = device.identity
    return {
        "ref": REF,
        "identity": _known(
            device_id=identity.device_id,
            serial=identity.serial,
            mac=identity.mac,
            vendor=identity.vendor,
            model=identity.model,
            hostname=identity.hostname,
        ),
        "reachable": True,
        "samples": samples,
        "events": [_event(event) for event in events],
    }


def halves(document: Document) -> tuple[Document, Document] | None:
    """Two documents that together say what one said, still under its report_id; None if it cannot be divided."""
    part = document["devices"][0]
    samples = part["samples"]
    told = {name: part[name] for name in ("inventory", "events") if part.get(name)}
    bare = {name: value for name, value in part.items() if name not in told}
    if len(samples) > 1:
        middle = len(samples) // 2
        first, second = bare | told | {"samples": samples[:middle]}, bare | {"samples": samples[middle:]}
    elif told and samples:
        first, second = bare | told | {"samples": []}, bare
    elif len(told) > 1:
        first, second = (bare | {name: value} for name, value in told.items())
    else:
        return None
    return document | {"devices": [first]}, document | {"devices": [second]}


def _sample(sample: Sample, at: str, boot: str) -> Document:
    said: Document = {"m": sample.metric}
    if sample.instance:
        said["i"] = sample.instance
    if sample.labels:
        said["l"] = sample.labels
    if isinstance(sample.value, str):
        said["s"] = sample.value
    else:
        said["v"] = sample.value if sample.value < EXACT_INTEGERS else str(int(sample.value))
    said["t"] = at
    if sample.counter:
        said["start"] = boot
    return said


def _event(event: Event) -> Document:
    name = f"{event.code}:{event.component}:{int(event.at * 1000)}"
    said = {"id": name, "at": iso(event.at), "severity": event.severity, "code": event.code, "text": event.text}
    return said | _known(component=event.component or None)


def _known(**fields: str | None) -> dict[str, str]:
    return {name: value for name, value in fields.items() if value is not None}
