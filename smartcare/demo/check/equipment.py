"""Devices that tell a day of their lives in a few reports, over HTTP, as after a night without a line."""

import os
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.utils import timezone

from smartcare.demo.check.verdict import Broken
from smartcare.demo.words import epoch
from smartcare.simulator.door import Door
from smartcare.simulator.keyfile import parse
from smartcare.simulator.model import Device
from smartcare.simulator.plan import build
from smartcare.simulator.report import MAX_SAMPLES, SCHEMA, Document, device_part, iso, new_id, samples_at, seal

EVERY_S = 300
DAY_S = 86_400 - 900  # what is older than a day raises nothing new
ACCEPTED, LATER = 202, 503
TRIES = 5
SEED = 7  # the fleet of `simulate`


class Equipment:
    """The devices of the cast, with what befalls each (smartcare/simulator)."""

    def __init__(self, address: str, printed: dict[str, Any]) -> None:
        self._door = Door(address)
        specs = parse(printed)
        self._keys = {spec.name: spec.key for spec in specs}
        built = build(specs, seed=SEED, present=epoch(printed["present"]))
        self._devices = {spec.name: device for spec, device in zip(specs, built, strict=True)}
        self._boot = os.urandom(4).hex()

    def tell_a_day(self, name: str) -> tuple[int, datetime]:
        """Post it, oldest first. Returns how many reports were accepted, and the time before the last of them.

        Raises Broken if one was not accepted.
        """
        documents = list(self._documents(self._devices[name]))
        for document in documents:
            last_at = timezone.now()
            self._post(name, document)
        return len(documents), last_at

    def _documents(self, device: Device) -> Iterator[Document]:
        now = time.time()
        samples: list[Document] = []
        told, at = now - DAY_S, now - DAY_S
        seq = 0
        while at <= now:
            taken = samples_at(device, at) if device.reports_at(at) else []
            if len(samples) + len(taken) > MAX_SAMPLES:
                seq += 1
                yield self._document(device, samples, told, at - EVERY_S, seq)
                samples, told = [], at - EVERY_S
            samples += taken
            at += EVERY_S
        yield self._document(device, samples, told, at - EVERY_S, seq + 1)

    def _document(self, device: Device, samples: list[Document], since: float, until: float, seq: int) -> Document:
        return {
            "schema": SCHEMA,
            "report_id": new_id(time.time()),
            "sent_at": iso(time.time()),
            "interval_s": EVERY_S,
            "boot_id": f"{self._boot}-{device.boot_number(until)}",
            "seq": seq,
            "devices": [device_part(device, samples, device.events(since, until))],
        }

    def _post(self, name: str, document: Document) -> None:
        report = seal(document, compress=True)
        for _ in range(TRIES):
            answer = self._door.post(report, self._keys[name], time.time())
            if answer.status == ACCEPTED:
                return
            if answer.status != LATER:
                break
            time.sleep(answer.retry_after_s or 1.0)
        raise Broken(f"a report of {name} was answered {answer.status or 'not at all'} instead of {ACCEPTED}")
