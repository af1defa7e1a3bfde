"""Conformal factors from a recorded fleet whose truth is known, without a database."""

import os
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from telemetry.analysis import calibration, detection
from telemetry.analysis.recorded import BadRecording
from telemetry.analysis.trend import FACTOR_VERSION, Factors


class Command(BaseCommand):
    help = "Fit the factors that make dates honest, on a recorded fleet whose failures are known."
    requires_system_checks: list[str] = []  # needs no installation

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--input", required=True, type=Path, metavar="DIR", help="folder of the recorded fleet")
        parser.add_argument("--truth", required=True, type=Path, metavar="truth.csv")
        parser.add_argument("--out", required=True, type=Path, metavar="factors.json")
        parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes to share the work (1)")

    def handle(self, *args: Any, **options: Any) -> None:
        target: Path = options["out"]
        partial = target.with_name(f".{target.name}.{os.getpid()}.part")
        try:
            truth = calibration.read_truth(options["truth"])
            made_with = Factors()
            rows = detection.detect(options["input"], factors=made_with, jobs=options["jobs"])
            fitted = calibration.fit(calibration.ratios(rows, truth, made_with), version=FACTOR_VERSION + 1)
            partial.write_text(calibration.dumps(fitted))
            partial.replace(target)
        except (BadRecording, calibration.BadTruth) as wrong:
            raise CommandError(str(wrong), returncode=2) from wrong
        except OSError as wrong:
            raise CommandError(f"{wrong.filename}: {wrong.strerror}", returncode=2) from wrong
        finally:
            partial.unlink(missing_ok=True)
