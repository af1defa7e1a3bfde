"""Ask the detectors what holds, and let hysteresis decide what that means."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from telemetry.analysis import tables, unlike
from telemetry.analysis.blob import DeviceState
from telemetry.analysis.closing import Due
from telemetry.analysis.context import Context
from telemetry.analysis.detectors import (
    fan_drift,
    flapping,
    link_errors,
    reboot_loop,
    time_to_threshold,
    uplink_capacity,
    wan_loss,
)
from telemetry.analysis.facts import DeviceFacts
from telemetry.analysis.findings import Finding
from telemetry.analysis.hysteresis import Tracks
from telemetry.analysis.layout import Role


class Asking:
    """One round of questions. at: time of the sample that caused it; boundary: end of the last closed hour."""

    def __init__(
        self,
        state: DeviceState,
        tracks: Tracks,
        facts: DeviceFacts,
        context: Context,
        *,
        at: float,
        boundary: float,
    ) -> None:
        self.state, self.tracks, self.facts, self.context = state, tracks, facts, context
        self.at, self.boundary = at, boundary

    def ask(self, due: Due) -> None:
        """Every detector that is due."""
        if due.slot or self.context.is_eager:
            self._ask_trends(slot=due.slot)
        if due.slot:
            self._ask_fans()
        if due.third:
            self._ask_links()
            self._ask_losses()
        self._ask_flaps()
        if due.local_day:
            self._ask_loads()
        self.ask_boots()

    def ask_boots(self) -> None:
        """Restarts are judged at once, without hysteresis and without warm-up."""
        finding = reboot_loop.evaluate(
            self.state.tables["boots"][0],
            at=self.at,
            maintenance=self.facts.maintenance,
            site_boots=self.context.site_boots,
        )
        if finding is not None:
            self.tracks.true(self.at, finding, muted=self._is_maintained(), raise_after=1)
        else:
            self.tracks.false(self.at, (reboot_loop.KIND, "", reboot_loop.RULE), at_once=True)

    def _ask_trends(self, *, slot: bool) -> None:
        rows = self.state.tables["trend"]
        for row, column in zip(rows, tables.columns(self.state, "trend"), strict=True):
            role, subject = self.state.channels[column]
            if not slot and time_to_threshold.has_enough(row):
                continue  # asked between six-hour boundaries for the sake of short histories only
            quantity = time_to_threshold.QUANTITIES[role]
            verdict = time_to_threshold.evaluate(
                row,
                quantity,
                subject,
                at=self.at,
                boundary=self.boundary,
                factors=self.context.factors,
                early=self.context.is_eager,
            )
            key = (quantity.kind, subject, time_to_threshold.RULE)
            if verdict is None:
                continue
            if verdict.finding is None:
                self.tracks.false(self.at, key, at_once=verdict.over)
                continue
            if not self.tracks.is_open(key):
                row["before"] = verdict.before
            self._true(verdict.finding)

    def _ask_fans(self) -> None:
        temperature = self._newest(Role.TEMPERATURE)
        for row, subject in self._rows("fan"):
            found = fan_drift.evaluate(row, subject, temperature=temperature)
            self._answer(found, fan_drift.KIND, subject, fan_drift.RULE)

    def _ask_losses(self) -> None:
        for row, subject in self._rows("loss"):
            found = wan_loss.evaluate(row, subject, early=self.context.is_eager)
            self._answer(found, wan_loss.KIND, subject, wan_loss.RULE)

    def _ask_loads(self) -> None:
        for row, subject in self._rows("load"):
            found = uplink_capacity.evaluate(row, subject, at=self.at, factors=self.context.factors)
            self._answer(found, uplink_capacity.KIND, subject, uplink_capacity.RULE)

    def _ask_links(self) -> None:
        found = link_errors.evaluate(
            self.state.tables["link"],
            self.state.ports,
            at=self.at,
            config_at=self.state.config_at,
            half_duplex=self.context.half_duplex,
            factors=self.context.factors,
        )
        self._settle(found, link_errors.RULE)

    def _ask_flaps(self) -> None:
        found = flapping.evaluate(
            self.state.tables["flap"], self.state.ports, boundary=self.boundary, zone=self.facts.timezone
        )
        self._settle(found, flapping.RULE)

    # ---- answers

    def _rows(self, name: str) -> Iterable[tuple[np.void, str]]:
        for row, column in zip(self.state.tables[name], tables.columns(self.state, name), strict=True):
            yield row, self.state.channels[column][1]

    def _newest(self, role: Role) -> float:
        for row, column in zip(self.state.tables["trend"], tables.columns(self.state, "trend"), strict=True):
            if self.state.channels[column][0] == role:
                return float(row["hours"][-1])
        return float("nan")

    def _settle(self, findings: Iterable[Finding], rule: str) -> None:
        """A rule that looks at all subjects at once: those it does not name are well."""
        named = set()
        for finding in findings:
            named.add((finding.kind, finding.subject, rule))
            self._true(finding)
        for subject in self.tracks.of_rule(rule):
            if subject not in named:
                self.tracks.false(self.at, subject)

    def _answer(self, finding: Finding | None, kind: str, subject: str, rule: str) -> None:
        if finding is not None:
            self._true(finding)
        else:
            self.tracks.false(self.at, (kind, subject, rule))

    def _true(self, finding: Finding) -> None:
        others = unlike.lately(self.state, self.at)
        if others:
            finding = replace(finding, evidence={**finding.evidence, "also_unusual": others})
        is_warming_up = self.at < self.state.first_at + self.context.warm_up_s
        self.tracks.true(self.at, finding, muted=is_warming_up or self._is_maintained())

    def _is_maintained(self) -> bool:
        return any(window.holds(self.at) for window in self.facts.maintenance)
