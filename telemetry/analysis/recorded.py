"""Recorded fleets of format `smartcare.fleet/1`: read a folder, run the live engine over it, write what was raised.

Needs no database, network or settings. Unknown files, columns and arrays are ignored.
"""

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from telemetry.analysis.facts import DeviceFacts, DeviceKind, Event, Floats, Interval, SeriesData, SeriesKey

FORMAT = "smartcare.fleet/1"
UPLINK = "if/0"
_KINDS: Mapping[str, DeviceKind] = {"firewall": "firewall", "router": "router", "switch": "switch", "ap": "ap"}
_RX = (("dir", "rx"),)

# array: series and the factor that makes it the vocabulary's unit
_ARRAYS: Mapping[str, tuple[SeriesKey, float]] = {
    "cpu": (SeriesKey("device.cpu.utilization", "cpu/1"), 0.01),
    "mem_pct": (SeriesKey("device.memory.utilization", "pool/main"), 0.01),
    "flash_pct": (SeriesKey("fs.utilization", "disk/flash"), 0.01),
    "util_if0": (SeriesKey("if.utilization", UPLINK), 0.01),
    "gw_loss_pct": (SeriesKey("icmp.loss", "", (("target", "gateway"),)), 0.01),
    "gw_latency_ms": (SeriesKey("icmp.rtt", "", (("target", "gateway"),)), 0.001),
    "temp_c": (SeriesKey("sensor.temperature", "sensor/1"), 1.0),
    "uptime_s": (SeriesKey("device.uptime"), 1.0),
    "fan_rpm": (SeriesKey("fan.speed", "fan/1"), 1.0),
    "psu_v": (SeriesKey("sensor.voltage", "sensor/12v"), 1.0),
    "rx_dbm": (SeriesKey("optic.power", UPLINK, _RX), 1.0),
    "rx_sens_dbm": (SeriesKey("optic.power.limit", UPLINK, (("limit", "low.critical"),)), 1.0),
    "poe_w": (SeriesKey("poe.usage", "poe/1"), 1.0),
    "poe_budget_w": (SeriesKey("poe.limit", "poe/1"), 1.0),
    "clients": (SeriesKey("wifi.clients", "radio/1"), 1.0),
}
_PORT_ARRAYS: Mapping[str, tuple[str, tuple[tuple[str, str], ...]]] = {
    "octets": ("if.io", _RX),
    "frames": ("if.packets", _RX),
    "errors": ("if.errors", _RX),
    "discards": ("if.discards", _RX),
    "flaps": ("if.flaps", ()),
    "oper": ("if.oper_status", ()),
}


class BadRecording(ValueError):
    """The folder is not a recorded fleet; the message is one line for people."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """One device of a recording. times: when its reports arrived, epoch seconds by its own clock."""

    device_id: str
    site: str
    kind: DeviceKind
    parent: str
    timezone: str
    observed_from: float
    observed_to: float


@dataclass(frozen=True, slots=True)
class Recording:
    """A folder's tables; series are read device by device."""

    folder: Path
    step_s: int
    start: int
    end: int
    devices: tuple[Recorded, ...]
    events: Mapping[str, tuple[tuple[float, str], ...]]
    maintenance: Mapping[str, tuple[Interval, ...]]

    def facts(self, device: Recorded) -> DeviceFacts:
        """Everything the device ever reported, as one block."""
        arrays = self._arrays(device)
        t = arrays["t"]
        return DeviceFacts(
            device_id=device.device_id,
            kind=device.kind,
            interval_s=self.step_s,
            timezone=device.timezone,
            series=dict(_series(t, arrays)),
            events=_visible(self.events.get(device.device_id, ()), t),
            maintenance=self.maintenance.get(device.device_id, ()),
        )

    def arrivals(self, device: Recorded) -> Floats:
        """Times of the reports that arrived."""
        return self._arrays(device, only=("t",))["t"]

    def _arrays(self, device: Recorded, only: tuple[str, ...] | None = None) -> dict[str, Floats]:
        path = self.folder / "series" / f"{device.device_id}.npz"
        try:
            with np.load(path) as stored:
                arrays = {name: stored[name].astype(np.float64) for name in only or stored.files}
        except (OSError, ValueError, KeyError) as broken:
            raise BadRecording(f"{path.name}: {broken}") from broken
        if "t" not in arrays or any(values.shape != arrays["t"].shape for values in arrays.values()):
            raise BadRecording(f"{path.name}: arrays must have the length of t")
        if (np.diff(arrays["t"]) <= 0).any():
            raise BadRecording(f"{path.name}: t must ascend")
        return arrays


def read(folder: Path) -> Recording:
    """The recording in a folder. Raises BadRecording with what is wrong."""
    try:
        head = json.loads((folder / "fleet.json").read_text())
        if head.get("format") != FORMAT:
            raise BadRecording(f"fleet.json: format is {head.get('format')!r}, not {FORMAT!r}")
        devices = tuple(_device(row) for row in _table(folder / "devices.csv"))
        events: dict[str, list[tuple[float, str]]] = {}
        for row in _table(folder / "events.csv"):
            events.setdefault(row["device"], []).append((float(row["time"]), row["text"]))
        maintenance: dict[str, list[Interval]] = {}
        for row in _table(folder / "maintenance.csv"):
            maintenance.setdefault(row["device"], []).append(Interval(float(row["start"]), float(row["end"])))
        return Recording(
            folder,
            int(head["step_s"]),
            int(head["start"]),
            int(head["end"]),
            devices,
            {name: tuple(sorted(found)) for name, found in events.items()},
            {name: tuple(found) for name, found in maintenance.items()},
        )
    except OSError as broken:
        raise BadRecording(f"{broken.filename}: {broken.strerror}") from broken
    except (KeyError, TypeError, ValueError) as broken:
        if isinstance(broken, BadRecording):
            raise
        raise BadRecording(f"{folder.name}: {type(broken).__name__}: {broken}") from broken


def _table(path: Path) -> Iterator[dict[str, str]]:
    with path.open(newline="") as lines:
        yield from csv.DictReader(lines)


def _device(row: Mapping[str, str]) -> Recorded:
    return Recorded(
        row["device"],
        row["site"],
        _KINDS.get(row["type"], "other"),
        row["parent"],
        row["timezone"] or "UTC",
        float(row["observed_from"]),
        float(row["observed_to"]),
    )


def _visible(events: tuple[tuple[float, str], ...], t: Floats) -> tuple[Event, ...]:
    """An event travels with the first report at or after it; later than the last report it is unknown."""
    rows = np.searchsorted(t, np.array([at for at, _ in events])).tolist()
    return tuple(Event(at, text, float(t[row])) for (at, text), row in zip(events, rows, strict=True) if row < t.size)


def _series(t: Floats, arrays: Mapping[str, Floats]) -> Iterator[tuple[SeriesKey, SeriesData]]:
    for name, values in arrays.items():
        if name in _ARRAYS:
            key, factor = _ARRAYS[name]
            yield key, SeriesData(t, values * factor)
            continue
        what, _, port = name.partition("_if")
        if what in _PORT_ARRAYS and port:
            metric, labels = _PORT_ARRAYS[what]
            is_state = metric == "if.oper_status"
            yield SeriesKey(metric, f"if/{port}", labels), SeriesData(t, 1.0 - values if is_state else values)
