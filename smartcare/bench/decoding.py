"""What decoding costs by itself: microseconds of one core per report, the best of several rounds."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from django.utils import timezone

from smartcare.bench.bodies import SAMPLES, Switch, report_of
from telemetry.ingest import limits, timing
from telemetry.ingest.batch import NATIVE, RequestMeta
from telemetry.ingest.formats import native

ROUNDS: Final = 7
CALLS: Final = 100


def measure() -> dict[str, float]:
    now = timezone.now()
    meta = RequestMeta(format=NATIVE, content_type=native.JSON_TYPE, received_at=now, limits=limits.COLLECTOR)
    one = report_of([Switch("BENCH", 1)], now.timestamp())
    twenty = report_of([Switch(f"BENCH{n}", n) for n in range(20)], now.timestamp())
    batch = native.decode(one, meta)
    return {
        "bytes": len(one),
        "samples": SAMPLES,
        "native": _best(lambda: native.decode(one, meta)),
        "native_batch_of_20_per_device": round(_best(lambda: native.decode(twenty, meta)) / 20, 1),
        "time_correction": _best(lambda: timing.correct(batch, meta)),
    }


def _best(call: Callable[[], object]) -> float:
    """Microseconds of processor time."""
    times = []
    for _ in range(ROUNDS):
        started = time.thread_time()
        for _ in range(CALLS):
            call()
        times.append((time.thread_time() - started) / CALLS)
    return round(min(times) * 1e6, 1)
