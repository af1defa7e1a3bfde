"""The cast of the interface page, for demonstrations and acceptance checks."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from smartcare import story
from smartcare.story import schema


class Command(BaseCommand):
    help = "Seed the demo cast into the configured database, once, and say how it signs in."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        schema.require_migrated(self._progress)
        printed = story.seed(self._progress)
        if options["json"]:
            self.stdout.write(json.dumps(printed))
            return
        for name, user in printed["users"].items():
            self.stdout.write(f"{name:6} {user['email']:24} {user['password']}  {user['organization'] or 'staff'}")

    def _progress(self, text: str) -> None:
        self.stderr.write(f"seed: {text}")
