"""`detect`: every device of a recorded fleet through the live engine, on one core or several, with the same result."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from pathlib import Path

from telemetry.analysis import recorded, replay, replay_silence
from telemetry.analysis.recorded import Recorded, Recording
from telemetry.analysis.replay import Row, Told
from telemetry.analysis.trend import Factors

Progress = Callable[[int, int], None]


def detect(folder: Path, *, factors: Factors, jobs: int = 1, progress: Progress = lambda done, of: None) -> list[Row]:
    """All rows for alerts.csv. progress: called with sites done and sites in all. Raises BadRecording."""
    recording = recorded.read(folder)
    groups = _by_site(recording)
    told = Told([], [])
    for done, one in enumerate(_each(recording, groups, factors, jobs), start=1):
        told.rows.extend(one.rows)
        told.spans.extend(one.spans)
        progress(done, len(groups))
    silent = replay_silence.fleet(recording)
    both = Told(told.rows + silent.rows, told.spans + silent.spans)
    return replay.without_explained(both, {device.device_id: device.parent for device in recording.devices})


def _by_site(recording: Recording) -> list[Sequence[Recorded]]:
    groups: dict[str, list[Recorded]] = {}
    for device in recording.devices:
        groups.setdefault(device.site, []).append(device)
    return list(groups.values())


def _each(recording: Recording, groups: Sequence[Sequence[Recorded]], factors: Factors, jobs: int) -> Iterator[Told]:
    if jobs <= 1:
        yield from map(replay.site, repeat(recording), groups, repeat(factors))
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(replay.site, repeat(recording), groups, repeat(factors))
