"""alerts.csv: what `detect` writes. To a temporary name first, so that a reader never sees half a file."""

import csv
import os
from collections.abc import Iterable
from pathlib import Path

from telemetry.analysis.replay import Row

HEADER = ("device", "kind", "time", "eta_lo", "eta", "eta_hi", "severity", "subject")


def write(path: Path, rows: Iterable[Row]) -> None:
    """Times in epoch seconds; an empty date where there is none. Raises OSError if the file cannot be written."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with partial.open("w", newline="") as lines:
            writer = csv.writer(lines, lineterminator="\n")
            writer.writerow(HEADER)
            for row in rows:
                finding = row.finding
                dates = [_whole(date) for date in (finding.eta_lo, finding.eta, finding.eta_hi)]
                writer.writerow([row.device, finding.kind, _whole(row.time), *dates, finding.severity, finding.subject])
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _whole(seconds: float | None) -> str:
    return "" if seconds is None else str(round(seconds))
