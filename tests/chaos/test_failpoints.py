"""At each boundary of the transactions T1 to T7 the process dies, and afterwards the accounts are those of any other day."""

import json
import os
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from access import expiry, sharing
from access.failpoints import PLACES
from access.models import AuditEntry, Grant, ViewingEntry
from access.principal import job
from partners.forwarding import sending
from partners.models import Destination
from telemetry import jobs, watch
from telemetry.models import Alert, AlertTransition, Job, Report
from tests.cast import HEALTH, World
from tests.chaos.dying import dies_at
from tests.partners.hooks import Hook, deliveries, hook_of, make_due
from tests.telemetry.ingest.senders import fan, report, text
from tests.telemetry.watching import Reporter

# The child does nothing but what the product does, and ends without a word to the threads it has not inherited.
pytestmark = pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning")
FEW, MANY = 2, int(os.environ.get("CHAOS_REPEATS") or 20)
# Between the receiver's 2xx and our commit: the one stretch in which a message goes out twice, under the same id.
REPEATS_ON_THE_WIRE = {"delivery.after_call", "delivery.before_commit"}
LOSES_AN_ATTEMPT = {"delivery.claimed", "delivery.before_call"} | REPEATS_ON_THE_WIRE
UNKNOWN = "may have been delivered"


@dataclass
class Story:
    """A device of acme whose fans fail one after the other, a partner who is told, and one death in each chapter."""

    world: World
    reporter: Reporter
    hook: Hook
    grant: Grant
    chapters: int = 0
    posted: list[dict[str, Any]] = field(default_factory=list)

    def chapter(self, place: str) -> None:
        """A fan fails, twice reported. Everything that has to be done is done; whoever reaches `place` first dies there."""
        self.chapters += 1
        self.report(place)
        self.analyse(place)
        self.plan(place)
        self.send(place)
        self.end_access(place)

    def report(self, place: str) -> None:
        first, second = (self._made(n) for n in range(2))
        if place.startswith("accept."):
            dies_at(place, lambda: self._post(first))
            kept = self._kept(first)
            assert kept == (0 if place == "accept.before_statement" else 1)
            assert self._post(first) == (200 if kept else 202)  # nobody had told the device
        else:
            assert self._post(first) == 202
        assert self._post(second) == 202

    def analyse(self, place: str) -> None:
        if place.startswith("analysis."):
            dies_at(place, watch.analyse_due)
            self.reporter.changes_flag(lease_until=None)
        watch.analyse_due()
        assert self.reporter.flag is None

    def plan(self, place: str) -> None:
        if place.startswith("job."):
            dies_at(place, lambda: jobs.run_due("transition.recorded"))
            self._leases_of_jobs_lapse()
        jobs.run_due("transition.recorded")

    def send(self, place: str) -> None:
        if place.startswith("delivery."):
            dies_at(place, sending.send_due)
            make_due(self.world.acme)
        sending.send_due()

    def end_access(self, place: str) -> None:
        """And give it anew for the next chapter."""
        acme = self.world.acme
        if place == "revoke.before_commit":
            dies_at(place, lambda: acme.revokes(self.grant))
            with job(acme.pk):
                assert Grant.objects.get(pk=self.grant.pk).closed_at is None
        acme.revokes(self.grant)
        if place == "drain.before_commit":
            dies_at(place, lambda: sharing.drain(self.grant.pk, customer=acme.pk))
        assert expiry.drain_closed() == 1
        with job(acme.pk):
            assert Grant.objects.get(pk=self.grant.pk).drained_at is not None
        self.grant = share(self.world)
        while sending.send_due():  # that access has ended and begun, so that the next death is that of an alert
            pass

    def _made(self, n: int) -> dict[str, Any]:
        said = fan("failed")
        said["i"] = f"fan/{self.chapters}"
        made = report(said, serial=f"SN-{self.reporter.device.label}", at=self.reporter.began)
        moment = self.reporter.began + timedelta(seconds=20 * self.chapters + 5 * n)
        self.posted.append(made | {"report_id": str(uuid.uuid4()), "sent_at": text(moment)})
        return self.posted[-1]

    def _post(self, made: dict[str, Any]) -> int:
        return int(self.reporter.sender.posts(json.dumps(made)).status_code)

    def _kept(self, made: dict[str, Any]) -> int:
        with job(self.world.acme.pk):
            return Report.objects.filter(report_id=made["report_id"]).count()

    def _leases_of_jobs_lapse(self) -> None:
        with job(self.world.acme.pk):
            Job.unscoped.filter(state="running").update(lease_until=timezone.now() - timedelta(seconds=1))

    def accounts(self, place: str) -> None:
        """As of a run in which nobody died, but for what is said here."""
        acme, lost = self.world.acme, place in LOSES_AN_ATTEMPT
        with job(acme.pk):
            assert Report.objects.count() == len(self.posted)
            alerts = list(Alert.unscoped.values_list("subject", flat=True).order_by("subject"))
            assert alerts == sorted(f"fan/{n + 1}" for n in range(self.chapters))
            assert Counter(AlertTransition.unscoped.values_list("kind", flat=True)) == {"opened": self.chapters}
            drained = AuditEntry.objects.filter(customer=acme.pk, action="grant.drained").count()
            assert (
                drained == AuditEntry.objects.filter(customer=acme.pk, action="grant.revoked").count() == self.chapters
            )
        sent = deliveries(acme, self.hook.destination)
        assert [delivery.state for delivery in sent] == ["delivered"] * self.chapters
        assert [delivery.attempts for delivery in sent] == [2 if lost else 1] * self.chapters
        arrived, times = Counter(self.hook.ids), 2 if place in REPEATS_ON_THE_WIRE else 1
        about_access = Counter(message["type"] for message in self.hook.messages if "grant_id" in message["data"])
        assert about_access == {"access.granted": self.chapters, "access.revoked": self.chapters}
        assert set(arrived.values()) <= {1, times}
        assert len(arrived) == 3 * self.chapters
        assert {arrived[str(delivery.pk)] for delivery in sent} == {times}
        assert self._pushes() == Counter({"delivered": self.chapters} | ({UNKNOWN: self.chapters} if lost else {}))

    def _pushes(self) -> Counter[str]:
        with job(self.world.acme.pk):
            return Counter(ViewingEntry.objects.filter(way="webhook").values_list("outcome", flat=True))


