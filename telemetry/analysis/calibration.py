"""Conformal factors: how wrong past predictions of a kind were decides how wide the next range is.

Source: handbook, calibration.
"""

import csv
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from telemetry.analysis.replay import Row
from telemetry.analysis.trend import START_FACTORS, Factors

FEWEST_FAULTS = 20
QUANTILES = (0.1, 0.5, 0.9)
FORMAT = "smartcare.factors/1"

# The kinds that carry dates, by the name a truth file gives the fault. Source: handbook, table of kinds.
FAULTS: Mapping[str, str] = {
    "memory_leak": "memory_exhaustion",
    "flash_fill": "flash_exhaustion",
    "temp_creep": "overheating",
    "psu_degrade": "psu_rail",
    "optics_decay": "optics_decay",
    "poe_budget": "poe_budget",
    "uplink_saturation": "uplink_capacity",
    "link_errors": "link_errors",
}

Ratio = tuple[str, float]  # fault, (true time left) / (predicted time left)


@dataclass(frozen=True, slots=True)
class Fault:
    """What really happened: onset and failure in epoch seconds."""

    device: str
    kind: str
    onset: float
    failure: float


class BadTruth(ValueError):
    """The file holds no truth; the message is one line for people."""


class BadFactors(ValueError):
    """The file holds no factors; the message is one line for people."""


def fit(ratios: Mapping[str, Sequence[Ratio]], *, version: int) -> Factors:
    """Factors by kind from the ratios of closed hits, one weight per fault however many rows it had.

    Kinds with fewer than 20 faults keep their start values.
    """
    fitted = dict(START_FACTORS)
    for kind, pairs in sorted(ratios.items()):
        by_fault: dict[str, list[float]] = defaultdict(list)
        for fault, ratio in pairs:
            if np.isfinite(ratio) and ratio > 0:
                by_fault[fault].append(ratio)
        if len(by_fault) >= FEWEST_FAULTS:
            fitted[kind] = _weighted(list(by_fault.values()))
    return Factors(version, fitted)


def ratios(rows: Iterable[Row], truth: Sequence[Fault], factors: Factors) -> dict[str, list[Ratio]]:
    """What the dated rows of a replay should have said. factors: those the rows were made with."""
    found: dict[str, list[Ratio]] = defaultdict(list)
    for row in rows:
        finding = row.finding
        for fault in truth:
            is_it = fault.device == row.device and FAULTS.get(fault.kind) == finding.kind
            if is_it and finding.eta is not None and fault.onset <= row.time < fault.failure:
                predicted = (finding.eta - row.time) / factors.of(finding.kind)[1]
                if predicted > 0:
                    found[finding.kind].append((fault.device, (fault.failure - row.time) / predicted))
    return found


def read_truth(path: Path) -> list[Fault]:
    """Faults whose failure is known, from a truth file. Raises BadTruth with what is wrong."""
    try:
        with path.open(newline="") as lines:
            faults = [
                Fault(row["device"], row["kind"], float(row["onset"]), float(row["failure"] or "nan"))
                for row in csv.DictReader(lines)
            ]
    except OSError as broken:
        raise BadTruth(f"{path}: {broken.strerror}") from broken
    except (KeyError, ValueError) as broken:
        raise BadTruth(f"{path}: {type(broken).__name__}: {broken}") from broken
    return [fault for fault in faults if np.isfinite(fault.failure)]


def _weighted(groups: Sequence[Sequence[float]]) -> tuple[float, float, float]:
    values = np.array([value for group in groups for value in group])
    weights = np.array([1.0 / len(group) for group in groups for _ in group])
    order = np.argsort(values, kind="stable")
    share = (np.cumsum(weights[order]) - weights[order] / 2) / weights.sum()
    low, middle, high = (round(float(np.interp(q, share, values[order])), 3) for q in QUANTILES)
    return low, middle, high


def dumps(factors: Factors) -> str:
    """The factors as a file's text."""
    table = {kind: list(values) for kind, values in sorted(factors.by_kind.items())}
    return json.dumps({"format": FORMAT, "version": factors.version, "factors": table}, indent=1) + "\n"


def load(path: Path) -> Factors:
    """Factors from a file. Raises BadFactors with what is wrong."""
    try:
        data = json.loads(path.read_text())
    except OSError as broken:
        raise BadFactors(f"{path}: {broken.strerror}") from broken
    except ValueError as broken:
        raise BadFactors(f"{path}: not JSON: {broken}") from broken
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise BadFactors(f"{path}: format is not {FORMAT!r}")
    return Factors(int(data["version"]), {kind: _triple(path, kind, row) for kind, row in data["factors"].items()})


def _triple(path: Path, kind: str, row: Any) -> tuple[float, float, float]:
    if not isinstance(row, list) or len(row) != 3 or not all(isinstance(v, int | float) and v > 0 for v in row):
        raise BadFactors(f"{path}: {kind} needs three positive numbers")
    low, middle, high = sorted(float(value) for value in row)
    return low, middle, high
