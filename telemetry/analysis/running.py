"""One block being applied to one device, hour by hour: take samples in, close hours, ask the detectors."""

import zlib
from collections.abc import Iterable

import numpy as np

from telemetry.analysis import closing, hourly, signals, tables, unlike
from telemetry.analysis.asking import Asking
from telemetry.analysis.blob import NO_HOUR, DeviceState
from telemetry.analysis.context import Context
from telemetry.analysis.counters import filled
from telemetry.analysis.detectors import flapping, level, link_errors, reboot_loop, time_to_threshold
from telemetry.analysis.detectors.reboot_loop import Boot
from telemetry.analysis.facts import HOUR, DeviceFacts, Event, Floats
from telemetry.analysis.hysteresis import Tracks
from telemetry.analysis.layout import LIMIT_OF, Channel
from telemetry.analysis.signals import Signals

LONGEST_GAP_H = 35 * 24  # after a silence this long no baseline means anything: begin anew
_JUST_AFTER_S = 1e-3


class Run:
    """Use once: construct, `apply`, then read `state` and `tracks`."""

    def __init__(self, state: DeviceState, facts: DeviceFacts, context: Context) -> None:
        self.state, self.facts, self.context = state, facts, context
        self.tracks = Tracks(state.tracks)
        # Spreads the work of a fleet over the six hours between evaluations.
        self.phase = zlib.crc32(facts.device_id.encode()) % time_to_threshold.SLOT_H

    def apply(self) -> None:
        """Take the block in; afterwards `state` and `tracks` are those after it."""
        state = self.state
        seen = signals.read(self.facts, state.carried, after=state.last_at, uplinks=self.context.uplinks)
        boots = reboot_loop.boots_in(state.tables["boots"][0], seen.t, seen.uptime, self.facts.events)
        seen.changes[:, np.isin(seen.t, [boot.seen_at for boot in boots])] = 0.0  # its ports went down with it
        happenings: list[Boot | Event] = [*boots, *self.facts.events]
        happenings.sort(key=lambda what: what.seen_at)
        state.carried = seen.carried
        tables.admit(state, list(seen.gauges), seen.ports)
        level.watch(seen, self._limits(seen), self.tracks, after=state.last_at)
        self._take(seen, happenings)
        self._happen(happenings, float("inf"))
        if seen.t.size:
            state.last_at = max(state.last_at, float(seen.t[-1]))

    def _take(self, seen: Signals, happenings: list[Boot | Event]) -> None:
        table = hourly.matrix(seen.gauges, self.state.channels, seen.t.size)
        hours = list(hourly.by_hour(seen.t))
        errors, frames, flaps, changes = self._by_hour(seen, [rows.start for _, rows in hours])
        for number, (hour, rows) in enumerate(hours):
            first, last = float(seen.t[rows.start]), float(seen.t[rows.stop - 1])
            if hour < self.state.hour:
                continue  # too late for the open hour: history only
            if hour > self.state.hour:
                self._happen(happenings, first)
                self._roll(hour, first)
            state = self.state
            state.pending_t, state.pending = hourly.merged(state, seen.t[rows], table[rows])
            if self.context.with_residuals:
                unlike.watch(state, seen.t[rows], table[rows], zone=self.facts.timezone, after=state.last_at)
            link_errors.add(state.tables["link"], errors[:, number], frames[:, number])
            flapping.add(state.tables["flap"], flaps[:, number], changes[:, number])
            self._happen(happenings, last + _JUST_AFTER_S)

    def _by_hour(self, seen: Signals, starts: list[int]) -> list[Floats]:
        """Sums of the increases by port of the state and hour of the block, each (P, H)."""
        rows = [self.state.ports.index(port) for port in seen.ports]
        sums = []
        for grown in (seen.errors, seen.frames, seen.flaps, seen.changes):
            total = np.zeros((len(self.state.ports), len(starts)))
            if rows and starts:
                total[rows] = np.add.reduceat(grown, starts, axis=1)
            sums.append(total)
        return sums

    def _limits(self, seen: Signals) -> dict[Channel, Floats]:
        """The device's own limits, by the channel they limit: each row with the newest one known by then."""
        limits = {}
        for row, column in zip(self.state.tables["trend"], tables.columns(self.state, "trend"), strict=True):
            role, subject = self.state.channels[column]
            channel = (LIMIT_OF.get(role, role), subject)
            if role in LIMIT_OF and channel in self.state.channels:
                open_hour = self.state.pending[:, self.state.channels.index(channel)]
                earlier = np.append(np.float32(row["limit"]), open_hour)
                whole = np.append(earlier, seen.gauges.get(channel, np.full(seen.t.shape, np.nan, np.float32)))
                limits[role, subject] = filled(whole[None, :], np.full(1, np.nan))[0, earlier.size :]
        return limits

    # ---- hours

    def _roll(self, hour: int, at: float) -> None:
        """Close every hour before `hour` and evaluate what became due; at: the sample that did it."""
        state = self.state
        if state.hour == NO_HOUR:
            state.hour, state.first_at = hour, at
            return
        if hour - state.hour > LONGEST_GAP_H:
            self._begin_anew(hour, at)
            return
        due = closing.Due()
        for ending in range(state.hour, hour):
            due |= closing.close(state, ending, self.facts, self.context, self.phase)
        state.hour = hour
        Asking(state, self.tracks, self.facts, self.context, at=at, boundary=hour * HOUR).ask(due)

    def _begin_anew(self, hour: int, at: float) -> None:
        for subject, _ in self.tracks:
            self.tracks.false(at, subject, at_once=True)
        old, self.state = self.state, tables.begin()
        self.state.hour, self.state.first_at, self.state.carried = hour, at, old.carried
        self.state.sequence, self.state.last_at = old.sequence, old.last_at
        tables.admit(self.state, old.channels, old.ports)

    # ---- restarts and other events

    def _happen(self, happenings: list[Boot | Event], until: float) -> None:
        """Take in what became known before `until`, in order."""
        while happenings and happenings[0].seen_at < until:
            what = happenings.pop(0)
            if isinstance(what, Boot):
                self._restarted(what)
            else:
                self._told([what])

    def _restarted(self, boot: Boot) -> None:
        if reboot_loop.remember(self.state.tables["boots"][0], boot):
            self.state.tables["trend"]["regime"] = boot.at
        Asking(self.state, self.tracks, self.facts, self.context, at=boot.seen_at, boundary=boot.seen_at).ask_boots()

    def _told(self, events: Iterable[Event]) -> None:
        for event in events:
            if "duplex" in event.text.lower():
                self.state.config_at = max(self.state.config_at, event.at)
            flapping.add_event(self.state.tables["flap"], self.state.ports, event)
