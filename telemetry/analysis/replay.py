"""Run the live engine over a recorded fleet, site by site."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from telemetry.analysis import engine, hourly, recorded, rootcause, sites
from telemetry.analysis.context import Context
from telemetry.analysis.detectors import reboot_loop, silence
from telemetry.analysis.facts import HOUR, DeviceFacts, SeriesKey
from telemetry.analysis.findings import Finding
from telemetry.analysis.hysteresis import Change
from telemetry.analysis.recorded import Recorded, Recording
from telemetry.analysis.trend import Factors

REPEAT_S = 6 * HOUR
_TEMPERATURE = SeriesKey("sensor.temperature", "sensor/1")
_UPTIME = SeriesKey("device.uptime")

Boots = list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of alerts.csv."""

    time: float
    device: str
    finding: Finding


@dataclass(frozen=True, slots=True)
class Span:
    """How long a kind was open on a device."""

    device: str
    kind: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Told:
    """What a replay says: the rows to write, and how long what they speak of was open."""

    rows: list[Row]
    spans: list[Span]


def site(recording: Recording, devices: Sequence[Recorded], factors: Factors) -> Told:
    """What the devices of one site raise, knowing of each other only what a site shares: its weather and its power."""
    facts = [recording.facts(device) for device in devices]
    common = _common_mode(recording, facts)
    boots = [_boots(block) for block in facts]
    told = Told([], [])
    for place, block in enumerate(facts):
        context = Context(
            uplinks=frozenset({recorded.UPLINK}),
            site_common=common[place],
            site_boots=tuple(boot for other, own in enumerate(boots) if other != place for boot in own),
            factors=factors,
            with_residuals=False,
        )
        changes = engine.advance(None, block, 0.0, context).changes
        told.rows.extend(_written(devices[place].device_id, changes))
        told.spans.extend(_spans(devices[place].device_id, changes))
    return told


def without_explained(told: Told, parents: Mapping[str, str]) -> list[Row]:
    """Rows in order of time, without those that an open finding of the device in front explains."""
    causes: dict[str, list[Span]] = {}
    for span in told.spans:
        if span.kind in rootcause.CAUSES:
            causes.setdefault(span.device, []).append(span)
    kept = [
        row
        for row in told.rows
        if row.finding.kind not in rootcause.EFFECTS
        or row.finding.kind == silence.DEVICE_KIND  # the dead-man's switch has asked the device in front itself
        or not any(span.start <= row.time < span.end for span in causes.get(parents.get(row.device, ""), ()))
    ]
    return sorted(kept, key=lambda row: (row.time, row.device, row.finding.kind, row.finding.subject))


def _common_mode(recording: Recording, facts: Sequence[DeviceFacts]) -> list[dict[int, float]]:
    first = recording.start // 3600 - 1  # clocks may be off by minutes
    hours = recording.end // 3600 + 2 - first
    temperatures = np.full((len(facts), hours), np.nan, np.float32)
    for place, block in enumerate(facts):
        series = block.series.get(_TEMPERATURE)
        for hour, rows in hourly.by_hour(series.t) if series is not None else ():
            present = series.v[rows] if series is not None else np.empty(0)
            if 0 <= hour - first < hours and np.isfinite(present).any():
                temperatures[place, hour - first] = np.nanmax(present)
    common = sites.common_mode(temperatures)
    return [{first + hour: float(value) for hour, value in enumerate(row)} for row in common]


def _boots(block: DeviceFacts) -> Boots:
    uptime = block.series.get(_UPTIME)
    if uptime is None:
        return []
    found = reboot_loop.boots_in(reboot_loop.fresh()[0], uptime.t, uptime.v, block.events)
    return [(boot.at, boot.seen_at) for boot in found]


def _written(device: str, changes: Sequence[Change]) -> Iterator[Row]:
    """One row when raised and one at every re-evaluation, one in six hours, while open."""
    written: dict[tuple[str, str], float] = {}
    for change in changes:
        key = (change.finding.kind, change.finding.subject)
        is_due = change.at // REPEAT_S > written.get(key, -np.inf) // REPEAT_S
        if change.what == "raised" or (change.what == "updated" and is_due):
            written[key] = change.at
            yield Row(change.at, device, change.finding)


def _spans(device: str, changes: Sequence[Change]) -> Iterator[Span]:
    since: dict[tuple[str, str, str], float] = {}
    for change in changes:
        key = (change.finding.kind, change.finding.subject, change.finding.rule)
        if change.what == "raised":
            since[key] = change.at
        elif change.what == "cleared" and key in since:
            yield Span(device, change.finding.kind, since.pop(key), change.at)
    for (kind, _, _), start in since.items():
        yield Span(device, kind, start, float("inf"))
