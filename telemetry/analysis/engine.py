"""Advance one device by a block of samples: old state and facts in, new state and findings out.

Pure and deterministic: the same state and block give the same bytes, whatever else is computed beside them, and blocks
of any size add up to the same. Live work, replays and `detect` call the same function. Time comes from the data.
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from telemetry.analysis import blob as blobs
from telemetry.analysis import hourly, signals, trend
from telemetry.analysis.blob import NO_HOUR, DeviceState, UnknownState
from telemetry.analysis.detectors import level, reboot_loop, time_to_threshold
from telemetry.analysis.detectors.reboot_loop import Boot
from telemetry.analysis.facts import DAY, HOUR, DeviceFacts
from telemetry.analysis.findings import Finding
from telemetry.analysis.hysteresis import Change, Tracks
from telemetry.analysis.signals import LIMIT_OF, Role, Signals

WARM_UP_S = 2 * DAY
LONGEST_GAP_H = 35 * 24  # after a silence this long no baseline means anything: begin anew
COMMON_MODE_LIMIT = 20.0

DTYPES: Mapping[str, np.dtype[Any]] = {
    "trend": time_to_threshold.ROW,
    "boots": reboot_loop.ROW,
}


@dataclass(frozen=True, slots=True)
class Context:
    """What is not the device's own, as known by the end of the block.

    warm_up_s: nothing but levels and restarts is raised in this time after a device's first sample. Two days by the
    handbook; less only where somebody wants provisional findings from short histories, as a demonstration does.
    uplinks: interfaces whose load is watched. half_duplex: ports that say they run at half duplex. site_common:
    degrees the site's other devices are above their normal, by hour since the epoch. site_boots: (boot, seen) times
    of the site's others.
    """

    warm_up_s: float = WARM_UP_S
    uplinks: frozenset[str] = frozenset()
    half_duplex: frozenset[str] = frozenset()
    site_common: Mapping[int, float] = field(default_factory=dict)
    site_boots: tuple[tuple[float, float], ...] = ()
    factors: trend.Factors = field(default_factory=trend.Factors)


@dataclass(frozen=True, slots=True)
class Advance:
    """state: to be stored. findings: everything that holds now; what is not in here is over.

    changes: what was raised, updated and cleared on the way, oldest first. repeated: the block had been applied before.
    """

    state: bytes
    findings: list[Finding]
    changes: list[Change]
    repeated: bool = False


def advance(state: bytes | None, block: DeviceFacts, now: float, context: Context | None = None) -> Advance:
    """Apply a block to a device's state; None, or a state of another version, begins anew.

    Without a sequence number only samples newer than those already seen count, so a repeated block changes nothing.
    """
    before = _read(state)
    if state is not None and 0 < block.sequence <= before.sequence:
        return Advance(state, Tracks(before.tracks).open_findings(), [], repeated=True)
    run = _Run(before, block, context or Context())
    run.apply()
    after = run.state
    after.sequence = max(after.sequence, block.sequence)
    after.tracks = run.tracks.as_dict()
    changes = sorted(run.tracks.changes, key=lambda change: change.at)
    return Advance(blobs.pack(after, DTYPES), run.tracks.open_findings(), changes)


def _read(state: bytes | None) -> DeviceState:
    if state is not None:
        try:
            return blobs.unpack(state, DTYPES)
        except UnknownState:
            pass
    return DeviceState(tables={"trend": time_to_threshold.fresh(0), "boots": reboot_loop.fresh()})


class _Run:
    """One block being applied to one device."""

    def __init__(self, state: DeviceState, facts: DeviceFacts, context: Context) -> None:
        self.state, self.facts, self.context = state, facts, context
        self.tracks = Tracks(state.tracks)
        self.phase = zlib.crc32(facts.device_id.encode()) % time_to_threshold.SLOT_H

    def apply(self) -> None:
        state = self.state
        seen = signals.read(self.facts, state.carried, after=state.last_at, uplinks=self.context.uplinks)
        boots = reboot_loop.boots_in(state.tables["boots"][0], seen.t, seen.uptime, self.facts.events)
        if seen.t.size == 0:
            self._boots(boots, float("inf"))
            return
        state.carried = seen.carried
        self._admit(seen)
        level.watch(seen, self._limits(), self.tracks, after=state.last_at)
        table = hourly.matrix(seen.gauges, state.channels, seen.t.size)
        for hour, rows in hourly.by_hour(seen.t):
            if hour < state.hour:
                continue  # too late for the open hour: history only
            first = float(seen.t[rows.start])
            if hour > state.hour:
                self._boots(boots, first)
                self._roll(hour, first)
            state.pending_t, state.pending = hourly.merged(state, seen.t[rows], table[rows])
            self._boots(boots, float(seen.t[rows.stop - 1]) + 1e-3)
        state.last_at = max(state.last_at, float(seen.t[-1]))

    # ---- keys

    def _admit(self, seen: Signals) -> None:
        """Make room for channels the device has not shown before."""
        state = self.state
        new = [channel for channel in seen.gauges if channel not in set(state.channels)]
        if not new:
            return
        grown = np.full((state.pending_t.size, len(new)), np.nan, np.float32)
        state.pending = np.hstack([state.pending.reshape(state.pending_t.size, len(state.channels)), grown])
        state.channels += new
        trending = sum(role in time_to_threshold.QUANTITIES for role, _ in new)
        state.tables["trend"] = np.concatenate([state.tables["trend"], time_to_threshold.fresh(trending)])

    def _columns(self, roles: Mapping[Role, Any] | set[Role]) -> list[int]:
        return [column for column, (role, _) in enumerate(self.state.channels) if role in roles]

    def _limits(self) -> dict[signals.Channel, float]:
        rows = self.state.tables["trend"]
        columns = self._columns(time_to_threshold.QUANTITIES)
        return {self.state.channels[column]: float(rows["limit"][i]) for i, column in enumerate(columns)}

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
        slots = False
        for closing in range(state.hour, hour):
            self._close(closing)
            slots |= self._ends_slot(closing)
        state.hour = hour
        self._evaluate(at, hour * HOUR, slots=slots)

    def _begin_anew(self, hour: int, at: float) -> None:
        for subject, _ in self.tracks:
            self.tracks.false(at, subject, at_once=True)
        carried = self.state.carried
        self.state = _read(None)
        self.state.hour, self.state.first_at, self.state.carried = hour, at, carried

    def _ends_slot(self, hour: int) -> bool:
        return (hour + 1 + self.phase) % time_to_threshold.SLOT_H == 0

    def _close(self, hour: int) -> None:
        state = self.state
        summary = hourly.summary(state.pending, len(state.channels))
        state.pending_t, state.pending = np.empty(0), np.empty((0, len(state.channels)), np.float32)
        self._close_trends(hour, summary)

    def _close_trends(self, hour: int, summary: hourly.Summary) -> None:
        rows = self.state.tables["trend"]
        columns = self._columns(time_to_threshold.QUANTITIES)
        if not columns:
            return
        values = np.full(len(columns), np.nan, np.float32)
        signs = np.ones(len(columns), np.float32)
        for i, column in enumerate(columns):
            role, subject = self.state.channels[column]
            quantity = time_to_threshold.QUANTITIES[role]
            values[i] = (summary.highest if quantity.statistic == "max" else summary.middle)[column]
            signs[i] = quantity.sign
            if role == Role.TEMPERATURE:
                common = self.context.site_common.get(hour, 0.0)
                values[i] -= np.clip(common, -COMMON_MODE_LIMIT, COMMON_MODE_LIMIT)
            limit_role = LIMIT_OF.get(role)
            if limit_role is not None and (limit_role, subject) in self.state.channels:
                newest = summary.newest[self.state.channels.index((limit_role, subject))]
                if np.isfinite(newest):
                    rows["limit"][i] = newest
        time_to_threshold.push_hour(rows, values)
        if self._ends_slot(hour):
            time_to_threshold.push_slot(rows, signs)

    # ---- evaluations

    def _muted(self, at: float, *, warm_up: bool = True) -> bool:
        in_warm_up = warm_up and at < self.state.first_at + self.context.warm_up_s
        return in_warm_up or any(window.holds(at) for window in self.facts.maintenance)

    def _tell(
        self, at: float, finding: Finding | None, *, kind: str, subject: str, rule: str, over: bool = False
    ) -> None:
        if finding is not None:
            self.tracks.true(at, finding, muted=self._muted(at))
        else:
            self.tracks.false(at, (kind, subject, rule), at_once=over)

    def _evaluate(self, at: float, boundary: float, *, slots: bool) -> None:
        early = self.context.warm_up_s < WARM_UP_S
        if slots or early:
            self._evaluate_trends(at, boundary, early=early, slots=slots)
        self._evaluate_boots(at)

    def _evaluate_trends(self, at: float, boundary: float, *, early: bool, slots: bool) -> None:
        rows = self.state.tables["trend"]
        for row, column in zip(rows, self._columns(time_to_threshold.QUANTITIES), strict=True):
            role, subject = self.state.channels[column]
            quantity = time_to_threshold.QUANTITIES[role]
            if not slots and time_to_threshold.has_enough(row):
                continue
            verdict = time_to_threshold.evaluate(
                row, quantity, subject, at=at, boundary=boundary, factors=self.context.factors, early=early
            )
            key = (quantity.kind, subject, time_to_threshold.RULE)
            if verdict.finding is not None and not self.tracks.is_open(key):
                row["before"] = verdict.before
            self._tell(
                at, verdict.finding, kind=quantity.kind, subject=subject, rule=time_to_threshold.RULE, over=verdict.over
            )

    # ---- restarts

    def _boots(self, boots: list[Boot], until: float) -> None:
        """Take in restarts that became known before `until`."""
        row = self.state.tables["boots"][0]
        while boots and boots[0].seen_at < until:
            boot = boots.pop(0)
            if reboot_loop.remember(row, boot):
                self.state.tables["trend"]["regime"] = boot.at
            self._evaluate_boots(boot.seen_at)

    def _evaluate_boots(self, at: float) -> None:
        finding = reboot_loop.evaluate(
            self.state.tables["boots"][0],
            at=at,
            maintenance=self.facts.maintenance,
            site_boots=self.context.site_boots,
        )
        key = (reboot_loop.KIND, "", reboot_loop.RULE)
        if finding is not None:
            self.tracks.true(at, finding, muted=self._muted(at, warm_up=False), raise_after=1)
        elif self.tracks.knows(key):
            self.tracks.false(at, key, at_once=True)


def advance_many(devices: list[tuple[bytes | None, DeviceFacts, Context]], now: float) -> list[Advance]:
    """`advance` for each of up to some hundred devices, in their order; no device sees another's facts."""
    return [advance(state, block, now, context) for state, block, context in devices]
