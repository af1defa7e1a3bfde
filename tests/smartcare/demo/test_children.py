"""Programs of a demonstration: watched, stopped, and never left behind."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from smartcare.demo.children import Child, ChildEnded

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(300)"
)
Start = Callable[..., Child]


@pytest.fixture
def shown() -> list[str]:
    return []


@pytest.fixture
def start(tmp_path: Path, shown: list[str]) -> Iterator[Start]:
    children: list[Child] = []

    def one(*command: str) -> Child:
        child = Child("it", command, log=tmp_path / "it.log", env={}, show=lambda _, text: shown.append(text))
        children.append(child)
        return child

    yield one
    for child in children:
        child.stop(0.1)


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_when_a_program_ends_by_itself_then_its_last_lines_tell_why(start: Start) -> None:
    child = start("/bin/sh", "-c", "echo one; echo the reason >&2; exit 3")
    until(lambda: not child.lives)

    with pytest.raises(ChildEnded, match=r"it ended by itself \(code 3\)(?s:.)*the reason"):
        child.require_alive()


def test_when_a_program_tells_of_trouble_then_it_is_shown_at_once_and_the_rest_is_in_its_log(
    start: Start, shown: list[str], tmp_path: Path
) -> None:
    child = start("/bin/sh", "-c", """echo all is well; echo '{"level": "error", "event": "broken"}'; exec sleep 300""")
    until(lambda: shown)

    assert shown == ['{"level": "error", "event": "broken"}']
    assert "all is well" in (tmp_path / "it.log").read_text()
    assert child.lives


def test_when_a_program_tells_of_the_same_trouble_without_end_then_a_few_lines_are_shown(
    start: Start, shown: list[str]
) -> None:
    child = start("/bin/sh", "-c", "for n in 1 2 3 4 5 6 7 8 9 10 11 12; do echo ERROR $n; done")
    until(lambda: not child.lives)
    until(lambda: len(shown) == 6)

    assert shown[-1].startswith("… and more")


@pytest.mark.parametrize("how", [None, signal.SIGSTOP])
def test_given_a_program_that_does_not_listen_when_stopped_then_it_is_gone(
    start: Start, how: signal.Signals | None, tmp_path: Path
) -> None:
    child = start(sys.executable, "-c", STUBBORN)
    until(lambda: "up" in (tmp_path / "it.log").read_text() if (tmp_path / "it.log").exists() else False)
    if how is not None:
        child.process.send_signal(how)  # its keeper, which then cannot listen either

    child.stop(0.2)

    assert not child.lives
    assert STUBBORN.encode() not in subprocess.run(["ps", "-eo", "args"], capture_output=True, check=True).stdout
