"""Senders for tests of the front door: keys of the cast's devices and collectors, reports, and posting them."""

import json
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from access.principal import acting
from telemetry import fleet
from telemetry.models import Device
from telemetry.models.devices import KeyChannel
from tests.cast import Customer

REPORTS = "/ingest/v1/reports"


@dataclass
class Sender:
    """Somebody with an ingest key."""

    key: str
    customer: Customer
    device: Device | None = None
    row: Any = None

    def posts(self, body: bytes | str | dict[str, Any], path: str = REPORTS, **headers: Any) -> HttpResponse:
        if isinstance(body, dict):
            body = json.dumps(body)
        kind = headers.pop("content_type", "application/json")
        headers = {"HTTP_AUTHORIZATION": f"Bearer {self.key}", **headers}
        return Client().post(path, data=body, content_type=kind, **headers)

    def loses_its_key(self) -> None:
        boss = self.customer.viewer()
        with acting(boss):
            fleet.stop_key(self.row, by=boss)


def device_key(customer: Customer, device: Device, *, channel: KeyChannel = KeyChannel.HEADER) -> Sender:
    boss = customer.viewer()
    with acting(boss):
        issued = fleet.issue_key(device=device, by=boss, channel=channel)
    return Sender(issued.secret, customer, device, issued.row)


def collector_key(customer: Customer, site: str, name: str = "poller") -> Sender:
    boss = customer.viewer()
    with acting(boss):
        collector = fleet.open_collector(site=customer.sites[site], name=name, by=boss)
        issued = fleet.issue_key(collector=collector, by=boss)
    return Sender(issued.secret, customer, None, issued.row)


def now() -> datetime:
    return timezone.now().replace(microsecond=0)


def text(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def cpu(value: float = 0.25, **more: Any) -> dict[str, Any]:
    return {"m": "device.cpu.utilization", "i": "cpu/1", "v": value, **more}


def octets(value: int = 1_000, **more: Any) -> dict[str, Any]:
    return {"m": "if.io", "i": "if/Gi1/0/1", "l": {"dir": "rx"}, "v": value, **more}


def fan(state: str = "ok", **more: Any) -> dict[str, Any]:
    return {"m": "fan.status", "i": "fan/1", "s": state, **more}


def reached(answers: bool) -> dict[str, Any]:
    """What a collector says of a device; the field `reachable` of a native report becomes the same sample."""
    return {"m": "device.reachable", "s": "up" if answers else "down"}


@dataclass
class Report:
    """A native report in the making."""

    devices: list[dict[str, Any]] = field(default_factory=list)
    at: datetime = field(default_factory=now)
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    interval_s: int = 300

    def of(self, *samples: dict[str, Any], serial: str = "SN1", **more: Any) -> "Report":
        identity = more.pop("identity", {"serial": serial})
        device = {"ref": f"d{len(self.devices) + 1}", "identity": identity, "samples": list(samples), **more}
        return Report([*self.devices, device], self.at, self.id, self.interval_s)

    def __call__(self, **more: Any) -> dict[str, Any]:
        return {
            "schema": "smartcare.report/1",
            "report_id": self.id,
            "sent_at": text(self.at),
            "interval_s": self.interval_s,
            "devices": self.devices,
            **more,
        }

    def earlier(self, **by: float) -> "Report":
        return Report(self.devices, self.at - timedelta(**by), str(uuid.uuid4()), self.interval_s)


def report(*samples: dict[str, Any], serial: str = "SN1", at: datetime | None = None, **more: Any) -> dict[str, Any]:
    """A report of one device with these samples; `more` goes to the device."""
    return Report(at=at or now()).of(*samples, serial=serial, **more)()
