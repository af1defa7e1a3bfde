"""`bench analyse`: samples per second and core through the detectors with their state in PostgreSQL, beside a usual way.

Ours is what the worker runs (telemetry.watch): claim, read, detect, write states, newest values, alerts and health. The usual
way (smartcare.bench.baseline.analysis) reads narrow rows through the ORM, one device and one row at a time, and knows of each
series no more than a running mean. Both in processes like a worker's, of the same reports, on the same PostgreSQL; processor
time is theirs and the database's. Two shapes of work: each report alone, as they come, and an hour of them together.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

from django.utils import timezone

from smartcare.bench import ingest, ours, running, usual
from smartcare.bench.bodies import SAMPLES
from smartcare.bench.conditions import conditions
from smartcare.bench.cost import Meter
from smartcare.bench.ours import Place
from telemetry import watch
from telemetry.ingest import keys, timing
from telemetry.ingest.accept import accept
from telemetry.ingest.answers import Receipt
from telemetry.ingest.batch import NATIVE, RequestMeta
from telemetry.ingest.formats import native

STEP_S: Final = 300
SHAPES: Final = {"each_report_alone": 1, "an_hour_together": 12}
"""Reports of a device that wait for one claim."""

type Say = Callable[[str], None]
type Round = list[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class Plan:
    """history: reports of each device before anything is measured, so that hours close and detectors have something to remember.
    rounds: claims of each device that are measured, for each shape."""

    devices: int = 200
    history: int = 144
    rounds: int = 12
    repeat: int = 3

    @classmethod
    def small(cls) -> Plan:
        """Seconds instead of minutes: shows that everything runs, measures nothing."""
        return cls(devices=20, history=2, rounds=1, repeat=1)

    @property
    def reports(self) -> int:
        """Of each device, all in all."""
        return self.history + self.repeat * self.rounds * sum(SHAPES.values())


def run(plan: Plan, say: Say) -> dict[str, Any]:
    """Everything, in turn. Raises NoOwner; expects a migrated database without organizations."""
    load_before = os.getloadavg()
    say(f"making {plan.devices} devices")
    places = ours.make_fleet(plan.devices)
    made = _made(places, plan)
    say(f"{plan.history} reports of each that came before")
    _store(places, [one for round_ in islice(made, plan.history) for one in round_])
    _drain()
    kept: list[list[Round]] = []  # what is measured, for the baseline to do the same
    found = {"ours": _ours(places, made, plan, kept, say)}
    say("the usual way: one device and one row at a time")
    found["baseline"] = _usual(places, kept, plan)
    found["ratios"] = {
        name: round(
            found["ours"][name]["samples_per_s_per_core"] / found["baseline"][name]["samples_per_s_per_core"], 1
        )
        for name in SHAPES
    }
    own = {
        "samples_per_report": SAMPLES,
        "devices": plan.devices,
        "repeat": plan.repeat,
        "interval_s": STEP_S,
        "reports_before": plan.history,
    }
    return found | {"conditions": conditions(load_before, **own)}


def _made(places: list[Place], plan: Plan) -> Iterator[Round]:
    """One report of each collector at a time, five minutes apart, the last of them about now."""
    at = time.time() - STEP_S * plan.reports
    while True:
        at += STEP_S
        yield ours.batched(places, at)


# ---- ours


def _ours(places: list[Place], made: Iterator[Round], plan: Plan, kept: list[list[Round]], say: Say) -> dict[str, Any]:
    meter = Meter({"database": (ours.postmaster(),)})
    found = {}
    for name, together in SHAPES.items():
        runs = []
        for number in range(plan.repeat):
            say(f"{name}: {number + 1} of {plan.repeat}")
            cpu = {"worker": 0.0, "database": 0.0}
            for _ in range(plan.rounds):
                rounds = list(islice(made, together))
                kept.append(rounds)
                _store(places, [one for round_ in rounds for one in round_])
                before, own = meter.read(), time.process_time()
                _drain()
                cpu["worker"] += time.process_time() - own
                cpu["database"] += meter.since(before)["database"]
            runs.append(_figures(cpu, plan.devices * plan.rounds * together))
        found[name] = ingest.median(runs)
    return found


def _drain() -> None:
    while watch.analyse_due():
        pass


def _store(places: list[Place], reports: Round) -> None:
    """Past the web server: what taking in costs, `bench ingest` tells."""
    senders = {place.collector_key: keys.find(place.collector_key, "header") for place in places}
    received = timezone.now()
    batches = []
    for key, body in reports:
        meta = RequestMeta(NATIVE, native.JSON_TYPE, received, senders[key].limits)
        batches.append((senders[key], timing.correct(native.decode(body, meta), meta)))
    for start in range(0, len(batches), 32):
        if not all(isinstance(outcome, Receipt) for outcome in accept(batches[start : start + 32])):
            raise ValueError("a report of the benchmark was refused: nothing was measured")


def _figures(cpu: dict[str, float], reports: int) -> dict[str, Any]:
    samples, used = reports * SAMPLES, sum(cpu.values())
    return {
        "samples": samples,
        "cpu_s": {name: round(value, 3) for name, value in cpu.items()},
        "cpu_s_per_million": round(used / samples * 1e6, 2),
        "cpu_us_per_report": round(used / reports * 1e6),
        "samples_per_s_per_core": round(samples / used),
    }


# ---- the usual way


def _usual(places: list[Place], kept: list[list[Round]], plan: Plan) -> dict[str, Any]:
    """The same reports in the same portions, in a process of its own; of each shape the first repetition."""
    usual.make_database(places)
    portions = {}
    for number, name in enumerate(SHAPES):
        first = kept[number * plan.repeat * plan.rounds :][: plan.rounds]
        portions[name] = [[json.loads(body) for round_ in rounds for _, body in round_] for rounds in first]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "reports.json"
        file.write_text(json.dumps({"portions": portions, "postmaster": ours.postmaster()}))
        command = [sys.executable, "-m", "smartcare.bench.baseline.analysis", str(file)]
        done = subprocess.run(  # noqa: S603 - our own program
            command, cwd=running.ROOT, env=usual.environment(), stdout=subprocess.PIPE, text=True, check=True
        )
    reports = {name: plan.devices * plan.rounds * together for name, together in SHAPES.items()}
    return {name: _figures(cpu, reports[name]) for name, cpu in json.loads(done.stdout).items()}
