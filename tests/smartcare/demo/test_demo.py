"""`demo`: says how to sign in, goes on where it stopped, ends in order, leaves nothing behind. A minute each: `make soak`."""

import re
import signal
from pathlib import Path

import pytest
import requests

from smartcare.demo.memory import free_port
from tests.smartcare.demo.running import Running, all_end, command_of, environment_of, running, send

pytestmark = [pytest.mark.soak, pytest.mark.xdist_group("demo")]
READY = "SmartCare is ready."


def sign_ins(demo: Running) -> list[str]:
    return re.findall(r"^  \S+@\S+\.example .*$", demo.out, re.MULTILINE)


def test_when_started_twice_then_the_second_is_refused_and_after_a_stop_all_is_as_it_was(tmp_path: Path) -> None:
    port = str(free_port())
    with running(tmp_path / "data", "--port", port) as demo:
        demo.wait_for(READY)
        assert requests.get(f"http://127.0.0.1:{port}/readyz", timeout=10).json()["ok"] is True
        inside = demo.processes()
        for pid in demo.processes("granian") + demo.processes("celery"):
            assert "DATABASE_OWNER_URL" not in environment_of(pid), command_of(pid)

        with running(tmp_path / "data", "--port", str(free_port())) as second:
            assert second.ends() == 1
            assert "Another SmartCare" in second.said
        first_sign_ins = sign_ins(demo)
        demo.process.send_signal(signal.SIGINT)

        assert demo.ends(10_000) == 0
        assert all_end(inside)

    with running(tmp_path / "data", "--port", port) as demo:
        demo.wait_for(READY)
        assert len(first_sign_ins) == 8
        assert sign_ins(demo) == first_sign_ins


def test_when_a_program_ends_by_itself_then_everything_stops_and_its_last_lines_are_shown(tmp_path: Path) -> None:
    with running(tmp_path / "data", "--port", str(free_port())) as demo:
        demo.wait_for(READY)
        inside = demo.processes()
        send(signal.SIGKILL, [pid for pid in demo.processes("celery", "beat") if "keeper.py" not in command_of(pid)])

        assert demo.ends(10_000) == 1
        assert "beat ended by itself" in demo.said
        assert all_end(inside)


def test_when_it_is_killed_then_no_process_is_left(tmp_path: Path) -> None:
    with running(tmp_path / "data", "--port", str(free_port())) as demo:
        demo.wait_for(READY)
        inside = demo.processes()
        assert len(inside) > 10

        demo.process.kill()

        assert all_end(inside)
