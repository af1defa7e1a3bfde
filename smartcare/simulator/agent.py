"""One device's agent: samples on time, spools what it cannot send, and never loses a report it has made by itself.

It does nothing on its own: `step` is called when something is due and says when the next thing will be, so that one
scheduler serves a fleet and tests need no waiting. An agent must not be stepped by two threads at once.

The spool is the span of time not yet sent: the device (model.py) can be asked about any past instant, so a long outage
costs no memory, and is sent as few reports with many instants each. A report once made keeps its id and its bytes.
"""

import logging
import math
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from smartcare.simulator.clock import Clock
from smartcare.simulator.door import Answer
from smartcare.simulator.model import Device
from smartcare.simulator.noise import Noise
from smartcare.simulator.report import (
    MAX_SAMPLES,
    REF,
    SCHEMA,
    Document,
    Report,
    device_part,
    halves,
    iso,
    new_id,
    samples_at,
    seal,
)
from smartcare.simulator.tally import Tally

logger = logging.getLogger(__name__)

DAY_S = 86400.0
SPACING_S = 1.0  # between two posts of one device
SPOOL_S = 7 * DAY_S - 3600  # the server takes back-fill of seven days; an hour is for the way
LONGEST_S = DAY_S  # one report covers at most this, so that its events stay far below the limit
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 60.0  # before a retry; doubled each time
REFUSED_WAIT_S = 600.0  # a wrong key is not mended in seconds
BIG_BODY_SAMPLES = 400  # compressed by everybody
PHASE_S = 10.0  # devices do not all report in the same second

ACCEPTED, DUPLICATE, TOO_LARGE, UNKNOWN_ENCODING = 202, 200, 413, 415
NEVER_TAKEN = frozenset({400, 409})
LATER = frozenset({0, 408, 425, 429})  # and every 5xx; 0 is no answer


class Post(Protocol):
    """Sends a report once, at the real instant `now`, and does not raise for what the network does."""

    def __call__(self, report: Report, key: str, now: float) -> Answer: ...


