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


@pytest.mark.parametrize("name", ["SECRET_KEY", "DATABASE_URL", "REDIS_URL"])
def test_given_a_setting_is_missing_when_started_then_it_says_how_to_set_it_and_nothing_else(name: str) -> None:
    process = serve(**{name: ""})
    output, _ = process.communicate(timeout=60)

    [sentence] = output.splitlines()
    assert sentence.startswith(f"smartcare: {name} is not set: export {name}=")
    assert process.returncode == 1


def test_given_a_setting_is_missing_when_the_way_is_asked_for_then_it_is_told() -> None:
    output, _ = serve("--traceback", SECRET_KEY="").communicate(timeout=60)

    assert "Traceback" in output


# ---- who begins and does not end


def opened(address: str, *begun: bytes) -> socket.socket:
    line = socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2])), timeout=30)
    line.sendall(b"".join(begun))
    return line


def post(path: str, *headers: str) -> bytes:
    return "\r\n".join([f"POST {path} HTTP/1.1", "Host: 127.0.0.1", *headers, "", ""]).encode()


STRANGER = "Authorization: Bearer nobody"  # refused by its form: this server has no database with tables


@pytest.mark.parametrize(
    "begun",
    [
        post("/ingest/v1/reports", "Content-Length: 5000", STRANGER),
        post("/ingest/v1/enrol", "Content-Length: 5000"),
        post("/accounts/login/", "Content-Length: 5000"),
    ],
    ids=["report", "enrolment", "page"],
)
def test_given_many_who_begin_a_body_and_do_not_end_it_when_others_ask_then_they_are_answered_and_the_slow_are_cut_off(
    served: tuple[str, subprocess.Popen[str]], begun: bytes
) -> None:
    address, _ = served
    slow = [opened(address, begun, b"{") for _ in range(60)]  # two processes with 16 threads each

    answers = [requests.get(f"{address}/healthz", timeout=5).status_code for _ in range(5)]
    refused = requests.post(f"{address}/ingest/v1/reports", data=b"{}", timeout=5).status_code

    assert answers == [200] * 5
    assert refused == 401
    began = time.monotonic()
    for line in slow:
        while line.recv(65536):  # an answer perhaps, then the end
            pass
        line.close()
    assert time.monotonic() - began < 25


def test_given_a_body_that_gets_on_slowly_when_it_takes_longer_than_ten_seconds_then_it_is_not_cut_off(
    served: tuple[str, subprocess.Popen[str]],
) -> None:
    address, _ = served
    whole = 26 * 6_000
    with opened(address, post("/accounts/login/", f"Content-Length: {whole}", "Connection: close")) as line:
        for _ in range(26):
            line.sendall(b"a" * 6_000)
            time.sleep(0.5)  # a slow line is what is tested

        assert line.recv(65536).startswith(b"HTTP/1.1 4")


def test_when_a_refused_sender_waits_to_be_asked_for_its_body_then_it_hears_the_refusal_at_once(
    served: tuple[str, subprocess.Popen[str]],
) -> None:
    address, _ = served
    begun = post("/ingest/v1/reports", STRANGER, "Content-Length: 5000000", "Expect: 100-continue")

    with opened(address, begun) as line:
        assert line.recv(65536).startswith(b"HTTP/1.1 401 ")


@pytest.mark.parametrize("path", ["/ingest/nothing", "/ingest/v1/reports/"])
def test_when_there_is_no_such_door_then_404_before_any_body(
    served: tuple[str, subprocess.Popen[str]], path: str
) -> None:
    address, _ = served

    with opened(address, post(path, STRANGER, "Content-Length: 5000000")) as line:
        assert line.recv(65536).startswith(b"HTTP/1.1 404 ")


@pytest.mark.parametrize(
    "headers", [[f"X-Field-{n}: 1" for n in range(51)], ["X-Field: " + "a" * 8_193]], ids=["many", "long"]
)
@pytest.mark.parametrize("path", ["/ingest/v1/reports", "/accounts/login/"])
def test_when_a_request_has_too_many_or_too_long_headers_then_431(
    served: tuple[str, subprocess.Popen[str]], path: str, headers: list[str]
) -> None:
    address, _ = served

    with opened(address, post(path, *headers, "Content-Length: 2"), b"{}") as line:
        assert line.recv(65536).startswith(b"HTTP/1.1 431 ")


def test_when_an_api_call_comes_in_chunks_then_django_sees_its_body(
    served: tuple[str, subprocess.Popen[str]],
) -> None:
    address, _ = served
    form = b"login=nobody%40bench.invalid&password=x"

    def said(*request: bytes) -> bytes:
        with opened(address, *request) as line:
            return line.recv(1_000).partition(b"\r\n")[0]

    whole = said(post("/accounts/login/", f"Content-Length: {len(form)}", "Connection: close"), form)
    chunks = said(
        post("/accounts/login/", "Transfer-Encoding: chunked", "Connection: close"),
        b"%x\r\n%s\r\n0\r\n\r\n" % (len(form), form),
    )
    assert chunks == whole


def test_when_the_server_is_killed_then_its_workers_end_too() -> None:
    with answering() as (_, process):
        children = list(descendants_of(process.pid))
        assert len(children) == 2

        process.kill()
        process.wait(10)

        until = time.monotonic() + 10
        while any(Path(f"/proc/{pid}").exists() for pid in children):
            assert time.monotonic() < until
            time.sleep(0.05)
