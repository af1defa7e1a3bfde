"""What the tiers cost: a day of reports at five minutes, compacted; bytes, processor time, and reading it back."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.utils import timezone

from smartcare.bench import reads, store
from smartcare.bench.bodies import SAMPLES
from smartcare.bench.cost import Meter
from smartcare.bench.ours import Place, batched, postmaster
from telemetry import samples
from telemetry.ingest import keys, timing
from telemetry.ingest.accept import accept
from telemetry.ingest.answers import Receipt
from telemetry.ingest.batch import NATIVE, RequestMeta
from telemetry.ingest.formats import native

STEP_S: Final = 300
DAYS_AGO: Final = 4


def measure(place: Place, say: Callable[[str], None], *, days: int = reads.DAYS) -> dict[str, Any]:
    """One site's devices over one day that is over: stored late, compacted, read back. days: of the past that is read."""
    day = datetime.now(UTC).date() - timedelta(days=DAYS_AGO)  # noqa: TID251 - a day of the calendar
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
    reports = _store_day(place, midnight)
    with store.owner() as cursor:
        before = store.Sizes.now(cursor)
        meter = Meter({"database": (postmaster(),)})
        used, own = meter.read(), time.process_time()
        while samples.compact():
            say("compacting")
        seconds = time.process_time() - own + meter.since(used)["database"]
        cursor.execute(
            "VACUUM FULL telemetry_healthblock, telemetry_trafficblock, telemetry_healthrollup, telemetry_trafficrollup"
        )
        after = store.Sizes.now(cursor)
        inside = int(store.ask(cursor, "SELECT sum(octet_length(data)) FROM telemetry_healthblock")) + int(
            store.ask(cursor, "SELECT sum(octet_length(data)) FROM telemetry_trafficblock")
        )
    count = reports * len(place.switches) * SAMPLES
    return {
        "samples": count,
        "interval_s": STEP_S,
        "block_bytes_per_sample": round(inside / count, 2),
        "block_tables_bytes_per_sample": round((after.blocks - before.blocks) / count, 2),
        "hours_tables_bytes_per_sample": round((after.hours - before.hours) / count, 2),
        "compaction_cpu_s_per_million": round(seconds / count * 1e6, 2),
        "reads": reads.measure(place.customer, say, days=days),
    }


def _store_day(place: Place, midnight: float) -> int:
    sender = keys.find(place.collector_key, "header")
    for number in range(86_400 // STEP_S):
        ((_, body),) = batched([place], midnight + number * STEP_S)
        meta = RequestMeta(
            format=NATIVE, content_type=native.JSON_TYPE, received_at=timezone.now(), limits=sender.limits
        )
        (outcome,) = accept([(sender, timing.correct(native.decode(body, meta), meta))])
        if not isinstance(outcome, Receipt):
            raise TypeError(f"a report of the benchmark was refused: {outcome}")
    return number + 1
