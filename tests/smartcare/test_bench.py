"""The benchmarks measure what they say: statements and times of a question, and a baseline that does notice things."""

import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from smartcare.bench import asking, pages
from smartcare.bench.baseline import analysis
from smartcare.bench.baseline.models import Sample, SeriesState

ROOT = Path(__file__).parents[2]
BEGAN = datetime(2026, 1, 5, tzinfo=UTC)


@pytest.mark.django_db
def test_when_a_question_is_asked_then_its_statements_are_counted_and_the_database_is_part_of_the_whole() -> None:
    def ask() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(0.005)")
            cursor.execute("SELECT 1")
        until = time.perf_counter() + 0.01
        while time.perf_counter() < until:
            pass

    found = asking.asked(ask, runs=3)

    assert found["statements"] == 2
    assert 5 <= found["database"]["p50_ms"] <= found["whole"]["p50_ms"] - 9


def sample(n: int, value: float | None = None, state: str = "", metric: str = "sensor.temperature") -> Sample:
    return Sample(metric=metric, instance="x", value=value, state=state, at=BEGAN + timedelta(minutes=5 * n))


def learnt(*samples: Sample) -> list[bool]:
    state = SeriesState(metric=samples[0].metric)
    return [analysis.learn(state, one) for one in samples]


def test_given_a_steady_number_when_it_jumps_and_stays_then_the_baseline_says_so_once() -> None:
    calm = [sample(n, 30 + 0.1 * (n % 3)) for n in range(60)]
    jump = [sample(60 + n, 30 + 8.0 * (n + 1) ** 2) for n in range(4)]

    assert learnt(*calm) == [False] * 60
    assert sum(learnt(*calm, *jump)) == 1


def test_when_a_state_changes_then_the_baseline_says_so() -> None:
    assert learnt(*(sample(n, state=word) for n, word in enumerate(("ok", "ok", "failed", "failed")))) == [
        *(False, False),
        *(True, False),
    ]


def test_given_a_counter_when_it_grows_evenly_then_the_baseline_is_calm() -> None:
    assert not any(learnt(*(sample(n, 3e8 * n, metric="if.io") for n in range(50))))


def test_when_pages_are_shown_to_people_then_each_has_a_line() -> None:
    cost = {"statements": 3, "database": {"p50_ms": 1.0, "p99_ms": 2.0}, "whole": {"p50_ms": 3.0, "p99_ms": 4.0}}
    found = {who: {"devices": cost} for who in ("customer", "partner", "usual")} | {"ratios": {"a_to_b": 1.5}}

    lines = pages.table(found).splitlines()

    assert [line.split()[:3] for line in lines[1:4]] == [
        [who, "devices", "3"] for who in ("customer", "partner", "usual")
    ]
    assert lines[-1] == "ratios: a_to_b 1.5"


@pytest.mark.soak
@pytest.mark.parametrize(
    ("kind", "parts"),
    [
        ("ingest", {"ours", "baseline", "ratios", "tiers", "decoding_us_per_report", "conditions"}),
        ("analyse", {"ours", "baseline", "ratios", "conditions"}),
        ("pages", {"customer", "partner", "usual", "ratios", "rows", "conditions"}),
        ("grants", {"question", "worlds", "ratios", "journal", "conditions"}),
    ],
)
def test_when_a_benchmark_is_run_small_then_it_prints_one_object_with_its_conditions(
    kind: str, parts: set[str]
) -> None:
    """A minute each, with servers of their own."""
    bare = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "DATABASE_OWNER_URL"}}
    command = [sys.executable, str(ROOT / "manage.py"), "bench", kind, "--small", "--json"]

    done = subprocess.run(command, capture_output=True, text=True, env=bare, timeout=300, check=False)

    assert done.returncode == 0, done.stderr[-2_000:]
    found: dict[str, Any] = json.loads(done.stdout)
    assert set(found) == parts
    assert {"processor", "cores", "load_average_before", "python", "django", "database"} <= set(found["conditions"])
