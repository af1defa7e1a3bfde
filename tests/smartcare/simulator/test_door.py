"""What the HTTP client makes of answers."""

import pytest

from smartcare.simulator.door import NO_ANSWER, Door, retry_after
from smartcare.simulator.report import seal

from .builders import PRESENT
from .conftest import Server

REPORT = seal({"report_id": "x", "devices": [{}]}, compress=False)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("3", 3),
        (" 5 ", 5),
        ("Tue, 24 Nov 2026 02:15:30 GMT", 30),
        ("Tue, 24 Nov 2026 02:14:30 GMT", 0),
        ("soon", None),
        ("-3", None),
        ("", None),
        (None, None),
    ],
)
def test_when_retry_after_is_read_then_numbers_and_dates_are_understood(header: str | None, seconds: float | None):
    assert retry_after(header, PRESENT) == seconds


def test_given_an_answer_that_is_no_json_when_it_is_read_then_its_body_is_empty(server: Server):
    server.will_answer(503)
    server._told[0].data = b"<h1>busy</h1>"

    answer = Door(server.url).post(REPORT, "k", PRESENT)

    assert (answer.status, answer.body) == (503, {})


def test_given_a_proxy_in_the_environment_when_a_report_is_posted_then_it_goes_straight(server: Server, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")

    assert Door(server.url).post(REPORT, "k", PRESENT).status == 202


def test_given_an_address_nobody_has_when_a_report_is_posted_then_there_is_no_answer():
    assert Door("http://127.0.0.1:9").post(REPORT, "k", PRESENT).status == NO_ANSWER


def test_given_a_trailing_slash_when_a_report_is_posted_then_the_path_is_right(server: Server):
    assert Door(server.url + "/").post(REPORT, "k", PRESENT).status == 202
