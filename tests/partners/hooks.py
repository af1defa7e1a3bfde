"""A partner's web server on this machine, the destination that leads to it, and what has been sent there."""

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone
from standardwebhooks.webhooks import Webhook

from access.principal import acting, job
from partners import destinations
from partners.forwarding import sending
from partners.models import Delivery, DeliveryAttempt, Destination
from telemetry import jobs
from telemetry.models import Alert, Severity
from tests.cast import Company, Customer
from tests.partners.forwarding.receivers import Receiver, read_request


@dataclass
class Hook:
    """Answers the challenge; to everything else with the next of `answers` (status lines), 200 when there is none."""

    receiver: Receiver = field(init=False)
    answers: list[str] = field(default_factory=list)
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    destination: Destination = field(init=False)
    secret: str = ""
    answers_challenges: bool = True

    def __post_init__(self) -> None:
        self.receiver = Receiver(self._answer)

    def _answer(self, channel: socket.socket, gone: threading.Event) -> None:
        head, _, body = read_request(channel).partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")[1:]
        self.received.append(({k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines)}, body))
        challenge = json.loads(body)["data"].get("challenge", "") if self.answers_challenges else ""
        status = self.answers.pop(0) if self.answers and not challenge else "200 OK"
        said = json.dumps({"challenge": challenge})
        channel.sendall(f"HTTP/1.1 {status}\r\nContent-Length: {len(said)}\r\n\r\n{said}".encode())

    def belongs_to(self, company: Company, *, verified: bool = True, minimum: Severity = Severity.WARNING) -> "Hook":
        viewer = company.viewer()
        with acting(viewer):
            self.destination, self.secret = destinations.add_webhook(
                owner=company.organization, url=self.receiver.url(), name="Tickets", by=viewer, minimum=minimum
            )
        if verified:
            self.changes(verified_at=timezone.now())
            with job(company.pk):
                Delivery.objects.filter(destination=self.destination).update(state="cancelled")
        return self

    def changes(self, **values: Any) -> None:
        with job(self.destination.owner_id):
            Destination.objects.filter(pk=self.destination.pk).update(**values)

    @property
    def now(self) -> Destination:
        with job(self.destination.owner_id):
            return Destination.objects.get(pk=self.destination.pk)

    @property
    def ids(self) -> list[str]:
        """webhook-id of each message, in the order of their coming."""
        return [headers["webhook-id"] for headers, _ in self.received]

    @property
    def messages(self) -> list[dict[str, Any]]:
        """Each message, its signature checked by an implementation that is not ours."""
        return [Webhook(self.secret).verify(body, headers) for headers, body in self.received]


@contextlib.contextmanager
def hook_of(company: Company, **how: Any) -> Iterator[Hook]:
    hook = Hook()
    try:
        yield hook.belongs_to(company, **how)
    finally:
        hook.receiver.close()


def told(alert: Alert | None = None) -> int:
    """What waits to be planned is planned. Returns how many changes that were."""
    return jobs.run_due("transition.recorded")


def sent() -> int:
    """What is due is sent."""
    return sending.send_due()


def deliveries(customer: Customer, destination: Destination | None = None, **where: Any) -> list[Delivery]:
    """What was planned to be told of a customer's alerts, oldest first."""
    with job(customer.pk, *([destination.owner_id] if destination else [])):
        found = Delivery.objects.filter(customer=customer.pk, subject="alert", **where)
        if destination is not None:
            found = found.filter(destination=destination.pk)
        return list(found.select_related("owner").order_by("created_at", "pk"))


def change(customer: Customer, delivery: Delivery, **values: Any) -> None:
    with job(customer.pk):
        assert Delivery.objects.filter(pk=delivery.pk).update(**values) == 1


def make_due(customer: Customer) -> None:
    """Waits are over and leases lapse."""
    past = timezone.now() - timedelta(seconds=1)
    with job(customer.pk):
        Delivery.objects.filter(state="ready").update(run_at=past)
        Delivery.objects.filter(state="running").update(lease_until=past)


def attempts(customer: Customer, delivery: UUID) -> list[str]:
    with job(customer.pk):
        found = DeliveryAttempt.objects.filter(delivery=delivery).order_by("number")
        return list(found.values_list("outcome", flat=True))