class Agent:
    """Reports for one device.

    interval_s: seconds of simulated time between two instants. It is also what the reports promise (`interval_s`,
    within the format's 10 s to a day): while the clock catches up reports come more often than promised, later exactly
    as promised, so a rule that waits for missing reports is right both by the times inside and by their arrival.
    run: names this start of the agents, so that a new one begins new sequence numbers. jitter: gives [0, 1).
    """

    def __init__(
        self,
        device: Device,
        *,
        key: str,
        clock: Clock,
        post: Post,
        tally: Tally,
        interval_s: float,
        run: str,
        jitter: Callable[[], float],
    ) -> None:
        self.device, self._key, self._clock, self._post, self._tally = device, key, clock, post, tally
        self._interval_s, self._run, self._jitter = interval_s, run, jitter
        own = Noise("agent", device.identity.hostname)
        self._compresses = own.unit(1) < 0.5
        self._may_compress = True
        self._next = clock.start + round(own.unit(2) * min(PHASE_S, interval_s), 3)  # the first instant not yet taken
        self._told = self._next - interval_s  # events up to here are in reports
        self._outbox: deque[Report] = deque()
        self._tries = 0
        self._seq = 0
        self._boot = ""
        self._inventory_wanted = True
        self._inventory_at = -math.inf
        self._software = ""

    def step(self, now: float) -> float:
        """Do what is due at the real instant `now`; the real instant of the next step, infinity after the last."""
        if not self._outbox:
            self._collect(now)
        if self._outbox:
            return self._send(now)
        return self._idle_until(now)

    def _idle_until(self, now: float) -> float:
        if self._next >= self.device.ends_at:
            return math.inf
        return max(now + SPACING_S, self._clock.reaches(self._next))

    @property
    def starts_at(self) -> float:
        """The real instant of the first step."""
        return self._clock.reaches(self._next)

    # Making reports

    def _collect(self, now: float) -> None:
        """Make one report of the instants that are due, if there are any."""
        self._forget_what_is_too_old(now)
        shown, began = self._clock.shows(now), self._next
        samples: list[Document] = []
        last = None
        while self._next <= shown and self._next < self.device.ends_at and self._next - began < LONGEST_S:
            if self.device.reports_at(self._next):
                taken = samples_at(self.device, self._next)
                if len(samples) + len(taken) > MAX_SAMPLES:
                    break
                samples += taken
                last = self._next
            self._next = round(self._next + self._interval_s, 3)
        if last is not None:
            self._make(samples, last, now)

    def _forget_what_is_too_old(self, now: float) -> None:
        missed = math.ceil((now - SPOOL_S - self._next) / self._interval_s)
        if missed > 0:
            self._next = round(self._next + missed * self._interval_s, 3)
            self._tally.add(lost=missed)

    def _make(self, samples: list[Document], last: float, now: float) -> None:
        part = device_part(self.device, samples, self.device.events(self._told, last))
        self._told = last
        if self._inventory_due(last):
            part["inventory"] = self.device.inventory(last) | {"at": iso(last)}
        self._outbox.append(self._sealed(self._numbered(last) | {"sent_at": iso(now), "devices": [part]}, now))

    def _inventory_due(self, t: float) -> bool:
        """At the start, once a day, after a change, and when the server asked."""
        software = self.device.software(t)
        due = self._inventory_wanted or t - self._inventory_at >= DAY_S or software != self._software
        if due:
            self._inventory_wanted, self._inventory_at, self._software = False, t, software
        return due

    def _numbered(self, last: float) -> Document:
        boot = f"{self._run}-{self.device.boot_number(last)}"
        if boot != self._boot:
            self._boot, self._seq = boot, 0
        return {
            "schema": SCHEMA,
            "boot_id": boot,
            "interval_s": round(min(DAY_S, max(10.0, self._interval_s))),
            "agent": {"name": "smartcare-simulator", "version": "1.0.0", "kind": "device"},
        }

    def _sealed(self, document: Document, now: float) -> Report:
        self._seq += 1
        document = document | {"report_id": new_id(now), "seq": self._seq}
        big = len(document["devices"][0].get("samples", ())) > BIG_BODY_SAMPLES
        return seal(document, compress=self._may_compress and (big or self._compresses))

    # Sending them

    def _send(self, now: float) -> float:
        answer = self._post(self._outbox[0], self._key, now)
        match answer.status:
            case status if status in (ACCEPTED, DUPLICATE):
                return self._taken(answer, now)
            case status if status in NEVER_TAKEN:
                return self._given_up(answer, now)
            case status if status == TOO_LARGE:
                return self._divided(answer, now)
            case status if status in LATER or status >= 500:
                return self._again(answer, now)
            case status if status == UNKNOWN_ENCODING and self._outbox[0].gzipped:
                return self._uncompressed(now)
            case _:
                return self._refused(answer, now)

    def _taken(self, answer: Answer, now: float) -> float:
        self._outbox.popleft()
        self._tries = 0
        if answer.status == ACCEPTED:
            samples = _count(answer.body.get("accepted"), "samples")
            self._tally.add(accepted=1, samples=samples, items_rejected=_count(answer.body, "rejected_total"))
        else:
            self._tally.add(duplicates=1)
        needed = answer.body.get("need")
        self._inventory_wanted |= isinstance(needed, list) and f"inventory:{REF}" in needed
        return self._after(now)

    def _after(self, now: float) -> float:
        return now + SPACING_S if self._outbox else self._idle_until(now)

    def _given_up(self, answer: Answer, now: float) -> float:
        report = self._outbox.popleft()
        self._tries = 0
        self._inventory_wanted |= "inventory" in report.document["devices"][0]
        self._tally.add(rejected=1)
        reason = answer.body.get("code") or "no reason given"
        logger.warning(
            "%s: report %s dropped: %s %s", self.device.identity.hostname, report.report_id, answer.status, reason
        )
        return self._after(now)

    def _divided(self, answer: Answer, now: float) -> float:
        parts = halves(self._outbox[0].document)
        if parts is None:
            return self._given_up(answer, now)
        self._outbox.popleft()
        self._outbox.extendleft(reversed([self._sealed(part, now) for part in parts]))
        self._tally.add(retried=1)
        return now + SPACING_S

    def _uncompressed(self, now: float) -> float:
        self._may_compress = False
        self._outbox[0] = self._outbox[0].plain()
        self._tally.add(retried=1)
        return now + SPACING_S

    def _again(self, answer: Answer, now: float) -> float:
        self._tally.add(retried=1)
        wait = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(self._tries, 16))
        self._tries += 1
        if answer.retry_after_s is not None:
            # Never sooner than asked, and not all at once.
            return now + max(SPACING_S, answer.retry_after_s) * (1 + 0.5 * self._jitter())
        return now + max(SPACING_S, wait * (0.5 + self._jitter()))

    def _refused(self, answer: Answer, now: float) -> float:
        """The key, the address or the server's settings are wrong: keep everything until somebody mends it."""
        if self._tries == 0:
            logger.warning("%s: refused with %s, spooling", self.device.identity.hostname, answer.status)
        self._tries += 1
        self._tally.add(retried=1)
        return now + REFUSED_WAIT_S

    @property
    def unsent(self) -> int:
        """Reports made and not yet taken."""
        return len(self._outbox)


def _count(body: Any, name: str) -> int:
    number = body.get(name) if isinstance(body, dict) else None
    return number if isinstance(number, int) and not isinstance(number, bool) else 0
