"""The end of an hour: its samples become hour values and enter the detectors' memories."""

from dataclasses import dataclass

import numpy as np

from telemetry.analysis import hourly, localtime, tables
from telemetry.analysis.blob import DeviceState
from telemetry.analysis.context import Context
from telemetry.analysis.detectors import (
    fan_drift,
    flapping,
    link_errors,
    presence,
    time_to_threshold,
    together,
    uplink_capacity,
    wan_loss,
)
from telemetry.analysis.facts import HOUR, DeviceFacts
from telemetry.analysis.layout import LIMIT_OF, Role

COMMON_MODE_LIMIT = 20.0  # degrees; more is not weather


@dataclass(frozen=True, slots=True)
class Due:
    """What has to be asked after hours have closed."""

    slot: bool = False  # six hours: trends, fans
    third: bool = False  # three hours: links, losses
    local_day: bool = False  # uplinks

    def __or__(self, other: "Due") -> "Due":
        return Due(self.slot or other.slot, self.third or other.third, self.local_day or other.local_day)


def close(state: DeviceState, hour: int, facts: DeviceFacts, context: Context, phase: int) -> Due:
    """Close one hour, with or without samples, and say what became due with it."""
    due = Due(
        slot=(hour + 1 + phase) % time_to_threshold.SLOT_H == 0,
        third=(hour + 1 + phase) % link_errors.EVERY_H == 0,
        local_day=localtime.day(facts.timezone, hour + 1) != localtime.day(facts.timezone, hour),
    )
    summary = hourly.summary(state.pending, len(state.channels))
    _learn_presence(state, hour, facts, summary.reports)
    _close_loads(state, facts.timezone, due)
    state.pending_t, state.pending = np.empty(0), np.empty((0, len(state.channels)), np.float32)
    _close_trends(state, hour, summary, context, due)
    _close_fans_and_losses(state, summary)
    link_errors.push_hour(state.tables["link"])
    together.push_hour(state.tables["together"][0])
    flapping.push_hour(state.tables["flap"], zone=facts.timezone, hour=hour)
    if (hour + 1) % 24 == 0:
        fan_drift.push_day(state.tables["fan"])
        wan_loss.push_day(state.tables["loss"])
        link_errors.push_day(state.tables["link"])
    return due


def _learn_presence(state: DeviceState, hour: int, facts: DeviceFacts, reports: int) -> None:
    """The first hour is cut by its beginning; an absence of days teaches nothing."""
    absent = hour - state.hour  # the open hour is the last one anything was heard in
    if hour > state.first_at // HOUR and absent <= presence.LONGEST_ABSENCE_H:
        share = reports * facts.interval_s / HOUR
        presence.learn(state.tables["presence"][0], zone=facts.timezone, hour=hour, share=share)


def _close_loads(state: DeviceState, zone: str, due: Due) -> None:
    rows = state.tables["load"]
    if state.pending_t.size:
        for row, column in zip(rows, tables.columns(state, "load"), strict=True):
            uplink_capacity.push_samples(row, state.pending_t, state.pending[:, column], zone=zone)
    if due.local_day:
        uplink_capacity.push_day(rows)


def _close_trends(state: DeviceState, hour: int, summary: hourly.Summary, context: Context, due: Due) -> None:
    rows, columns = state.tables["trend"], tables.columns(state, "trend")
    values = np.full(len(columns), np.nan, np.float32)
    signs = np.ones(len(columns), np.float32)
    for row, column in enumerate(columns):
        role, subject = state.channels[column]
        quantity = time_to_threshold.QUANTITIES[role]
        values[row] = (summary.highest if quantity.statistic == "max" else summary.middle)[column]
        signs[row] = quantity.sign
        if role == Role.TEMPERATURE:
            common = context.site_common.get(hour, 0.0)
            values[row] -= np.float32(np.clip(common, -COMMON_MODE_LIMIT, COMMON_MODE_LIMIT))
        limit = (LIMIT_OF.get(role), subject)
        if limit in state.channels:
            newest = summary.newest[state.channels.index(limit)]
            rows["limit"][row] = newest if np.isfinite(newest) else rows["limit"][row]
    time_to_threshold.push_hour(rows, values)
    if due.slot:
        time_to_threshold.push_slot(rows, signs)


def _close_fans_and_losses(state: DeviceState, summary: hourly.Summary) -> None:
    fans = tables.columns(state, "fan")
    fan_drift.push_hour(state.tables["fan"], summary.middle[fans], summary.deviation[fans])
    losses = tables.columns(state, "loss")
    delay = np.full(len(losses), np.nan, np.float32)
    for row, column in enumerate(losses):
        same = (Role.DELAY, state.channels[column][1])
        if same in state.channels:
            delay[row] = summary.mean[state.channels.index(same)]
    wan_loss.push_hour(state.tables["loss"], summary.mean[losses], delay)
