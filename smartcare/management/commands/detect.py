"""Detectors on a recorded fleet, without a database."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from telemetry.analysis import alertfile, calibration, detection
from telemetry.analysis.recorded import BadRecording
from telemetry.analysis.trend import Factors


class Command(BaseCommand):
    help = "Run the detectors over a recorded fleet (format smartcare.fleet/1) and write what they raise."
    requires_system_checks: list[str] = []  # needs no installation

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--input", required=True, type=Path, metavar="DIR", help="folder of the recorded fleet")
        parser.add_argument("--out", required=True, type=Path, metavar="alerts.csv")
        parser.add_argument("--factors", type=Path, metavar="FILE", help="conformal factors made by `calibrate`")
        parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes to share the work (1)")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            factors = calibration.load(options["factors"]) if options["factors"] else Factors()
            rows = detection.detect(
                options["input"], factors=factors, jobs=options["jobs"], progress=self.show_progress
            )
            alertfile.write(options["out"], rows)
        except (BadRecording, calibration.BadFactors) as wrong:
            raise CommandError(str(wrong), returncode=2) from wrong
        except OSError as wrong:
            raise CommandError(f"{wrong.filename}: {wrong.strerror}", returncode=2) from wrong

    def show_progress(self, done: int, of: int) -> None:
        if self.stderr.isatty():
            self.stderr.write(f"\r{done} of {of} sites", ending="\n" if done == of else "")
