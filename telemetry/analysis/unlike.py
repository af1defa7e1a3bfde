"""What else is unlike itself: every gauge against its own rhythm, and all of them together. Explains, never raises."""

import numpy as np

from telemetry.analysis import localtime, tables
from telemetry.analysis.blob import DeviceState
from telemetry.analysis.detectors import residual, together
from telemetry.analysis.facts import DAY, HOUR, Floats
from telemetry.analysis.hourly import Gauges

LATELY_S = DAY
MOST_NAMED = 6


def watch(state: DeviceState, t: Floats, rows: Gauges, *, zone: str, after: float) -> None:
    """Judge samples newer than `after`, in order. t: (n,); rows: (n, C) gauges of the state's channels."""
    columns = tables.columns(state, "unlike")
    for at, values in zip(t.tolist(), rows[:, columns].astype(np.float64), strict=True):
        if at <= after or not columns:
            continue
        local_s = (at + localtime.offset_s(zone, int(at // HOUR))) % DAY
        days = max(0, int((at - state.first_at) // DAY))
        z = residual.step(state.tables["unlike"], values, local_s=local_s, days=days)
        if at - state.first_at < residual.MARK_AFTER_S:
            continue  # its rhythm is not known yet
        state.tables["unlike"]["marked_at"][z > residual.MARK_Z] = at
        together.step(state.tables["together"][0], z[np.isfinite(values)])


def lately(state: DeviceState, at: float) -> list[str]:
    """Signals that were unlike themselves within the last day, most recent first: what else moved."""
    marked = state.tables["unlike"]["marked_at"]
    recent = [row for row in np.argsort(-marked, kind="stable") if at - marked[row] <= LATELY_S]
    columns = tables.columns(state, "unlike")
    channels = [state.channels[columns[row]] for row in recent[:MOST_NAMED]]
    return [f"{role.name.lower()} {subject}".strip() for role, subject in channels]
