"""`bench ingest`: reports per second and processor seconds per million samples, ours beside the usual way, in one run.

A sample counts when it can be counted in the store, not when its request was answered. Processor time is that of web
server, database and workers from /proc; the load generator is a process of its own and left out. Figures are medians.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import granian

from smartcare.bench import decoding, ours, running, store, tiers, usual
from smartcare.bench.bodies import SAMPLES, Switch
from smartcare.bench.conditions import conditions
from smartcare.bench.cost import Meter
from smartcare.bench.ours import Place
from smartcare.server import THREADS

PATH = "/ingest/v1/reports"
STORED_WITHIN_S = 120.0


@dataclass(frozen=True, slots=True)
class Plan:
    """How much of everything. threads, workers, connections: the same for ours and for the baseline."""

    devices: int = 1_000
    rounds: int = 8
    analysed_rounds: int = 24  # so long that where it begins and ends counts for little
    repeat: int = 3
    connections: int = 32
    threads: int = THREADS  # as `serve` has them
    workers: int = 1
    per_second: float = 400.0
    paced_s: float = 10.0
    baseline_share: float = 0.2
    analysis: bool = True
    days: int = 90

    @classmethod
    def small(cls) -> Plan:
        """Seconds instead of minutes: shows that everything runs, measures nothing."""
        return cls(
            devices=40, rounds=2, analysed_rounds=2, repeat=1, per_second=50, paced_s=1.0, baseline_share=1.0, days=10
        )


type Reports = list[tuple[str, bytes]]
type Say = Callable[[str], None]


def run(plan: Plan, say: Say) -> dict[str, Any]:
    """Everything, in turn. Raises NoOwner; expects a migrated database without organizations."""
    load_before = os.getloadavg()
    say(f"making {plan.devices} devices")
    places = ours.make_fleet(plan.devices)
    clock = _clock()
    found: dict[str, Any] = {"ours": _ours(plan, places, clock, say)}
    say("the usual way: DRF, ORM, one Celery task per report")
    usual.make_database(places)
    found["baseline"] = _usual(plan, places, clock, say)
    found["ratios"] = _ratios(found["ours"], found["baseline"])
    say("tiers")
    found["tiers"] = tiers.measure(places[0], say, days=plan.days)
    found["decoding_us_per_report"] = decoding.measure()
    found["conditions"] = conditions(
        load_before,
        granian=granian.__version__,
        samples_per_report=SAMPLES,
        devices=plan.devices,
        connections=plan.connections,
        web_workers=plan.workers,
        blocking_threads=plan.threads,
        repeat=plan.repeat,
    )
    return found


def _clock() -> Iterator[float]:
    """Times for rounds of reports: two hours ago and on, so that no two rounds are the same."""
    at = time.time() - 7_200
    while True:
        yield at
        at += 10


# ---- ours


def _ours(plan: Plan, places: list[Place], clock: Iterator[float], say: Say) -> dict[str, Any]:
    found: dict[str, Any] = {}
    with ours.served(threads=plan.threads, workers=plan.workers) as (port, meter), store.owner() as cursor:
        say("warm-up")
        _send(ours.single(places, next(clock)), port, plan)
        before = store.Sizes.now(cursor)

        def stored(made: Callable[[list[Place], float], Reports]) -> dict[str, Any]:
            return _all_counted(plan, port, meter, _rounds(places, clock, plan.rounds, made), cursor)

        runs = [stored(ours.single) for _ in _repeat(plan, "single reports", say)]
        found["single"] = median(runs)
        cursor.execute("VACUUM ANALYZE")
        after = store.Sizes.now(cursor)
        reports = sum(run["reports"] for run in runs)
        found["bytes"] = {
            "hot_per_sample": round((after.hot - before.hot) / (reports * SAMPLES), 2),
            "identity_per_report": round((after.reports - before.reports) / reports, 1),
        }
        found["batch"] = median(
            [stored(ours.batched) for _ in _repeat(plan, f"batches of {ours.DEVICES_PER_SITE}", say)]
        )
        say(f"{plan.per_second:.0f} reports a second")
        found["paced"] = _paced(plan, port, places, clock)
        if plan.analysis:
            say("with the analysis running")
            found["single_analysed"] = _with_analysis(plan, port, meter, places, clock)
    if plan.analysis:
        found["single_analysed_each"] = _each_alone(plan, places, clock, say)
    found["single_through_django"] = _through_django(plan, places, clock, say)
    return found


def _with_analysis(
    plan: Plan, port: int, meter: Meter, places: list[Place], clock: Iterator[float], spacing_s: float | None = None
) -> dict[str, Any]:
    """The same load with a worker beside it; the clock stops when no device has reports that were not analysed."""
    with ours.analysed(processes=1, spacing_s=spacing_s) as worker:
        # What starting costs, and what waits from before, is not part of it: the worker shall have done some work.
        _send(ours.single(places, next(clock)), port, plan)
        ours.wait_until_analysed()
        wider = Meter({**meter.roots, "worker": (worker,)})
        runs = []
        for _ in range(plan.repeat):
            reports = _rounds(places, clock, plan.analysed_rounds, ours.single)
            before, started = wider.read(), time.monotonic()
            sent = _send(reports, port, plan)
            ours.wait_until_analysed()
            runs.append(_figures(sent, reports, wider.since(before), time.monotonic() - started))
        return median(runs)


def _each_alone(plan: Plan, places: list[Place], clock: Iterator[float], say: Say) -> dict[str, Any]:
    """With analysis, where no report of a device waits for the next: the worker takes what is there when it comes round."""
    say("the same, no report waiting for the next of its device")
    with ours.served(threads=plan.threads, workers=plan.workers, spacing_s=0) as (port, meter):
        return _with_analysis(plan, port, meter, places, clock, spacing_s=0)


def _through_django(plan: Plan, places: list[Place], clock: Iterator[float], say: Say) -> dict[str, Any]:
    """The same door as a plain view: what the shorter way saves."""
    with (
        ours.served(threads=plan.threads, workers=plan.workers, app=ours.THROUGH_DJANGO) as (port, meter),
        store.owner() as cursor,
    ):
        _send(ours.single(places, next(clock)), port, plan)
        runs = [
            _all_counted(plan, port, meter, _rounds(places, clock, plan.rounds, ours.single), cursor)
            for _ in _repeat(plan, "single reports through Django", say)
        ]
        return {**median(runs), "paced": _paced(plan, port, places, clock)}


def _paced(plan: Plan, port: int, places: list[Place], clock: Iterator[float]) -> dict[str, Any]:
    wanted = int(plan.per_second * plan.paced_s)
    reports: Reports = []
    while len(reports) < wanted:
        reports += ours.single(places, next(clock))
    sent = running.send(
        [running.request(PATH, key, body) for key, body in reports[:wanted]],
        port,
        connections=plan.connections,
        per_second=plan.per_second,
    )
    return {"per_second": plan.per_second, **{k: sent[k] for k in ("statuses", "p50_ms", "p99_ms")}}


# ---- the usual way


def _usual(plan: Plan, places: list[Place], clock: Iterator[float], say: Say) -> dict[str, Any]:
    found: dict[str, Any] = {}
    rounds = max(1, round(plan.rounds * plan.baseline_share))
    with usual.served(threads=plan.threads, workers=plan.workers, processes=1) as (port, meter):
        _send(ours.single(places, next(clock))[:200], port, plan)
        for name, made in (("single", ours.single), ("batch", ours.batched)):
            found[name] = median(
                [
                    _stored(plan, port, meter, _rounds(places, clock, rounds, made), usual.samples_stored)
                    for _ in _repeat(plan, f"the usual way, {name}", say)
                ]
            )
    found["bytes"] = {"per_sample": round(usual.bytes_per_sample(), 1)}
    return found


# ---- one run


def _repeat(plan: Plan, what: str, say: Say) -> Iterator[int]:
    for number in range(plan.repeat):
        say(f"{what}: {number + 1} of {plan.repeat}")
        yield number


def _rounds(
    places: list[Place], clock: Iterator[float], rounds: int, made: Callable[[list[Place], float], Reports]
) -> Reports:
    return [one for _ in range(rounds) for one in made(places, next(clock))]


def _send(reports: Reports, port: int, plan: Plan) -> dict[str, Any]:
    requests = [running.request(PATH, key, body) for key, body in reports]
    return running.send(requests, port, connections=plan.connections)


def _stored(plan: Plan, port: int, meter: Meter, reports: Reports, stored: Callable[[], int]) -> dict[str, Any]:
    """Send, and wait until as many samples more can be counted. Raises TimeoutError."""
    samples_before = stored()
    before, started = meter.read(), time.monotonic()
    sent = _send(reports, port, plan)
    kept = sum(count for status, count in sent["statuses"].items() if str(status) == "202")
    expected = samples_before + round(kept / len(reports) * _samples_in(reports))
    while stored() < expected:
        if time.monotonic() - started > STORED_WITHIN_S:
            raise TimeoutError(f"{expected - stored()} samples were acknowledged and cannot be counted")
        time.sleep(0.05)
    return _figures(sent, reports, meter.since(before), time.monotonic() - started)


def _all_counted(plan: Plan, port: int, meter: Meter, reports: Reports, cursor: Any) -> dict[str, Any]:
    """The same, counted in our tables."""
    return _stored(plan, port, meter, reports, lambda: store.samples_stored(cursor))


def _samples_in(reports: Reports) -> int:
    return sum(body.count(b'{"m":') for _, body in reports)


def _figures(sent: dict[str, Any], reports: Reports, cpu: dict[str, float], seconds: float) -> dict[str, Any]:
    samples = _samples_in(reports)
    used = sum(cpu.values())
    return {
        "reports": len(reports),
        "samples": samples,
        "seconds": round(seconds, 2),
        "statuses": sent["statuses"],
        "p50_ms": sent["p50_ms"],
        "p99_ms": sent["p99_ms"],
        "cpu_s": cpu,
        "cpu_s_per_million": round(used / samples * 1e6, 2),
        "samples_per_s_per_core": round(samples / used) if used else None,
    }


def median(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """The run with the median cost, and what all of them cost."""
    ordered = sorted(runs, key=lambda run: run["cpu_s_per_million"])
    middle = ordered[(len(ordered) - 1) // 2]
    return {**middle, "all_cpu_s_per_million": [run["cpu_s_per_million"] for run in runs]}


def _ratios(own: dict[str, Any], other: dict[str, Any]) -> dict[str, float]:
    """How many times the usual way costs what ours does; the usual way analyses nothing."""
    return {
        name: round(other[name.partition("_")[0]]["cpu_s_per_million"] / own[name]["cpu_s_per_million"], 1)
        for name in ("single", "batch", "single_analysed", "single_analysed_each", "single_through_django")
        if name in own
    }


# ---- somebody else's server


def drive(url: str, keys: Sequence[str], plan: Plan, say: Say, *, per_second: float = 0) -> dict[str, Any]:
    """Reports of one simulated device for each key to a server anywhere; only answers and times can be seen from here.

    keys: `KEY` or `KEY SERIAL`, the serial number under which the key's device is known there. per_second: 0 for as fast
    as the answers come. Raises ValueError for an address that is none.
    """
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise ValueError("http://host:port; TLS would measure TLS")
    began = int(time.time() * 1_000)  # so that no run sends the reports of another once more
    switches = []
    for n, line in enumerate(keys):
        key, _, serial = line.partition(" ")
        switches.append((Switch(serial.strip() or f"BENCH{n:06d}", began + n), key))
    reports = _rounds([Place(None, "", switches)], _clock(), plan.rounds, ours.single)
    host, port = parts.hostname, parts.port or 80
    requests = [running.request(PATH, key, body, host) for key, body in reports]
    say(f"{len(requests)} reports to {host}:{port}")
    sent = running.send(requests, port, connections=plan.connections, per_second=per_second, host=host)
    return {**sent, "reports": len(requests), "reports_per_s": round(len(requests) / sent["seconds"], 1)}


def to_stderr(text: str) -> None:
    sys.stderr.write(f"bench: {text}\n")
    sys.stderr.flush()
