"""Anomaly scores for recorded series, without a database."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from telemetry.analysis import seriesfile


class Command(BaseCommand):
    help = "Write an anomaly score, 0 to 1, beside every row of a recorded series, or of a folder of them."
    requires_system_checks: list[str] = []  # needs no installation

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--input", required=True, type=Path, metavar="FILE.csv", help="series file or folder")
        parser.add_argument(
            "--out", required=True, type=Path, metavar="scores.csv", help="file, or folder for a folder"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            seriesfile.score(options["input"], options["out"])
        except seriesfile.BadSeries as wrong:
            raise CommandError(str(wrong), returncode=2) from wrong
        except (OSError, EOFError, UnicodeDecodeError) as wrong:
            raise CommandError(f"{options['input']}: {wrong}", returncode=2) from wrong
