"""`manage.py serve`: the web server in its production's shape, as a process of its own."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from django.core.management import CommandError, call_command

from smartcare.demo.memory import free_port
from smartcare.devstack.keeper import descendants_of

ROOT = Path(__file__).parents[2]
SECRET = "k7Qm2v9xR4tY8wZ1pL5nB3cD6fG0hJ_-"


def serve(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(ROOT / "manage.py"), "serve", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | environment,
    )


@contextlib.contextmanager
def answering() -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Address and process of a server with two workers."""
    port = free_port()
    process = serve(PORT=str(port), WEB_WORKERS="2")
    address = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 60
    while True:
        try:
            requests.get(f"{address}/healthz", timeout=2)
            break
        except requests.RequestException:
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < deadline
            time.sleep(0.1)
    try:
        yield address, process
    finally:
        process.terminate()
        process.communicate(timeout=40)


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[str, subprocess.Popen[str]]]:
    with answering() as both:
        yield both


def test_when_it_runs_then_it_has_the_workers_asked_for_and_none_knows_the_owners_login(
    served: tuple[str, subprocess.Popen[str]],
) -> None:
    _, process = served
    children = list(descendants_of(process.pid))

    assert len(children) == 2
    for pid in (process.pid, *children):
        assert b"DATABASE_OWNER_URL=" not in Path(f"/proc/{pid}/environ").read_bytes()


def test_when_nothing_else_is_said_then_it_listens_on_this_machine_alone(
    served: tuple[str, subprocess.Popen[str]],
) -> None:
    address, _ = served
    port = int(address.rpartition(":")[2])

    # Every address of 127/8 is this machine's: only the named one may answer.
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.2", port), timeout=5):
        pass


def test_when_asked_to_end_then_it_stops_in_order_and_has_logged_no_secret() -> None:
    with answering() as (address, process):
        inside = [process.pid, *descendants_of(process.pid)]
        requests.post(f"{address}/ingest/callhome/v1/scd_abcdefgh2345_{SECRET}", data=b"<x/>", timeout=10)
        requests.get(f"{address}/?token=sct_abcdefgh2345_{SECRET}", timeout=10)

        process.send_signal(signal.SIGTERM)
        output = process.communicate(timeout=30)[0]

        assert process.returncode == 0
        assert not any(Path(f"/proc/{pid}/cmdline").exists() for pid in inside)
        assert '"POST /ingest/callhome/v1/scd_abcdefgh2345_…"' in output
        assert SECRET not in output


@pytest.mark.parametrize("workers", ["0", "many", "-1", "65"])
def test_given_a_number_of_workers_that_is_none_when_started_then_it_says_what_it_needs(workers: str) -> None:
    with pytest.raises(CommandError, match="WEB_WORKERS must be a number from 1 to 64"):
        call_command("serve", workers=workers)
