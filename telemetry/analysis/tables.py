"""The detectors' tables in a device's state: which there are, and which row belongs to which channel or port."""

from collections.abc import Callable, Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from telemetry.analysis.blob import DeviceState
from telemetry.analysis.detectors import (
    fan_drift,
    flapping,
    link_errors,
    presence,
    reboot_loop,
    residual,
    time_to_threshold,
    together,
    uplink_capacity,
    wan_loss,
)
from telemetry.analysis.layout import LIMIT_OF, Channel, Role

Rows = NDArray[Any]

# One row per channel of these roles, in the order of the state's channels.
BY_CHANNEL: Mapping[str, tuple[Collection[Role], Callable[[int], Rows]]] = MappingProxyType(
    {
        "trend": (frozenset(time_to_threshold.QUANTITIES), time_to_threshold.fresh),
        "fan": (frozenset({Role.FAN}), fan_drift.fresh),
        "loss": (frozenset({Role.LOSS}), wan_loss.fresh),
        "load": (frozenset({Role.LOAD}), uplink_capacity.fresh),
        "unlike": (frozenset(Role) - frozenset(LIMIT_OF.values()), residual.fresh),
    }
)
BY_PORT: Mapping[str, Callable[[int], Rows]] = MappingProxyType({"link": link_errors.fresh, "flap": flapping.fresh})

DTYPES: Mapping[str, np.dtype[Any]] = MappingProxyType(
    {
        "trend": time_to_threshold.ROW,
        "fan": fan_drift.ROW,
        "loss": wan_loss.ROW,
        "load": uplink_capacity.ROW,
        "unlike": residual.ROW,
        "link": link_errors.ROW,
        "flap": flapping.ROW,
        "boots": reboot_loop.ROW,
        "presence": presence.ROW,
        "together": together.ROW,
    }
)


def begin() -> DeviceState:
    """The state of a device nobody has heard of."""
    rows = {name: make(0) for name, (_, make) in BY_CHANNEL.items()} | {name: make(0) for name, make in BY_PORT.items()}
    return DeviceState(
        tables={**rows, "boots": reboot_loop.fresh(), "presence": presence.fresh(), "together": together.fresh()}
    )


def admit(state: DeviceState, channels: Sequence[Channel], ports: Sequence[str]) -> None:
    """Make room for channels and ports the device has not shown before."""
    new = [channel for channel in channels if channel not in set(state.channels)]
    if new:
        space = np.full((state.pending_t.size, len(new)), np.nan, np.float32)
        state.pending = np.hstack([state.pending.reshape(state.pending_t.size, len(state.channels)), space])
        state.channels += new
        for name, (roles, make) in BY_CHANNEL.items():
            count = sum(role in roles for role, _ in new)
            state.tables[name] = np.concatenate([state.tables[name], make(count)])
    new_ports = [port for port in ports if port not in set(state.ports)]
    if new_ports:
        state.ports += new_ports
        for name, make in BY_PORT.items():
            state.tables[name] = np.concatenate([state.tables[name], make(len(new_ports))])


def columns(state: DeviceState, name: str) -> list[int]:
    """Columns of the open hour that the rows of a table belong to."""
    roles = BY_CHANNEL[name][0]
    return [column for column, (role, _) in enumerate(state.channels) if role in roles]
