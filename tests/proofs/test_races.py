"""Revoke while alerts are on their way (A9, A10): once "drained" is said, nothing arrives any more, by webhook or by mail.

Real threads, each with a connection of its own; a receiver on loopback that takes its time. `make soak` runs RACES (1,000) of them.
"""

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from django.core import mail
from django.db import connections
from django.db.models.functions import Now

from access import sharing
from access.models import Grant
from access.principal import acting, job
from partners.forwarding import sending
from partners.models import Delivery
from tests.cast import HEALTH, World
from tests.proofs import exits
from tests.proofs.sight import guardian_faults

SENDERS = 2
PATIENCE_S = 30.0
# What is under way when access is stopped; each kind of race has its turn.
KINDS = ("stopped before", "while it is sent", "at any moment", "a retry waits", "replayed", "given anew")


@dataclass
class Track:
    """world, receiver, and chance (seeded: a failing race can be run again)."""

    world: World
    box: exits.Inbox
    chance: random.Random

    def prepare(self, number: int) -> Grant:
        """Access with alerts, and one that waits to be told."""
        grant = self.world.acme.shares("hq", with_=self.world.northwind, categories={HEALTH}, forward_alerts=True)
        exits.send()  # that access was given
        self.box.arrived.clear()
        self.box.reading.clear()
        self.box.status, self.box.answer_after_s = exits.OK, self.chance.uniform(0, 0.06)
        self.world.acme.raises(self.world.acme.devices["core"], subject=f"port {number}")
        exits.plan()
        return grant

    def waiting(self) -> list[Delivery]:
        return exits.deliveries(self.world.northwind, subject="alert", state__in=["ready", "running"])

    def told(self) -> tuple[int, int]:
        """Alerts told to northwind so far, by webhook and by mail."""
        return len(self.box.ids()), sum("nora@example.com" in m.to and "hq" in m.subject for m in mail.outbox)


@pytest.fixture
def track(lasting_world: World) -> Iterator[Track]:
    with exits.inbox() as box:
        exits.webhook(lasting_world.northwind, box)
        lasting_world.acme.installs("core", site="hq")
        seed = int(os.environ.get("RACE_SEED", random.SystemRandom().randrange(10**6)))
        print(f"RACE_SEED={seed}")
        yield Track(lasting_world, box, random.Random(seed))


@contextmanager
def running(*works: Callable[[threading.Event], None]) -> Iterator[None]:
    """Each work in a thread until the block ends; an exception in one is raised here."""
    over = threading.Event()
    faults: list[BaseException] = []

    def run(work: Callable[[threading.Event], None]) -> None:
        try:
            work(over)
        except BaseException as error:
            faults.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join(PATIENCE_S)
    assert not any(thread.is_alive() for thread in threads)
    assert faults == []


def keep_sending(over: threading.Event) -> None:
    while not over.is_set():
        if not sending.send_due():
            over.wait(0.002)


def keep_replaying(track: Track) -> Callable[[threading.Event], None]:
    """The partner presses "send again" on whatever it was ever sent, as fast as it can."""
    nora = track.world.northwind.viewer()

    def replay(over: threading.Event) -> None:
        while not over.is_set():
            with acting(nora):
                for row in Delivery.objects.visible_to(nora).filter(subject="alert", state__in=["dead", "delivered"]):
                    sending.replay(row)
            over.wait(0.002)

    return replay


def stopped_and_drained(track: Track, grant: Grant) -> float:
    """Revoke, then wait for "drained"; the moment at which it was said."""
    track.world.acme.revokes(grant)
    give_up = time.monotonic() + PATIENCE_S
    while sharing.drain(grant.pk, customer=track.world.acme.pk, timeout_s=0.5) is None:
        assert time.monotonic() < give_up, "never drained"
    return time.monotonic()


