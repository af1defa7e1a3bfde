"""The receiver and mail server of a demonstration, as senders meet them."""

import json
import smtplib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
import requests

ROOT = Path(__file__).parents[3]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int, Path]]:
    """Address of the web side, port of the mail side, folder."""
    http, smtp, folder = free_port(), free_port(), tmp_path_factory.mktemp("outside")
    command = [sys.executable, "-m", "smartcare.demo.outside"]
    process = subprocess.Popen([*command, "--http", str(http), "--smtp", str(smtp), "--folder", str(folder)], cwd=ROOT)
    address = f"http://127.0.0.1:{http}"
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            requests.get(f"{address}/received", timeout=1)
            break
        except requests.RequestException:
            assert process.poll() is None
    yield address, smtp, folder
    process.terminate()
    process.wait(10)


def received(address: str) -> dict[str, list[dict[str, object]]]:
    return requests.get(f"{address}/received", timeout=5).json()  # type: ignore[no-any-return]


def test_when_a_challenge_is_posted_then_it_is_in_the_answer(outside: tuple[str, int, Path]) -> None:
    address, *_ = outside
    body = {"type": "destination.verification", "timestamp": "…", "data": {"challenge": "a word nobody else knows"}}

    answer = requests.post(f"{address}/hook/northwind", json=body, timeout=5)

    assert answer.status_code == 200
    assert "a word nobody else knows" in answer.text


@pytest.mark.parametrize("body", [b"not JSON", b"[1]", b'{"data": 3}', b"\xff\xfe"])
def test_when_nonsense_is_posted_then_it_is_kept_and_answered(outside: tuple[str, int, Path], body: bytes) -> None:
    address, *_ = outside

    answer = requests.post(f"{address}/hook/odd", data=body, timeout=5)

    assert answer.status_code == 200
    assert received(address)["webhooks"][-1]["path"] == "/hook/odd"


def test_when_something_else_is_posted_then_there_is_no_such_hook(outside: tuple[str, int, Path]) -> None:
    address, *_ = outside

    assert requests.post(f"{address}/elsewhere", data=b"x", timeout=5).status_code == 404


def test_when_a_mail_is_sent_then_it_can_be_read_in_the_list_and_as_a_file(outside: tuple[str, int, Path]) -> None:
    address, smtp, folder = outside
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = (
        "care@smartcare.example",
        "nora@northwind.example",
        "Speicher läuft voll",
    )
    mail.set_content("Die erste Zeile.\n.eine Zeile mit Punkt\n")

    with smtplib.SMTP("127.0.0.1", smtp, timeout=5) as server:
        server.send_message(mail)

    found = received(address)["mails"][-1]
    assert found["to"] == ["nora@northwind.example"]
    assert found["subject"] == "Speicher läuft voll"
    assert "\n.eine Zeile mit Punkt" in str(found["text"]).replace("\r\n", "\n")
    assert b"northwind" in (folder / str(found["file"])).read_bytes()


def test_when_a_client_talks_no_smtp_then_it_is_told_so_and_the_next_one_is_served(
    outside: tuple[str, int, Path],
) -> None:
    _, smtp, _ = outside
    with socket.create_connection(("127.0.0.1", smtp), timeout=5) as client:
        client.recv(100)
        client.sendall(b"GET / HTTP/1.1\r\n")
        assert client.recv(100).startswith(b"502")

    with smtplib.SMTP("127.0.0.1", smtp, timeout=5) as server:
        assert server.noop()[0] == 250


def test_when_a_person_opens_the_page_then_what_came_is_shown_as_text(outside: tuple[str, int, Path]) -> None:
    address, *_ = outside
    body = {"type": "alert.opened", "data": {"sentence": "<script>alert(1)</script>"}}
    requests.post(f"{address}/hook/northwind", data=json.dumps(body), timeout=5)

    page = requests.get(f"{address}/", timeout=5)

    assert "alert.opened" in page.text
    assert "<script>" not in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