def share(world: World) -> Grant:
    return world.acme.shares("hq", with_=world.northwind, categories={HEALTH}, forward_alerts=True)


@pytest.fixture
def story(lasting_world: World, settings: Any) -> Iterator[Story]:
    settings.EGRESS_ALLOW = ["127.0.0.1"]
    grant = share(lasting_world)
    with job(lasting_world.acme.pk, lasting_world.northwind.pk):
        Destination.objects.update(enabled=False)  # mail: the webhook alone is counted
    with hook_of(lasting_world.northwind) as hook:
        yield Story(lasting_world, Reporter.at(lasting_world.acme, "hq", "switch"), hook, grant)


@pytest.mark.parametrize("place", PLACES)
def test_when_the_process_dies_at_a_boundary_then_nothing_is_lost_and_nothing_doubled(story: Story, place: str):
    for _ in range(FEW):
        story.chapter(place)

    story.accounts(place)


@pytest.mark.soak
@pytest.mark.parametrize("place", PLACES)
def test_when_the_process_dies_at_a_boundary_again_and_again_then_nothing_is_lost_and_nothing_doubled(
    story: Story, place: str
):
    for _ in range(MANY):
        story.chapter(place)

    story.accounts(place)


def test_given_nobody_who_dies_when_the_story_is_told_then_the_accounts_are_the_same(story: Story):
    for _ in range(FEW):
        story.chapter("nowhere")

    story.accounts("nowhere")
