"""What an agent does with time and with the server's answers; every wait is a returned instant, nothing sleeps."""

import logging
import math
import socket
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from smartcare.simulator.agent import Agent
from smartcare.simulator.clock import Clock
from smartcare.simulator.door import Door
from smartcare.simulator.hardware import Kind
from smartcare.simulator.tally import Tally

from .builders import DAY, HOUR, PRESENT, STEP, a_device
from .conftest import Server

START = PRESENT


class Wire:
    """An agent, and how far it has come."""

    def __init__(self, url: str, story: str = "healthy", kind: Kind | None = None, **options: Any) -> None:
        self.tally = Tally()
        self.now = START
        options = {"interval_s": STEP, "speed": 1.0, "jitter": 0.5, "name": "probe"} | options
        jitter, speed, name = options.pop("jitter"), options.pop("speed"), options.pop("name")
        self.agent = Agent(
            a_device(story, kind, name=name),
            key="scd_abc_secret",
            clock=Clock(START, speed, options.pop("history_s", DAY)),
            post=Door(url).post,
            tally=self.tally,
            run="run",
            jitter=lambda: jitter,
            **options,
        )
        self.now = self.agent.starts_at

    def step(self) -> float:
        """Step the agent now, and wait until it wants to be stepped again; the seconds of that wait."""
        due = self.agent.step(self.now)
        waited, self.now = due - self.now, due
        return waited

    def steps(self, until: float) -> int:
        """Step it whenever it is due, up to `until`; how often."""
        n = 0
        while self.now <= until:
            self.step()
            n += 1
        return n


def moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def instants(server: Server) -> list[float]:
    """The instants of all reports, in the order they arrived."""
    return [t for post in server.seen for t in sorted({moment(sample["t"]) for sample in post.part["samples"]})]


