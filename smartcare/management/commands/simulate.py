"""The reference agent: simulated devices post native reports over HTTP."""

import json
import signal
import threading
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from smartcare.simulator.fleet import Progress, Result, run_fleet
from smartcare.simulator.keyfile import read
from smartcare.simulator.plan import DeviceSpec


class Command(BaseCommand):
    help = "Simulated devices with real degradations and harmless look-alikes report over HTTP until Ctrl-C."
    requires_system_checks: list[str] = []  # a stranger to this installation: it needs an address and keys

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--url", required=True, help="address of the server, without /ingest")
        parser.add_argument("--keys", required=True, type=Path, help="what `seed --json` printed, or {device: key}")
        parser.add_argument("--devices", type=int, help="only the first N of the file; all by default")
        parser.add_argument("--interval", type=float, default=300, help="seconds of simulated time between readings")
        parser.add_argument(
            "--speed", type=float, default=1, help="times faster until the clock has caught up with now"
        )
        parser.add_argument("--history", type=float, default=24, help="hours ago at which that clock begins")
        parser.add_argument("--seed", type=int, default=7, help="another seed, another fleet")
        parser.add_argument(
            "--present", type=_instant, help="RFC 3339: what an earlier run printed, to go on with that fleet's life"
        )
        parser.add_argument("--seconds", type=float, help="stop after so many seconds of real time")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with _stopped_by_signals() as stop:
                result = run_fleet(
                    options["url"],
                    self._devices(options["keys"], options["devices"]),
                    stop=stop,
                    interval_s=options["interval"],
                    speed=options["speed"],
                    seed=options["seed"],
                    history_s=options["history"] * 3600,
                    present=options["present"],
                    seconds=options["seconds"],
                    on_progress=self._show if self.stderr.isatty() else None,
                )
        except (ValueError, OSError) as error:
            raise CommandError(str(error)) from error
        if self.stderr.isatty():
            self.stderr.write("")
        self.stdout.write(json.dumps(_summary(result)))

    def _devices(self, keys: Path, wanted: int | None) -> list[DeviceSpec]:
        devices = read(keys)
        if wanted is not None and not 1 <= wanted <= len(devices):
            raise ValueError(f"{keys} holds the keys of {len(devices)} devices, not of {wanted}")
        return devices[:wanted]

    def _show(self, progress: Progress) -> None:
        totals, clock = progress.totals, datetime.fromtimestamp(progress.simulated, UTC)
        self.stderr.write(
            f"\r{clock:%Y-%m-%d %H:%M} UTC  {progress.devices} devices  {totals.accepted} accepted"
            f"  {totals.rejected} rejected  {totals.retried} retried ",
            ending="",
        )
        self.stderr.flush()


def _instant(text: str) -> float:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(text)
    return moment.timestamp()


@contextmanager
def _stopped_by_signals() -> Iterator[threading.Event]:
    """An event that Ctrl-C and SIGTERM set: the fleet ends in order and its result is still printed."""
    stop = threading.Event()
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _summary(result: Result) -> dict[str, float | str]:
    totals = result.totals
    return {
        "accepted": totals.accepted,
        "duplicates": totals.duplicates,
        "rejected": totals.rejected,
        "retried": totals.retried,
        "seconds": round(result.seconds, 1),
        "samples": totals.samples,
        "items_rejected": totals.items_rejected,
        "lost": totals.lost,
        "unsent": result.unsent,
        "present": datetime.fromtimestamp(result.present, UTC).isoformat(),
    }
