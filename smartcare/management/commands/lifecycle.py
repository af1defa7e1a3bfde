"""Load a catalogue of end-of-sale and end-of-support dates (docs/lifecycle.md)."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from telemetry import lifecycle


class Command(BaseCommand):
    help = "Load end of sale, of support and of security fixes from a catalogue file; models not in it stay unknown."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *, file: Path, **_: Any) -> None:
        try:
            count = lifecycle.load(file)
        except (OSError, UnicodeDecodeError, lifecycle.BadCatalogue) as error:
            raise CommandError(f"{file.name}: {error}. Nothing was loaded") from error
        self.stdout.write(f"{count} models")
