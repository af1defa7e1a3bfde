"""The whole product on one machine. `manage.py demo` starts the servers first (smartcare/launch.py) and then this."""

import argparse
import json
import time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from smartcare.demo import live
from smartcare.demo.check import run
from smartcare.demo.children import ChildEnded
from smartcare.demo.readiness import NotReady
from smartcare.demo.stage import Addresses

SPEED = 1440.0  # a day a minute


class Command(BaseCommand):
    help = (
        "Start SmartCare with everything it needs, a cast of customers and partners, and simulated devices; "
        "with --check, see the whole way of a report over HTTP and stop."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=8000, help="of the web server, 8000 by default")
        parser.add_argument(
            "--speed",
            type=float,
            default=SPEED,
            help=f"times faster until the devices have caught up, {SPEED:g} by default",
        )
        parser.add_argument("--fresh", action="store_true", help="throw away what an earlier demonstration has left")
        parser.add_argument("--check", action="store_true", help="check the whole way by itself, for at most 120 s")
        # Given by smartcare/launch.py, which has to know them before the settings are read.
        for name in ("--receiver-port", "--mail-port"):
            parser.add_argument(name, type=int, help=argparse.SUPPRESS)
        parser.add_argument("--data", type=Path, metavar="DIR", help="keep its data there, not in .data/")
        parser.add_argument("--began", type=float, default=time.time(), help=argparse.SUPPRESS)

    def handle(self, *args: Any, **options: Any) -> None:
        if options["data"] is None:
            raise CommandError("Start it with `python3 manage.py demo`: it brings servers of its own.")
        if not options["speed"] >= 1:
            raise CommandError("The speed is at least 1")
        addresses = Addresses(options["port"], options["receiver_port"], options["mail_port"], options["data"])
        if options["check"]:
            self._check(addresses, began=options["began"])
            return
        try:
            live.run(addresses, speed=options["speed"], say=self._say, announce=self._announce)
        except (ChildEnded, NotReady) as error:
            raise CommandError(str(error)) from error

    def _check(self, addresses: Addresses, *, began: float) -> None:
        outcome = run.run(addresses, began=began, say=self._say)
        self._announce("", json.dumps(outcome.line))
        if outcome.reason:
            raise CommandError(outcome.reason)

    def _say(self, who: str, text: str) -> None:
        self.stderr.write(f"{who:>8} | {text}")

    def _announce(self, who: str, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()
