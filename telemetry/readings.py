"""Readings as pages and the API show them: charts of a device, its newest values, one series with a step."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import numpy as np

from access import policy
from access.models import Category
from access.viewer import Viewer
from telemetry import samples, vocabulary
from telemetry.analysis.facts import SeriesKey
from telemetry.models import Device
from telemetry.samples import Readings, Series
from telemetry.samples.many import many

TITLES = {
    "device.cpu.utilization": "Processor",
    "device.memory.utilization": "Memory",
    "device.memory.usage": "Memory",
    "fs.usage": "Flash and disks",
    "sensor.temperature": "Temperature",
    "icmp.loss": "Loss to the gateway",
    "icmp.rtt": "Delay to the gateway",
    "if.io": "Traffic",
    "if.errors": "Errors",
    "fan.speed": "Fans",
    "poe.usage": "Power over Ethernet",
    "optic.power": "Received light",
    "sensor.voltage": "Voltage",
    "wifi.clients": "Wi-Fi clients",
    "wifi.channel_utilization": "Wi-Fi channel",
    "battery.charge": "Battery",
    "fw.sessions": "Sessions",
}
NAMES = TITLES | {
    "device.uptime": "Running for",
    "device.reachable": "Answers",
    "device.memory.usage": "Memory, bytes",
    "fs.usage": "Flash and disks, bytes",
    "fs.limit": "Flash and disks, size",
    "sensor.temperature.limit": "Temperature, limit",
    "sensor.current": "Current",
    "sensor.power": "Power drawn",
    "sensor.status": "Sensor",
    "fan.status": "Fan",
    "psu.status": "Power supply",
    "poe.limit": "Power over Ethernet, most",
    "poe.status": "Power over Ethernet, state",
    "poe.port.power": "Power at the port",
    "poe.port.status": "Power at the port, state",
    "battery.time_left": "Battery, time left",
    "stack.member.status": "Member of the stack",
    "if.admin_status": "Port, as configured",
    "if.oper_status": "Port",
    "if.last_change": "Port unchanged for",
    "if.speed": "Port speed",
    "if.packets": "Packets",
    "if.discards": "Packets dropped",
    "if.crc_errors": "Checksum errors",
    "if.flaps": "Port went up or down",
    "optic.temperature": "Optics, temperature",
    "optic.bias": "Optics, laser current",
    "optic.voltage": "Optics, voltage",
    "stp.topology_changes": "Changes of the switching tree",
    "vpn.tunnels": "VPN tunnels",
    "wifi.noise": "Wi-Fi noise",
    "wifi.signal": "Wi-Fi signal",
}
"""What pages call a metric; one that is not here goes by its own name."""
CHARTS_AT_MOST = 8
LINES_AT_MOST = 2  # of many ports the two with the highest readings: four lines in half a page tell nobody anything
READ_AT_MOST = 48  # series of one metric that are looked at for that
BOTH = (Category.HEALTH, Category.TRAFFIC)


def charts(viewer: Viewer, device: Device, *, since: datetime, until: datetime) -> list[dict[str, Any]]:
    """The most telling charts of a device, of the kinds of data the viewer sees; ready for {% chart_lines %}."""
    drawn = []
    for category in BOTH:
        known = samples.series_of(device, viewer, category)
        for found in _by_metric(viewer, device, category, known, since, until):
            drawn.append(_chart(found, since, until))
    drawn.sort(key=lambda c: list(TITLES).index(c["metric"]))
    return [c for c in drawn if any(line["points"] for line in c["series"])][:CHARTS_AT_MOST]


def _by_metric(
    viewer: Viewer, device: Device, category: Category, known: Iterable[Series], since: datetime, until: datetime
) -> list[list[Readings]]:
    wanted: dict[str, list[SeriesKey]] = defaultdict(list)
    for series in known:
        if series.key.metric in TITLES and len(wanted[series.key.metric]) < READ_AT_MOST:
            wanted[series.key.metric].append(series.key)
    if "device.memory.utilization" in wanted:
        wanted.pop("device.memory.usage", None)
    keys = [key for metric in wanted for key in wanted[metric]]
    grouped: dict[str, list[Readings]] = defaultdict(list)
    for found in many(device, viewer, category, keys, start=since, end=until) if keys else ():
        grouped[found.key.metric].append(found)
    return [_highest(lines) for lines in grouped.values()]


def _highest(lines: list[Readings]) -> list[Readings]:
    """The few with the highest mean, in their own order."""
    best = sorted(lines, key=lambda r: float(np.nanmean(r.mean)) if np.isfinite(r.mean).any() else -np.inf)[
        -LINES_AT_MOST:
    ]
    return [line for line in lines if any(line is b for b in best)]


def _chart(found: list[Readings], since: datetime, until: datetime) -> dict[str, Any]:
    first = found[0]
    unit = f"{first.unit}/s" if first.per_second else first.unit
    newest = [float(r.mean[-1]) for r in found if r.mean.size]
    return {
        "metric": first.key.metric,
        "title": TITLES[first.key.metric],
        "unit": unit,
        "now": newest[0] if len(found) == 1 and newest else None,
        "start": since,
        "end": until,
        "limit": None,
        "gap_s": 3 * first.step_s or 1_800,
        "series": [{"label": _name(r.key), "points": _points(r)} for r in found],
    }


def _points(found: Readings) -> list[tuple[Any, ...]]:
    whole = not found.step_s
    return [
        (datetime.fromtimestamp(t, UTC), v) if whole else (datetime.fromtimestamp(t, UTC), v, low, high)
        for t, v, low, high in zip(
            found.t.tolist(), found.mean.tolist(), found.least.tolist(), found.most.tolist(), strict=True
        )
    ]


def _name(key: SeriesKey) -> str:
    words = [key.instance.partition("/")[2] or key.instance, *(value for _, value in key.labels)]
    return " ".join(w for w in words if w) or TITLES.get(key.metric, key.metric)


def latest_rows(viewer: Viewer, device: Device) -> list[dict[str, Any]]:
    """The newest value of each series, by name; states as words."""
    rows = []
    for category in BOTH:
        for reading in samples.latest([device], viewer, category).get(device.pk, ()):
            metric = vocabulary.METRICS.get(reading.key.metric)
            rows.append(
                {
                    "name": NAMES.get(reading.key.metric, reading.key.metric),
                    "instance": reading.key.instance,
                    "labels": ", ".join(value for _, value in reading.key.labels),
                    "value": reading.value,
                    "state": reading.state,
                    "unit": metric.unit if metric else "",
                    "at": datetime.fromtimestamp(reading.at, UTC),
                }
            )
    return sorted(rows, key=lambda r: (r["name"], r["instance"], r["labels"]))


def series(
    viewer: Viewer,
    device: Device,
    metric: str,
    *,
    instance: str | None,
    since: datetime,
    until: datetime,
    step_s: int | None,
) -> dict[str, Any]:
    """One metric for the API. A metric nobody knows, one the device never had, and one that is not shared answer alike: no series."""
    answer: dict[str, Any] = {"metric": metric, "unit": "", "step_s": step_s, "tier": "", "series": []}
    try:
        category = Category(vocabulary.category_of(metric))
    except KeyError:
        return answer
    keys = [
        s.key
        for s in samples.series_of(device, viewer, category)
        if s.key.metric == metric and instance in (None, s.key.instance)
    ]
    for key in keys[:50]:
        found = samples.readings(
            device, viewer, metric, key.instance, key.labels, start=since, end=until, step_s=step_s
        )
        if found is None:
            continue
        answer |= {
            "unit": found.unit + ("/s" if found.per_second else ""),
            "step_s": found.step_s or None,
            "tier": found.tier,
        }
        answer["series"].append({"instance": key.instance, "labels": dict(key.labels), "points": _plain(found)})
    return answer


def kinds_shown(viewer: Viewer, device: Device, metric: str) -> list[Category]:
    """For the viewing log: the kind of data of a metric, if the viewer holds it at the device's site."""
    try:
        category = Category(vocabulary.category_of(metric))
    except KeyError:
        return []
    return [category] if policy.holds(viewer, device.site_id, category) else []


def _plain(found: Readings) -> list[list[Any]]:
    times = [datetime.fromtimestamp(t, UTC).isoformat().replace("+00:00", "Z") for t in found.t.tolist()]
    if found.states:
        words = [
            found.states[int(v)] if 0 <= v < len(found.states) else None for v in np.nan_to_num(found.mean, nan=-1)
        ]
        return [[t, w] for t, w in zip(times, words, strict=True)]
    if not found.step_s:
        return [[t, v] for t, v in zip(times, found.mean.tolist(), strict=True)]
    columns = (found.mean.tolist(), found.least.tolist(), found.most.tolist())
    return [[t, mean, low, high] for t, mean, low, high in zip(times, *columns, strict=True)]
