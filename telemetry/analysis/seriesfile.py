"""CSV files of recorded series in, the same with scores out; plain or gzip, a file or a folder of them.

Timestamps are copied as they are. Written to a temporary name first.
"""

import csv
import gzip
import io
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

import numpy as np

from telemetry.analysis.scoring import DeviceScorer, SingleScorer

TIME = "timestamp"
Scorer = Callable[[float, Sequence[float]], float]


class BadSeries(ValueError):
    """The file is no recorded series; the message is one line for people."""


def score(source: Path, target: Path) -> int:
    """Score a file into a file, or every series in a folder into a folder of the same shape; returns how many.

    Files of a folder that do not begin with a timestamp column are no series and are left out. Raises BadSeries.
    """
    if not source.is_dir():
        if not source.is_file():
            raise BadSeries(f"{source}: no such file or folder")
        _score_file(source, target)
        return 1
    names = sorted(path.relative_to(source) for path in source.rglob("*") if path.name.endswith((".csv", ".csv.gz")))
    series = [name for name in names if _is_series(source / name)]
    if not series:
        raise BadSeries(f"{source}: no series found")
    for name in series:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        _score_file(source / name, target / name)
    return len(series)


def epoch(text: str) -> float:
    """Epoch seconds of a number or of an ISO 8601 time, also with a blank for the T; without a zone it is UTC."""
    try:
        return float(text)
    except ValueError:
        at = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def _is_series(path: Path) -> bool:
    with _reading(path) as lines:
        return next(csv.reader(lines), [""])[0] == TIME


def _score_file(source: Path, target: Path) -> None:
    partial = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with _reading(source) as lines, _writing(partial, gzipped=target.name.endswith(".gz")) as out:
            csv.writer(out, lineterminator="\n").writerows(_scored(source.name, csv.reader(lines)))
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def _scored(name: str, rows: Iterator[list[str]]) -> Iterator[list[str]]:
    header = next(rows, [])
    if len(header) < 2 or header[0] != TIME:
        raise BadSeries(f"{name}: the first column must be {TIME!r}, with a value column after it")
    single = len(header) == 2
    yield [*header, "score"] if single else [TIME, "score"]
    scorer = _scorer(header[1:])
    for number, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise BadSeries(f"{name}, line {number}: {len(row)} columns, not {len(header)}")
        try:
            told = scorer(epoch(row[0]), [float(text) if text.strip() else np.nan for text in row[1:]])
        except ValueError as wrong:
            raise BadSeries(f"{name}, line {number}: {wrong}") from wrong
        kept = row if single else row[:1]
        yield [*kept, f"{told:.6f}"]


def _scorer(names: Sequence[str]) -> Scorer:
    if len(names) == 1:
        single = SingleScorer()
        return lambda t, values: single.score(t, values[0])
    device = DeviceScorer(names)
    return lambda t, values: device.score(t, np.array(values))


def _reading(path: Path) -> TextIO:
    if path.name.endswith(".gz"):
        return gzip.open(path, "rt", encoding="utf-8", newline="")
    return path.open(newline="", encoding="utf-8")


@contextmanager
def _writing(path: Path, *, gzipped: bool) -> Iterator[TextIO]:
    if not gzipped:
        with path.open("w", newline="", encoding="utf-8") as plain:
            yield plain
        return
    # No name and no time in the header: equal scores give equal bytes.
    with (
        path.open("wb") as raw,
        gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as packed,
        io.TextIOWrapper(packed, encoding="utf-8", newline="") as text,
    ):
        yield text
