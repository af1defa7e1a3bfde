"""What leaves the house, in words: a company's webhook, planning, sending, and what arrived on loopback."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db.models.functions import Now
from django.test import override_settings

from access.principal import acting, job
from partners import destinations
from partners.forwarding import sending
from partners.models import Delivery, DeliverySubject, Destination
from telemetry import jobs
from tests.cast import Company
from tests.partners.forwarding.receivers import Receiver, read_request

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
LOOPBACK = ["127.0.0.0/8"]


@dataclass
class Inbox:
    """A webhook receiver on loopback: what arrived, and when its last byte was read (time.monotonic())."""

    answer_after_s: float = 0.0
    status: bytes = OK
    arrived: list[tuple[float, str, dict[str, Any]]] = field(default_factory=list)
    reading: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def ids(self, kind: str = "alert.") -> list[str]:
        """webhook-id of what arrived, of one kind of event."""
        return [wid for _, wid, body in self.arrived if body["type"].startswith(kind)]

    def take(self, channel: Any, gone: threading.Event) -> None:
        request = read_request(channel)
        at = time.monotonic()
        head, _, body = request.partition(b"\r\n\r\n")
        names = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
        ids = {name.lower(): value for name, value in names.items()}
        self.arrived.append((at, ids["webhook-id"], json.loads(body)))
        self.reading.set()
        if self.answer_after_s:
            gone.wait(self.answer_after_s)
        channel.sendall(self.status)


@contextmanager
def inbox(**how: Any) -> Iterator[Inbox]:
    box = Inbox(**how)
    receiver = Receiver(box.take)
    box.url = receiver.url()
    with override_settings(EGRESS_ALLOW=[*settings.EGRESS_ALLOW, *LOOPBACK]):
        try:
            yield box
        finally:
            receiver.close()


def webhook(company: Company, box: Inbox) -> Destination:
    """A verified webhook of this company that leads to the box."""
    boss = company.viewer()
    with acting(boss):
        row, _ = destinations.add_webhook(owner=company.organization, url=box.url, name="hook", by=boss)
    with job(company.pk):
        Destination.objects.filter(pk=row.pk).update(verified_at=Now())
        Delivery.objects.filter(destination=row, subject=DeliverySubject.VERIFICATION).delete()
    return row


def plan() -> None:
    while jobs.run_due("transition.recorded"):
        pass


def send() -> None:
    """Until nothing is due."""
    while sending.send_due():
        pass


def deliveries(company: Company, **wanted: Any) -> list[Delivery]:
    with job(company.pk):
        return list(
            Delivery.objects.filter(owner=company.pk, **wanted).select_related("grant").order_by("created_at", "pk")
        )


def put_back(company: Company, *rows: Delivery) -> None:
    """As if a retry were due: what was cancelled waits again. The gate must not be fooled."""
    with job(company.pk):
        Delivery.objects.filter(pk__in=[r.pk for r in rows]).update(
            state="ready", reason="", run_at=Now(), finished_at=None, lease_until=None, token=None
        )