@pytest.fixture
def nobody() -> Iterator[str]:
    """An address on loopback where nobody listens; it stays reserved meanwhile."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{reserved.getsockname()[1]}"


# What is sent


def test_when_a_report_is_posted_then_it_carries_the_key_and_the_agents_clock(server: Server):
    wire = Wire(server.url)
    now = wire.now

    wire.step()

    headers = server.seen[0].headers
    assert headers["Authorization"] == "Bearer scd_abc_secret"
    assert headers["Content-Type"] == "application/json"
    assert moment(headers["Smartcare-Clock"]) == pytest.approx(now, abs=1e-3)


def test_given_devices_that_compress_when_they_report_then_the_body_unpacks_to_a_report(server: Server):
    wires = [Wire(server.url, name=f"device-{n}") for n in range(8)]

    for wire in wires:
        wire.step()

    packed = [post for post in server.seen if post.headers.get("Content-Encoding") == "gzip"]
    assert 0 < len(packed) < len(wires)
    assert all(post.report["schema"] == "smartcare.report/1" for post in packed)
    assert all(len(post.raw) < len(post.body) for post in packed)


def test_given_real_time_when_an_hour_passes_then_a_report_comes_every_interval(server: Server):
    wire = Wire(server.url)

    wire.steps(START + HOUR)

    sent = instants(server)
    assert len(server.seen) == 12
    assert [b - a for a, b in zip(sent, sent[1:], strict=False)] == pytest.approx([STEP] * 11, abs=1e-2)
    assert {post.report["interval_s"] for post in server.seen} == {300}


def test_given_a_cadence_below_the_formats_when_it_promises_then_it_promises_the_least_allowed(server: Server):
    Wire(server.url, interval_s=1).step()

    assert server.seen[0].report["interval_s"] == 10


def test_when_reports_follow_each_other_then_their_numbers_rise_and_ids_differ(server: Server):
    Wire(server.url).steps(START + HOUR)

    reports = [post.report for post in server.seen]
    assert [report["seq"] for report in reports] == list(range(1, 13))
    assert len({report["boot_id"] for report in reports}) == 1
    ids = [report["report_id"] for report in reports]
    assert ids == sorted(set(ids))


def test_given_a_device_that_restarts_when_it_reports_again_then_a_new_boot_begins_new_numbers(server: Server):
    Wire(server.url, "reboot_loop", Kind.ACCESS_POINT).steps(START + 2 * HOUR)

    numbers = [(post.report["boot_id"], post.report["seq"]) for post in server.seen]
    assert len({boot for boot, _ in numbers}) >= 2
    assert numbers[-1][1] < len(numbers)
    assert len(set(numbers)) == len(numbers)


def test_when_a_day_has_passed_then_inventory_was_sent_at_the_start_and_once_more(server: Server):
    Wire(server.url).steps(START + DAY + HOUR)

    told = [n for n, post in enumerate(server.seen) if "inventory" in post.part]
    assert told == [0, 288]


def test_when_the_server_needs_inventory_then_the_next_report_brings_it(server: Server):
    wire = Wire(server.url)
    server.will_answer(202)
    server.will_answer(202, need=["inventory:d1"])

    wire.steps(START + 4 * STEP)

    assert ["inventory" in post.part for post in server.seen[:4]] == [True, False, True, False]


def test_given_a_firmware_upgrade_when_the_version_changes_then_inventory_is_sent(server: Server):
    wire = Wire(server.url, "firmware_reboot", speed=1440.0)

    wire.steps(START + 300)

    versions = [post.part["inventory"]["software"][0]["version"] for post in server.seen if "inventory" in post.part]
    assert versions == ["7.4.3", "7.4.5"]


# Catching up


def test_given_a_fast_clock_when_a_day_is_caught_up_then_every_instant_comes_once_and_in_order(server: Server):
    wire = Wire(server.url, kind=Kind.SWITCH, speed=1440.0)

    wire.steps(START + 62)

    sent = instants(server)
    assert START - DAY <= sent[0] < START - DAY + 10
    assert [b - a for a, b in zip(sent, sent[1:], strict=False)] == pytest.approx([STEP] * (len(sent) - 1), abs=1e-2)
    assert sent[-1] > START - STEP


def test_given_a_fast_clock_when_it_catches_up_then_a_device_posts_at_most_once_a_second(server: Server):
    wire = Wire(server.url, speed=86_400.0)

    waits = []
    while wire.now < START + 20:
        waits.append(wire.step())

    assert min(waits) >= 1
    assert max(len(post.part["samples"]) for post in server.seen) <= 5_000


def test_given_a_fast_clock_when_it_has_caught_up_then_the_real_cadence_holds(server: Server):
    wire = Wire(server.url, speed=86_400.0)

    wire.steps(START + 120)

    assert wire.step() == pytest.approx(STEP, abs=1e-2)


def test_given_old_readings_when_they_are_sent_then_the_report_itself_is_dated_now(server: Server):
    wire = Wire(server.url, speed=1440.0)
    now = wire.now

    wire.step()

    assert moment(server.seen[0].report["sent_at"]) == pytest.approx(now, abs=1e-3)
    assert instants(server)[0] < now - DAY + 60


def test_given_a_device_that_falls_silent_when_its_moment_comes_then_it_never_posts_again(server: Server):
    wire = Wire(server.url, "silent", Kind.ACCESS_POINT, speed=1440.0)

    wire.steps(START + DAY)

    assert wire.now == math.inf
    assert wire.agent.device.ends_at - STEP <= instants(server)[-1] < wire.agent.device.ends_at


def test_given_an_access_point_on_a_timer_when_the_night_comes_then_nothing_is_sent(server: Server):
    wire = Wire(server.url, "night_power_off", speed=1440.0)

    wire.steps(START + 5 * HOUR)  # the device's site wakes at 05:30 UTC

    sent = instants(server)
    gaps = [b - a for a, b in zip(sent, sent[1:], strict=False)]
    assert max(gaps) == pytest.approx(9 * HOUR, abs=2 * STEP)


# Trouble


def test_given_overload_when_it_is_over_then_the_same_report_was_sent_again(server: Server):
    server.will_answer(503, 503)
    wire = Wire(server.url)

    for _ in range(3):
        wire.step()

    first, *others = server.seen
    assert [post.raw for post in others] == [first.raw, first.raw]
    assert wire.tally.totals.retried == 2
    assert wire.tally.totals.accepted == 1


def test_given_overload_when_it_is_tried_again_then_the_clock_header_is_new(server: Server):
    server.will_answer(503)
    wire = Wire(server.url)

    wire.step()
    again = wire.now
    wire.step()

    assert moment(server.seen[1].headers["Smartcare-Clock"]) == pytest.approx(again, abs=1e-3)


@pytest.mark.parametrize("jitter", [0.0, 0.999])
def test_given_retry_after_when_the_server_is_overloaded_then_the_agent_waits_at_least_so_long(
    server: Server, jitter: float
):
    server.will_answer(503, headers={"Retry-After": "4"})
    wire = Wire(server.url, jitter=jitter)

    assert 4 <= wire.step() <= 6


def test_given_two_agents_when_both_must_wait_then_they_do_not_come_back_together(server: Server):
    server.will_answer(503, 503, headers={"Retry-After": "4"})

    assert Wire(server.url, jitter=0.1).step() != Wire(server.url, jitter=0.9).step()


@pytest.mark.parametrize("status", [429, 500, 502, 408])
def test_given_an_answer_that_passes_when_it_is_received_then_the_report_is_kept(server: Server, status: int):
    server.will_answer(status)
    wire = Wire(server.url)

    wire.step()
    wire.step()

    assert server.seen[0].raw == server.seen[1].raw


def test_given_nobody_answers_when_it_lasts_then_the_waits_double_up_to_a_minute(nobody: str):
    wire = Wire(nobody)

    waits = [wire.step() for _ in range(9)]

    assert waits == pytest.approx([1, 2, 4, 8, 16, 32, 60, 60, 60])
    assert wire.tally.totals.retried == 9
    assert wire.agent.unsent == 1


def test_given_an_hour_of_outage_when_it_is_over_then_what_was_missed_comes_in_one_report(server: Server):
    wire = Wire(server.url)
    server.will_answer(*[503] * 70)

    wire.steps(START + HOUR)
    while wire.tally.totals.accepted < 2:
        wire.step()

    kept, caught_up = server.seen[-2:]
    assert kept.raw == server.seen[0].raw
    assert len({sample["t"] for sample in caught_up.part["samples"]}) >= 11
    assert caught_up.report["report_id"] != kept.report["report_id"]


def test_given_an_outage_of_nine_days_when_it_is_over_then_what_is_too_old_is_counted_and_not_sent(server: Server):
    wire = Wire(server.url, interval_s=HOUR)
    server.will_answer(401)
    wire.step()
    wire.now = START + 9 * DAY

    wire.step()
    wire.steps(wire.now + 60)

    sent = instants(server)
    assert sent[2] >= START + 9 * DAY - 7 * DAY
    assert wire.tally.totals.lost == pytest.approx(2 * 24, abs=2)


def test_given_a_conflict_when_it_is_answered_then_the_report_is_dropped_and_logged(
    server: Server, caplog: pytest.LogCaptureFixture
):
    server.will_answer(409, code="report_id_reused")
    wire = Wire(server.url)

    with caplog.at_level(logging.WARNING):
        wire.step()
    wire.step()

    first, second = (post.report["report_id"] for post in server.seen)
    assert first != second
    assert first in caplog.text
    assert "report_id_reused" in caplog.text
    assert wire.tally.totals.rejected == 1


def test_given_a_refused_report_with_inventory_when_the_next_is_made_then_it_brings_the_inventory(server: Server):
    server.will_answer(400, code="wrong_type")
    wire = Wire(server.url)

    wire.step()
    wire.step()

    assert ["inventory" in post.part for post in server.seen] == [True, True]


@pytest.mark.parametrize("status", [401, 403, 404, 302])
def test_given_a_wrong_key_or_address_when_it_is_refused_then_everything_is_kept_and_tried_each_ten_minutes(
    server: Server, status: int
):
    server.will_answer(status, status, headers={"Location": server.url + "/elsewhere"})
    wire = Wire(server.url)

    waits = [wire.step(), wire.step()]
    wire.steps(wire.now + 2)

    assert waits == [600, 600]
    assert [post.raw for post in server.seen[:3]] == [server.seen[0].raw] * 3
    assert instants(server)[2:7] == pytest.approx([instants(server)[0] + n * STEP for n in range(5)], abs=1e-2)


def test_given_too_large_a_report_when_it_is_divided_then_the_parts_say_the_same_under_new_ids(server: Server):
    server.will_answer(413)
    wire = Wire(server.url, "flapping", Kind.SWITCH, speed=86_400.0)
    wire.now += 1

    for _ in range(3):
        wire.step()

    whole, first, second = (post.part for post in server.seen)
    assert first["samples"] + second["samples"] == whole["samples"]
    assert abs(len(first["samples"]) - len(second["samples"])) <= 1
    assert first["events"] == whole["events"]
    assert "events" not in second
    assert ["inventory" in part for part in (first, second)] == [True, False]
    assert len({post.report["report_id"] for post in server.seen}) == 3
    assert wire.tally.totals.accepted == 2


def test_given_everything_is_too_large_when_nothing_can_be_divided_any_more_then_it_is_given_up(server: Server):
    server.will_answer(*[413] * 200)
    wire = Wire(server.url, kind=Kind.ACCESS_POINT)

    wire.steps(START + 200)

    samples = len(server.seen[0].part["samples"])
    assert wire.tally.totals.rejected == samples + 1  # each sample alone, and the inventory alone
    assert wire.agent.unsent == 0


def test_given_a_server_that_cannot_unpack_when_it_says_so_then_the_agent_sends_the_same_report_plain(server: Server):
    name = next(f"device-{n}" for n in range(99) if compresses(server, f"device-{n}"))
    server.seen.clear()
    server.will_answer(415)
    wire = Wire(server.url, name=name)

    for _ in range(3):
        wire.step()

    assert [post.headers.get("Content-Encoding") for post in server.seen] == ["gzip", None, None]
    assert server.seen[0].body == server.seen[1].raw


def compresses(server: Server, name: str) -> bool:
    Wire(server.url, name=name).step()
    return server.seen[-1].headers.get("Content-Encoding") == "gzip"


def test_given_a_lost_answer_when_the_report_is_sent_again_then_it_counts_as_a_duplicate(server: Server):
    server.will_answer(200, duplicate=True)
    wire = Wire(server.url)

    wire.step()

    assert wire.tally.totals.duplicates == 1
    assert wire.tally.totals.accepted == 0


@pytest.mark.parametrize(
    "body", [{"need": "inventory:d1"}, {"accepted": 5}, {"rejected_total": "many"}, {"need": [{}]}]
)
def test_given_an_odd_answer_when_it_says_accepted_then_that_is_enough(server: Server, body: dict[str, Any]):
    server.will_answer(202, **body)
    wire = Wire(server.url)

    wire.step()

    assert wire.tally.totals.accepted == 1
    assert wire.tally.totals.samples == 0
