"""A demonstration as a process of its own, and its insides as somebody at the same machine sees them."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from smartcare.devstack.keeper import descendants_of

ROOT = Path(__file__).parents[3]
# A pytest worker's own servers and settings are nothing for it.
NOT_OURS = re.compile(r"^(PG|PYTEST|DATABASE_|REDIS_|SECRET_KEY|EMAIL_URL|DJANGO_ALLOW)")


class Running:
    """Started at once. Standard error is read as it comes."""

    def __init__(self, data: Path, *arguments: str) -> None:
        environment = {name: value for name, value in os.environ.items() if not NOT_OURS.match(name)}
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            # With a data folder of the test's own: nobody's demonstration is touched.
            [sys.executable, "manage.py", "demo", "--data", str(data), *arguments],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment | {"DJANGO_SETTINGS_MODULE": "smartcare.settings"},
            start_new_session=True,
        )
        self.said, self.out = "", ""
        self._readers = [threading.Thread(target=self._read, args=(name,), daemon=True) for name in ("out", "said")]
        for reader in self._readers:
            reader.start()

    def _read(self, name: str) -> None:
        stream = self.process.stdout if name == "out" else self.process.stderr
        assert stream is not None
        for line in stream:
            setattr(self, name, getattr(self, name) + line)

    def wait_for(self, words: str, within_s: float = 110) -> None:
        """Until it has said so, on either stream."""
        deadline = time.monotonic() + within_s
        while words not in self.said + self.out:
            assert self.process.poll() is None, self.said
            assert time.monotonic() < deadline, self.said
            time.sleep(0.02)

    def ends(self, within_s: float = 125) -> int:
        """Exit code."""
        code = self.process.wait(max(1.0, within_s - (time.monotonic() - self.began)))
        for reader in self._readers:
            reader.join(5)
        return code

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    @property
    def last_line(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.out.strip().splitlines()[-1])
        return found

    @property
    def data(self) -> Path:
        found = re.search(r"data in (\S+)", self.said)
        assert found is not None, self.said
        return Path(found.group(1))

    def processes(self, *words: str) -> list[int]:
        """Numbers of its processes whose command line holds all these words."""
        return [pid for pid in descendants_of(self.process.pid) if all(word in command_of(pid) for word in words)]


def command_of(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return ""


def environment_of(pid: int) -> set[str]:
    """Names of its variables."""
    content = Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace")
    return {entry.partition("=")[0] for entry in content.split("\0")}


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def all_end(pids: list[int], within_s: float = 20) -> bool:
    deadline = time.monotonic() + within_s
    while any(map(lives, pids)):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@contextlib.contextmanager
def running(data: Path, *arguments: str) -> Iterator[Running]:
    """Whatever the test finds, nothing is left behind."""
    demo = Running(data, *arguments)
    known: set[int] = set()
    try:
        yield demo
    finally:
        known |= set(descendants_of(demo.process.pid))
        if demo.process.poll() is None:
            demo.process.kill()
            demo.process.wait(10)
        if not all_end(list(known), 15):
            for pid in filter(lives, known):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def send(number: signal.Signals, pids: list[int]) -> None:
    assert pids, "no such process"
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


Sabotage = Callable[[Running], None]
