"""Devices that report, and what the analysis makes of it: words for the tests of the worker."""

import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from access.principal import job
from telemetry import watch
from telemetry.ingest.memory import forget_everything
from telemetry.models import Alert, AlertTransition, AnalysisDue, DetectorState, Device, DeviceHealth, Job
from tests.cast import Customer
from tests.telemetry.ingest.senders import Sender, cpu, device_key, fan, now, report

FAN = ("fan_fault", "fan/1")


@dataclass
class Reporter:
    """A device of a customer that posts reports through the front door."""

    customer: Customer
    device: Device
    sender: Sender
    sent: int = 0
    began: datetime = field(default_factory=lambda: now() - timedelta(minutes=30))

    @classmethod
    def at(cls, customer: Customer, site: str, label: str, **facts: Any) -> "Reporter":
        forget_everything()  # of the databases of tests before
        device = customer.installs(label, site=site, serial=f"SN-{label}", **facts)
        return cls(customer, device, device_key(customer, device))

    def says(self, *samples: dict[str, Any], at: datetime | None = None) -> None:
        """One report, ten seconds after the one before unless `at` says otherwise; it must be accepted."""
        self.sent += 1
        said = report(
            *(samples or [cpu()]),
            serial=f"SN-{self.device.label}",
            at=at or self.began + timedelta(seconds=10 * self.sent),
        )
        answer = self.sender.posts({**said, "report_id": str(uuid.uuid4())})
        assert answer.status_code == 202, answer.content

    def tells(self, *events: dict[str, Any]) -> None:
        """One report of events alone; it must be accepted."""
        self.sent += 1
        said = report(
            serial=f"SN-{self.device.label}",
            at=self.began + timedelta(seconds=10 * self.sent),
            events=list(events),
        )
        answer = self.sender.posts({**said, "report_id": str(uuid.uuid4())})
        assert answer.status_code == 202, answer.content

    def fan_fails(self, times: int = 2, **more: Any) -> None:
        for _ in range(times):
            self.says(fan("failed"), **more)

    def fan_runs(self, times: int = 4) -> None:
        for _ in range(times):
            self.says(fan("ok"))

    def _own(self, table: Any) -> Any:
        return table.unscoped.filter(device=self.device.pk)

    def alerts(self) -> list[tuple[str, str, bool]]:
        """(rule, subject, open), oldest first."""
        with job(self.customer.pk):
            found = self._own(Alert).order_by("opened_at").values_list("rule", "subject", "resolved_at")
            return [(rule, subject, resolved is None) for rule, subject, resolved in found]

    def transitions(self) -> list[str]:
        with job(self.customer.pk):
            found = AlertTransition.unscoped.filter(alert__device=self.device.pk).order_by("at", "pk")
            return list(found.values_list("kind", flat=True))

    def told(self) -> int:
        """How many changes wait to be planned."""
        with job(self.customer.pk):
            return Job.unscoped.filter(kind="transition.recorded").count()

    @property
    def flag(self) -> AnalysisDue | None:
        with job(self.customer.pk):
            return AnalysisDue.objects.filter(device=self.device.pk).first()

    @property
    def state(self) -> DetectorState:
        with job(self.customer.pk):
            return self._own(DetectorState).get()

    @property
    def health(self) -> DeviceHealth:
        with job(self.customer.pk):
            return self._own(DeviceHealth).get()

    def changes_state(self, **values: Any) -> None:
        with job(self.customer.pk):
            self._own(DetectorState).update(**values)

    def changes_flag(self, **values: Any) -> None:
        with job(self.customer.pk):
            AnalysisDue.objects.filter(device=self.device.pk).update(**values)

    def was_analysed(self, at: datetime) -> None:
        with job(self.customer.pk):
            self._own(DeviceHealth).update(updated_at=at)

    def lease_lapses(self) -> None:
        self.changes_flag(lease_until=timezone.now() - timedelta(seconds=1))

    def is_due_now(self) -> None:
        self.changes_flag(run_at=timezone.now() - timedelta(seconds=1))

    def is_flagged_again(self) -> None:
        """As if a report had come, with nothing new in it."""
        with job(self.customer.pk):
            AnalysisDue.objects.create(customer_id=self.customer.pk, device_id=self.device.pk)


def analysed() -> int:
    return watch.analyse_due()


def elsewhere[T](call: Callable[[], T]) -> T:
    """The result of a call on another connection, as another process would make it."""
    results: list[T] = []

    def run() -> None:
        try:
            results.append(call())
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(30)
    return results[0]
