"""Is this installation as the promises need it, and if not, what to do."""

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from smartcare import doctor
from smartcare.doctor import State


class Command(BaseCommand):
    help = "Check configuration, database, broker, mail and queues; say what to do. Exit code 1 on a fault."
    requires_system_checks: list[str] = []  # they are among its findings

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        found = doctor.examine()
        ok = not any(finding.state is State.FAULT for finding in found)
        if options["json"]:
            self.stdout.write(json.dumps({"ok": ok, "checks": [finding.as_dict() for finding in found]}))
        else:
            self._write(found)
        if not ok:
            sys.exit(1)

    def _write(self, found: list[doctor.Finding]) -> None:
        paint = {State.OK: self.style.SUCCESS, State.FAULT: self.style.ERROR, State.NOTE: self.style.WARNING}
        for finding in found:
            state = paint.get(finding.state, str)(f"{finding.state.upper():8}")
            self.stdout.write(f"{state} {finding.name}: {finding.said}")
            if finding.advice:
                self.stdout.write(f"         {finding.advice}")
