"""A fleet on its threads, against a real server on loopback."""

import threading
import time

import pytest

from smartcare.simulator.fleet import Progress, run_fleet
from smartcare.simulator.plan import DeviceSpec

from .conftest import Server

FOUR = [DeviceSpec(f"{name}-hq", f"scd_{name}_secret") for name in ("fw", "sw", "ap", "ap2")]
SPEED = 86_400.0 * 4


def until(stop: threading.Event, accepted: int):
    """on_progress that stops the fleet once so many reports are taken."""

    def look(progress: Progress) -> None:
        if progress.totals.accepted >= accepted:
            stop.set()

    return look


def test_when_a_fleet_runs_then_each_device_reports_with_its_own_key(server: Server):
    stop = threading.Event()

    result = run_fleet(server.url, FOUR, stop=stop, speed=SPEED, seconds=30, on_progress=until(stop, 4))

    spoken = {(post.part["identity"]["hostname"], post.headers["Authorization"]) for post in server.seen}
    assert spoken == {(spec.name, f"Bearer {spec.key}") for spec in FOUR}
    assert result.totals.accepted == len(server.seen)
    assert result.totals.samples == sum(len(post.part["samples"]) for post in server.seen)
    assert result.unsent == 0


def test_when_somebody_says_stop_then_a_fleet_that_waits_ends_at_once(server: Server):
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    began = time.monotonic()

    run_fleet(server.url, FOUR, stop=stop, interval_s=3_600)

    assert time.monotonic() - began < 2


def test_given_a_limit_of_seconds_when_they_have_passed_then_the_fleet_ends(server: Server):
    result = run_fleet(server.url, FOUR, stop=threading.Event(), seconds=0.2)

    assert 0.2 <= result.seconds < 2.5


def test_given_an_agent_of_ours_that_breaks_when_the_fleet_runs_then_it_is_told(server: Server, monkeypatch):
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("smartcare.simulator.agent.samples_at", broken)

    with pytest.raises(ZeroDivisionError):
        run_fleet(server.url, FOUR, stop=threading.Event(), speed=SPEED, seconds=30)


def test_when_a_fleet_runs_then_it_keeps_a_handful_of_connections_open(server: Server):
    stop = threading.Event()
    many = [DeviceSpec(f"device {n}", "k") for n in range(40)]

    run_fleet(server.url, many, stop=stop, speed=SPEED, seconds=60, on_progress=until(stop, 60))

    assert {post.headers["Connection"] for post in server.seen} == {"keep-alive"}


@pytest.mark.parametrize(("interval", "speed"), [(0, 1), (0.5, 1), (300, 0.1)])
def test_given_impossible_arguments_when_a_fleet_is_started_then_it_is_refused(interval: float, speed: float):
    with pytest.raises(ValueError, match="at least a second|at least 1"):
        run_fleet("http://127.0.0.1:9", FOUR, stop=threading.Event(), interval_s=interval, speed=speed)
