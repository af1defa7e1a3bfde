"""Reports for the benchmark: a switch with 50 series, 35 of health and 15 of traffic, that live a little.

Values move as those of real equipment do (temperatures in tenths, loads in hundredths, counters by what a port carried),
because what they compress to is part of what is measured.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

PORTS: Final = 5
SAMPLES: Final = 50
HEALTH: Final = 35
TRAFFIC: Final = 15


@dataclass(slots=True)
class Switch:
    """One simulated device; `report(at)` is what it would say then. serial: what its key's device is known by."""

    serial: str
    seed: int
    interval_s: int = 300
    chance: random.Random = field(init=False)
    level: dict[str, float] = field(init=False)
    counted: dict[str, int] = field(init=False)
    seq: int = 0

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)  # noqa: S311 - a simulation
        self.level = {"cpu": 0.2, "used": 4.1e8, **{f"t{n}": 30.0 + 3 * n for n in range(5)}, "rpm": 3000.0}
        self.counted = {}

    def samples(self) -> list[dict[str, Any]]:
        drift = self.chance.gauss
        level = self.level
        level["cpu"] = min(0.95, max(0.02, level["cpu"] + drift(0, 0.02)))
        level["used"] = max(1e8, level["used"] + int(drift(0, 2e5)))
        level["rpm"] += drift(0, 10)
        for name in ("t0", "t1", "t2", "t3", "t4"):
            level[name] += drift(0, 0.1)
        used = int(level["used"])
        said: list[dict[str, Any]] = [
            {"m": "device.cpu.utilization", "i": "cpu/1", "v": round(level["cpu"], 2)},
            {"m": "device.memory.usage", "i": "pool/system", "l": {"state": "used"}, "v": used},
            {"m": "device.memory.usage", "i": "pool/system", "l": {"state": "free"}, "v": 2**30 - used},
            *({"m": "sensor.temperature", "i": f"sensor/{n}", "v": round(level[f"t{n}"], 1)} for n in range(5)),
            {"m": "fan.speed", "i": "fan/1", "v": int(level["rpm"])},
            *({"m": "fan.status", "i": f"fan/{n}", "s": "ok"} for n in range(1, 3)),
            *({"m": "psu.status", "i": f"psu/{n}", "s": "ok"} for n in range(1, 3)),
            {"m": "poe.usage", "i": "poe/1", "v": round(61 + drift(0, 0.5), 1)},
            {"m": "optic.power", "i": "if/Te1/1/1", "l": {"dir": "rx"}, "v": round(-5.2 + drift(0, 0.03), 2)},
        ]
        for port in range(1, PORTS + 1):
            name = f"if/Gi1/0/{port}"
            said.append({"m": "if.oper_status", "i": name, "s": "up"})
            busy = self.chance.random() * port
            for direction in ("rx", "tx"):
                labels = {"dir": direction}
                said.append({"m": "if.io", "i": name, "l": labels, "v": self._count(name + direction, 4e8 * busy)})
            said.append(
                {
                    "m": "if.packets",
                    "i": name,
                    "l": {"dir": "rx", "cast": "unicast"},
                    "v": self._count(name + "p", 5e5 * busy),
                }
            )
            said.append({"m": "if.errors", "i": name, "l": {"dir": "rx"}, "v": self._count(name + "e", 0.1)})
            said.append({"m": "if.discards", "i": name, "l": {"dir": "tx"}, "v": self._count(name + "d", 3)})
            said.append({"m": "if.speed", "i": name, "v": 1e9})
        return said

    def _count(self, name: str, mean: float) -> int:
        grown = int(max(0.0, self.chance.gauss(mean, mean / 4)) + self.chance.random())
        self.counted[name] = self.counted.get(name, 10_000_000) + grown
        return self.counted[name]

    def device(self, ref: str = "d1") -> dict[str, Any]:
        return {
            "ref": ref,
            "identity": {"serial": self.serial},
            "samples": self.samples(),
        }

    def report(self, at: float) -> bytes:
        return report_of([self], at)


def report_of(switches: list[Switch], at: float) -> bytes:
    """One native report of these devices, made at `at` (seconds since 1970)."""
    first = switches[0]
    first.seq += 1
    # Random, but the same for the same seed: a run can be repeated byte for byte.
    report_id = UUID(int=first.chance.getrandbits(128), version=4)
    report = {
        "schema": "smartcare.report/1",
        "report_id": str(report_id),
        "seq": first.seq,
        "sent_at": datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "interval_s": first.interval_s,
        "devices": [switch.device(f"d{n}") for n, switch in enumerate(switches, start=1)],
    }
    return json.dumps(report, separators=(",", ":")).encode()


def rounds(switches: list[Switch], since: float, step_s: float) -> Iterator[tuple[Switch, bytes]]:
    """Reports without end: each device once per round, rounds `step_s` apart."""
    at = since
    while True:
        for switch in switches:
            yield switch, switch.report(at)
        at += step_s
