"""Made-up devices for the analysis tests: a timeline of samples, cut into blocks as a test wants them."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from telemetry.analysis import engine
from telemetry.analysis.facts import DAY, DeviceFacts, Event, Interval, SeriesData, SeriesKey

START = 1_767_571_200.0  # Monday 2026-01-05 00:00 UTC
STEP = 300

MEMORY = SeriesKey("device.memory.utilization", "pool/main")
FLASH_USED = SeriesKey("fs.usage", "disk/flash", (("state", "used"),))
FLASH_LIMIT = SeriesKey("fs.limit", "disk/flash")
TEMPERATURE = SeriesKey("sensor.temperature", "sensor/1")
RAIL = SeriesKey("sensor.voltage", "sensor/12v")
LIGHT = SeriesKey("optic.power", "if/0", (("dir", "rx"),))
LIGHT_LIMIT = SeriesKey("optic.power.limit", "if/0", (("limit", "low.critical"),))
POE = SeriesKey("poe.usage", "poe/1")
POE_LIMIT = SeriesKey("poe.limit", "poe/1")
UPTIME = SeriesKey("device.uptime")
FAN = SeriesKey("fan.speed", "fan/1")
FAN_STATUS = SeriesKey("fan.status", "fan/1")
LOSS = SeriesKey("icmp.loss", "target/gateway")


def times(days: float, *, start: float = START, step: int = STEP):
    return start + step * np.arange(round(days * DAY / step), dtype=np.float64)


def device(
    series: Mapping[SeriesKey, np.ndarray],
    t: np.ndarray,
    *,
    device_id: str = "dev-1",
    events: tuple[Event, ...] = (),
    maintenance: tuple[Interval, ...] = (),
    sequence: int = 0,
    timezone: str = "UTC",
    bits: int = 64,
) -> DeviceFacts:
    return DeviceFacts(
        device_id=device_id,
        kind="switch",
        interval_s=STEP,
        timezone=timezone,
        series={key: SeriesData(t, np.asarray(v, np.float64) * np.ones(t.shape), bits) for key, v in series.items()},
        events=events,
        maintenance=maintenance,
        sequence=sequence,
    )


def cut(facts: DeviceFacts, rows: int) -> list[DeviceFacts]:
    """The same facts in blocks of so many rows; events travel with the block that sees them."""
    t = next(iter(facts.series.values())).t
    blocks = []
    for number, start in enumerate(range(0, t.size, rows), start=1):
        piece = slice(start, start + rows)
        shared = t[piece]
        lo, hi = shared[0], shared[-1]
        blocks.append(
            DeviceFacts(
                facts.device_id,
                facts.kind,
                facts.interval_s,
                facts.timezone,
                {key: SeriesData(shared, data.v[piece], data.bits) for key, data in facts.series.items()},
                tuple(e for e in facts.events if lo <= e.seen_at <= hi),
                facts.maintenance,
                number,
            )
        )
    return blocks


def run(facts: DeviceFacts, context: engine.Context | None = None, *, rows: int | None = None) -> engine.Advance:
    """All blocks after one another; the changes of all of them together. Without residuals unless a context says so."""
    context = context or engine.Context(with_residuals=False)
    blocks = [facts] if rows is None else cut(facts, rows)
    state, changes, last = None, [], None
    for block in blocks:
        last = engine.advance(state, block, 0.0, context)
        state = last.state
        changes += last.changes
    assert last is not None
    return engine.Advance(last.state, last.findings, changes, last.expected, last.marked_share)


def kinds(result: engine.Advance) -> set[str]:
    return {change.finding.kind for change in result.changes if change.what == "raised"}


def noise(n: int, size: float, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, size, n)


def recording(folder: Path) -> Path:
    """One switch behind one router for 16 days; the switch leaks memory from day 9 on."""
    t = times(16).astype(np.int64)
    d = (t - t[0]) / DAY
    (folder / "series").mkdir()
    head = {"format": "smartcare.fleet/1", "step_s": 300, "start": int(t[0]), "end": int(t[-1]), "devices": 2, "new": 1}
    (folder / "fleet.json").write_text(json.dumps(head))
    span = f"{t[0]},{t[-1]}"
    (folder / "devices.csv").write_text(
        "device,site,type,parent,timezone,observed_from,observed_to,colour\n"
        f"r1,s1,router,,Europe/Berlin,{span},red\nw1,s1,switch,r1,Europe/Berlin,{span},blue\n"
    )
    (folder / "events.csv").write_text(f"device,time,text\nw1,{t[5] + 1},boot: firmware\nw1,{t[-1] + 1},boot: crash\n")
    (folder / "maintenance.csv").write_text(f"device,start,end\nr1,{t[0] - 10},{t[3]}\n")
    calm = {"mem_pct": 40 + noise(t.size, 0.3), "oper_if1": np.ones(t.size), "unheard_of": np.zeros(t.size)}
    np.savez(folder / "series" / "r1.npz", t=t, **calm)
    leak = 50 + np.clip(d - 9, 0, None) * 5 + noise(t.size, 0.3)
    np.savez(folder / "series" / "w1.npz", t=t, mem_pct=leak)
    return folder
