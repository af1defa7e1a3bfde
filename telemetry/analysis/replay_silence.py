"""Run the dead-man's switch over a recorded fleet, from its first report slot to its last."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from telemetry.analysis import hourly
from telemetry.analysis.detectors import presence, silence
from telemetry.analysis.facts import HOUR, Floats
from telemetry.analysis.recorded import Recorded, Recording
from telemetry.analysis.replay import REPEAT_S, Row, Span, Told

Key = tuple[str, int]  # device, site or fleet, and its place in the roster
Opened = dict[Key, tuple[float, float]]  # since when it holds, and when it was last written


class Habits:
    """When a recorded device was to be expected, as it could be known in every hour."""

    def __init__(self, recording: Recording, device: Recorded) -> None:
        times = recording.arrivals(device)
        # A report counts from the slot it was known in: with a clock that is off, the next one.
        self.slots = np.ceil((times - recording.start) / recording.step_s).astype(np.intp)
        self._zone = device.timezone
        self._known = dict(self._learn(recording, times))
        self._hours = sorted(self._known)

    def _learn(self, recording: Recording, times: Floats) -> Iterator[tuple[int, bytes]]:
        row = presence.fresh()[0]
        counts = {hour: rows.stop - rows.start for hour, rows in hourly.by_hour(times)}
        heard = sorted(counts)
        for then, now in zip(heard, heard[1:], strict=False):
            for hour in range(then, now):
                if hour > heard[0] and hour - then <= presence.LONGEST_ABSENCE_H:
                    share = counts.get(hour, 0) * recording.step_s / HOUR
                    presence.learn(row, zone=self._zone, hour=hour, share=share)
            yield now, presence.packed(presence.expected_hours(row))

    def since(self, hour: int) -> float:
        """Start of the stretch of expected hours, as the live switch would have known it in that hour."""
        place = int(np.searchsorted(self._hours, hour, side="right")) - 1
        if place < 0:
            return float("-inf")  # nothing learned: expected, once it has reported
        return presence.expected_since(self._known[self._hours[place]], zone=self._zone, now=hour * HOUR)


def fleet(recording: Recording) -> Told:
    """One row when a silence is raised and one every six hours while it lasts."""
    devices = recording.devices
    roster = silence.Roster.of(
        [device.device_id for device in devices],
        kinds=[device.kind for device in devices],
        sites=[device.site for device in devices],
        parents=[device.parent for device in devices],
        interval_s=[float(recording.step_s)] * len(devices),
    )
    habits = [Habits(recording, device) for device in devices]
    nows = np.arange(recording.start, recording.end + 1, recording.step_s)
    heard = np.array([_last_slot(habit.slots, nows.size) for habit in habits]).reshape(len(devices), nows.size)
    windows = [recording.maintenance.get(device.device_id, ()) for device in devices]
    memory = silence.Memory.of(roster)
    opened: Opened = {}
    told = Told([], [])
    hour, since = -1, np.empty(0)
    for step, now in enumerate(nows.tolist()):
        if now // 3600 != hour:
            hour = now // 3600
            since = np.array([habit.since(hour) for habit in habits])
        last = heard[:, step]
        last_seen = np.where(last >= 0, recording.start + last * float(recording.step_s), np.nan)
        muted = np.array([any(window.holds(now) for window in found) for found in windows])
        seen = silence.sweep(roster, memory, now=float(now), last_seen=last_seen, expected_since=since, muted=muted)
        told.rows.extend(_written(roster, seen, float(now), last_seen, opened, told.spans))
    told.spans.extend(
        _span(roster, key, since, float("inf")) for key, (since, _) in opened.items() if key[0] == "device"
    )
    return told


def _last_slot(slots: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    last = np.full(count, -1, np.intp)
    inside = slots[(slots >= 0) & (slots < count)]
    last[inside] = inside
    return np.maximum.accumulate(last)


def _written(
    roster: silence.Roster, seen: silence.Sweep, now: float, last_seen: Floats, opened: Opened, spans: list[Span]
) -> Iterator[Row]:
    holding = {("device", int(place)) for place in seen.devices} | {("site", int(place)) for place in seen.sites}
    holding |= {("fleet", 0)} if seen.fleet else set()
    for key in sorted(set(opened) - holding):
        since, _ = opened.pop(key)
        if key[0] == "device":
            spans.append(_span(roster, key, since, now))
    for what, place in sorted(holding):
        since, written = opened.get((what, place), (now, -np.inf))
        if now - written < REPEAT_S:
            continue
        opened[what, place] = (since, now)
        if what == "device":
            heard, missed = float(last_seen[place]), int(seen.missed[place])
            yield Row(now, roster.device_ids[place], silence.device_finding(roster, place, heard, missed))
        elif what == "site":
            first = roster.device_ids[int(np.flatnonzero(roster.site == place)[0])]
            yield Row(now, first, silence.site_finding(roster, place, seen.members[place].tolist()))
        else:
            yield Row(now, roster.device_ids[0], silence.collector_finding(seen.soft, len(roster.device_ids)))


def _span(roster: silence.Roster, key: Key, since: float, until: float) -> Span:
    return Span(roster.device_ids[key[1]], silence.DEVICE_KIND, since, until)
