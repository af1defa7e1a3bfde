"""The baseline under the benchmark: its database, its server, its worker."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit, urlunsplit

from smartcare.bench import running, store
from smartcare.bench.cost import Meter
from smartcare.bench.ours import Place, postmaster

DATABASE = "smartcare_bench_baseline"
SETTINGS = "smartcare.bench.baseline.settings"


def environment() -> dict[str, str]:
    owner = urlsplit(os.environ["DATABASE_OWNER_URL"])
    return {
        **os.environ,
        "DATABASE_URL": urlunsplit(owner._replace(path=f"/{DATABASE}")),
        "DATABASE_OWNER_URL": "",
        "DJANGO_SETTINGS_MODULE": SETTINGS,
    }


def make_database(places: Sequence[Place]) -> None:
    """Tables, and the same devices and keys as ours."""
    with store.owner() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {DATABASE}")
        cursor.execute(f"CREATE DATABASE {DATABASE}")
    command = [sys.executable, "-m", "django", "migrate", "--run-syncdb", "--verbosity", "0"]
    subprocess.run(command, cwd=running.ROOT, env=environment(), check=True, stdout=sys.stderr)  # noqa: S603
    with store.owner(DATABASE) as cursor:
        for place in places:
            cursor.execute("INSERT INTO baseline_token (key) VALUES (%s)", [place.collector_key])
            for switch, key in place.switches:
                cursor.execute("INSERT INTO baseline_token (key) VALUES (%s)", [key])
                cursor.execute("INSERT INTO baseline_device (serial) VALUES (%s)", [switch.serial])


@contextlib.contextmanager
def served(*, threads: int, workers: int, processes: int) -> Iterator[tuple[int, Meter]]:
    """Port and meter of the baseline's web server and worker."""
    env = environment()
    with (
        running.celery("smartcare.bench.baseline", env, "baseline", processes=processes) as worker,
        running.web("smartcare.bench.baseline.wsgi:application", env, threads=threads, workers=workers) as (pid, port),
    ):
        yield port, Meter({"web": (pid,), "worker": (worker,), "database": (postmaster(),)})


def samples_stored() -> int:
    with store.owner(DATABASE) as cursor:
        return int(store.ask(cursor, "SELECT count(*) FROM baseline_sample"))


def bytes_per_sample() -> float:
    with store.owner(DATABASE) as cursor:
        cursor.execute("VACUUM ANALYZE baseline_sample")
        return store.size(cursor, "baseline_sample") / max(1, samples_stored())
