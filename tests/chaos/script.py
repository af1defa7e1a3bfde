"""What each device of a run says, as a function of its name and of how many reports it has made: nothing is left to chance.

Faults last for many reports, so that a batch of any size sees them; some end, some do not.
"""

import json
import uuid
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

INTERVAL_S = 300  # promised: so long that no outage of a run is a silence
PARTS = ("fan", "psu")
SAMPLES_A_DEVICE = 6


@dataclass(frozen=True)
class Fault:
    """From report number `start` up to `end`, 0 for without end."""

    start: int
    end: int = 0

    def holds(self, n: int) -> bool:
        return self.start <= n and not 0 < self.end <= n


def fault(serial: str, part: str) -> Fault | None:
    """Of five devices two have a fault that stays, two one that passes, and one none; fans and power supplies differ."""
    number = zlib.crc32(f"{serial} {part}".encode())
    start = 6 + number % 9
    return (None, Fault(start), Fault(start, start + 30), Fault(start + 4), Fault(start, start + 24))[number // 16 % 5]


def states(serial: str, n: int) -> dict[str, str]:
    found = {part: fault(serial, part) for part in PARTS}
    return {part: "failed" if one is not None and one.holds(n) else "ok" for part, one in found.items()}


def device(serial: str, n: int, ref: str) -> dict[str, Any]:
    said = states(serial, n)
    samples: list[dict[str, Any]] = [
        *({"m": f"{part}.status", "i": f"{part}/1", "s": said[part]} for part in PARTS),
        {"m": "device.cpu.utilization", "i": "cpu/1", "v": (n % 50) / 100},
        {"m": "fan.speed", "i": "fan/1", "v": 3000 + n % 7},
        *({"m": "if.io", "i": "if/Gi1/0/1", "l": {"dir": way}, "v": 1_000 * n} for way in ("rx", "tx")),
    ]
    assert len(samples) == SAMPLES_A_DEVICE
    return {"ref": ref, "identity": {"serial": serial}, "samples": samples}


def report(serials: list[str], n: int, at: float) -> dict[str, Any]:
    """Report number `n` of a sender, made at `at` (seconds since 1970)."""
    return {
        "schema": "smartcare.report/1",
        "report_id": str(uuid.uuid4()),
        "seq": n,
        "sent_at": datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "interval_s": INTERVAL_S,
        "devices": [device(serial, n, f"d{i}") for i, serial in enumerate(serials)],
    }


def as_sent(document: dict[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()