def race(track: Track, number: int, kind: str) -> tuple[int, list[str]]:
    """One race. Returns how many alerts were told before the end, and faults."""
    grant = track.prepare(number)
    works: list[Callable[[threading.Event], None]] = [keep_sending] * SENDERS
    match kind:
        case "a retry waits":
            fail_first(track)
        case "replayed":
            works.append(keep_replaying(track))
    if kind == "stopped before":
        drained = stopped_and_drained(track, grant)
        told = track.told()
        with running(*works):
            time.sleep(track.chance.uniform(0, 0.05))
        return finish(track, drained, told)
    with running(*works):
        if kind in {"while it is sent", "replayed"}:
            assert track.box.reading.wait(PATIENCE_S)
        if kind != "while it is sent":
            time.sleep(track.chance.uniform(0, 0.3))
        drained = stopped_and_drained(track, grant)
        told = track.told()
        if kind == "given anew":
            again = track.world.acme.shares("hq", with_=track.world.northwind, categories={HEALTH}, forward_alerts=True)
            assert again.pk != grant.pk
        time.sleep(track.chance.uniform(0, 0.05))
    return finish(track, drained, told)


def fail_first(track: Track) -> None:
    """The receiver was out of order, the next attempt is due now."""
    track.box.status = b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n"
    exits.send()
    track.box.status = exits.OK
    track.box.arrived.clear()
    track.box.reading.clear()
    with job(track.world.northwind.pk):
        Delivery.objects.filter(owner=track.world.northwind.pk, state="ready").update(run_at=Now())


def finish(track: Track, drained: float, told: tuple[int, int]) -> tuple[int, list[str]]:
    """Everything that could still go out gets its chance, then the arrivals are counted."""
    with job(track.world.northwind.pk):
        Delivery.objects.filter(owner=track.world.northwind.pk, state="ready").update(run_at=Now())
    exits.send()
    late = [
        f"{wid} {at - drained:.3f} s late"
        for at, wid, body in track.box.arrived
        if body["type"].startswith("alert.") and at > drained
    ]
    faults = [f"webhook: {text}" for text in late]
    if track.told() != told:
        faults.append(f"told {told} when drained, {track.told()} in the end")
    left = [d.state for d in track.waiting()]
    if left:
        faults.append(f"still waiting: {left}")
    for grant in open_grants(track.world):
        track.world.acme.revokes(grant)
        sharing.drain(grant.pk, customer=track.world.acme.pk)
    mail.outbox.clear()
    return told[0], faults


def open_grants(world: World) -> list[Grant]:
    with job(world.acme.pk):
        return list(Grant.objects.filter(closed_at=None).select_related("partner", "site"))


def run_races(track: Track, count: int) -> None:
    seen: Counter[tuple[str, bool]] = Counter()
    faults: list[str] = []
    for number in range(count):
        kind = KINDS[number % len(KINDS)]
        told, found = race(track, number, kind)
        seen[kind, told > 0] += 1
        faults += [f"race {number}, {kind}: {fault}" for fault in found]
    print(f"{count} races, by kind and whether something was told before the end: {dict(seen)}")

    assert faults == []
    assert guardian_faults(track.world.acme) == []
    assert seen["stopped before", True] == 0
    assert seen["while it is sent", False] == 0  # it was under way, and "drained" waited for it


def test_when_access_is_stopped_while_alerts_are_on_their_way_then_nothing_arrives_after_drained(track: Track):
    run_races(track, 24)


@pytest.mark.soak
def test_when_access_is_stopped_a_thousand_times_then_nothing_ever_arrives_after_drained(track: Track):
    run_races(track, int(os.environ.get("RACES", "1000")))


def test_given_a_sender_that_hangs_when_access_is_stopped_then_it_is_not_called_drained_before_the_call_is_over(
    track: Track,
):
    grant: Any = track.prepare(1)
    track.box.answer_after_s = 0.6

    with running(keep_sending):
        assert track.box.reading.wait(PATIENCE_S)
        receipt = track.world.acme.revokes(grant)
        at_once = sharing.drain(grant.pk, customer=track.world.acme.pk, timeout_s=0.05)
        later = sharing.drain(grant.pk, customer=track.world.acme.pk, timeout_s=PATIENCE_S)

    assert at_once is None
    assert later is not None
    assert later > receipt.revoked_at
    assert [d.state for d in exits.deliveries(track.world.northwind, pk__in=track.box.ids())] == ["delivered"]
