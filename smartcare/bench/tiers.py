"""What the tiers cost: a day of reports at five minutes, compacted; bytes, processor time, and reading it back."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.db import connection
from django.utils import timezone

from access.models import Category
from access.principal import job
from smartcare.bench import store
from smartcare.bench.bodies import SAMPLES
from smartcare.bench.cost import Meter
from smartcare.bench.ours import Place, batched, postmaster
from telemetry import samples
from telemetry.ingest import keys, timing
from telemetry.ingest.accept import accept
from telemetry.ingest.answers import Receipt
from telemetry.ingest.batch import NATIVE, RequestMeta
from telemetry.ingest.formats import native
from telemetry.samples.tables import TABLES

STEP_S: Final = 300
DAYS_AGO: Final = 4
READS: Final = 30


def measure(place: Place, say: Callable[[str], None]) -> dict[str, Any]:
    """One site's devices over one day that is over: stored late, compacted, read back."""
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
        "reads_ms": _reads(place, midnight),
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


def _reads(place: Place, midnight: float) -> dict[str, float]:
    """Milliseconds, the median of many reads, of the first device; whole calls, the database included."""
    with job(place.customer):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT number FROM telemetry_devicestay WHERE customer_id = %s ORDER BY number LIMIT 1",
                [place.customer],
            )
            stay = int(cursor.fetchone()[0])
        news = samples.news({stay: 0})
        samples.keep_latest({number: one.health for number, one in news.items()}, Category.HEALTH)
        found = {"latest_of_a_device": _median_ms(lambda: samples.hot.newest_of([stay], Category.HEALTH))}
        tables = TABLES[Category.HEALTH]
        day = datetime.fromtimestamp(midnight, UTC).date()
        found["block_of_a_day"] = _median_ms(lambda: samples.blocks.blocks_of(tables, [stay], day, day))
        found["hours_of_a_day"] = _median_ms(lambda: samples.blocks.hours_of(tables, [stay], day, day))
    return found


def _median_ms(read: Callable[[], object]) -> float:
    times = []
    for _ in range(READS):
        started = time.perf_counter()
        read()
        times.append(time.perf_counter() - started)
    return round(sorted(times)[READS // 2] * 1000, 2)
