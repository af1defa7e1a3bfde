"""Web, worker, beat and the outside world, running together on servers that are up and seeded."""

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from smartcare import server
from smartcare.celery import QUEUES
from smartcare.demo import readiness
from smartcare.demo.children import STOPS_WITHIN_S, Child, Show
from smartcare.demo.memory import LOOPBACK

# Whoever migrates has more rights than whoever serves: this never reaches a program that does.
NOT_FOR_CHILDREN = ("DATABASE_OWNER_URL",)
HURRIED_S = 1.0


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where everything is on this machine. data: folder of logs, mails and what is remembered."""

    port: int
    receiver_port: int
    mail_port: int
    data: Path

    @property
    def web(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def outside(self) -> str:
        return f"http://{LOOPBACK}:{self.receiver_port}"

    def hook(self, name: str) -> str:
        """The webhook address of a company."""
        return f"{self.outside}/hook/{name}"


class Stage:
    """Use in a `with`, from the main thread: on the way in everything starts, on the way out everything is stopped in order."""

    def __init__(self, addresses: Addresses, *, show: Show, hurry: bool = False) -> None:
        """hurry: nothing of it will be needed again, so nobody's order is waited for at the end."""
        self.addresses, self._show, self._hurry = addresses, show, hurry
        self.children: dict[str, Child] = {}

    def __enter__(self) -> Self:
        """Started, not yet ready. Raises OSError where a program is missing."""
        try:
            for name, command in self._commands().items():
                self.children[name] = self._start(name, command)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Who takes work from outside first, who finishes it last."""
        order = [self.children[name] for name in ("web", "beat", "worker", "outside") if name in self.children]
        if self._hurry:
            for child in order:
                child.ask_to_stop()
        for child in order:
            child.stop(HURRIED_S if self._hurry else STOPS_WITHIN_S)

    def wait_until_ready(self, seconds: float) -> None:
        """Raises ChildEnded, NotReady."""
        until = time.monotonic() + seconds
        questions: dict[str, Callable[[], str]] = {
            "the receiver": lambda: readiness.receiver(self.addresses.outside),
            "the web server": lambda: readiness.web(self.addresses.web),
            "the worker": readiness.worker,
            "the scheduler": readiness.beat,
        }
        for what, question in questions.items():
            readiness.wait(what, question, until=until, between=self.require_all_alive)

    def require_all_alive(self) -> None:
        """Raises ChildEnded."""
        for child in self.children.values():
            child.require_alive()

    def _start(self, name: str, command: list[str]) -> Child:
        environment = {key: value for key, value in os.environ.items() if key not in NOT_FOR_CHILDREN}
        return Child(name, command, log=self.addresses.data / f"{name}.log", env=environment, show=self._show)

    def _commands(self) -> dict[str, list[str]]:
        a = self.addresses
        celery = [sys.executable, "-m", "celery", "-A", "smartcare"]
        outside = ["--http", str(a.receiver_port), "--smtp", str(a.mail_port), "--folder", str(a.data / "outside")]
        return {
            "outside": [sys.executable, "-m", "smartcare.demo.outside", *outside],
            "web": server.command(host=LOOPBACK, port=a.port, access_log=False, respawn=False),
            "worker": [
                *celery,
                "worker",
                "-c",
                "2",
                "-Q",
                QUEUES,
                "-l",
                "warning",
                "--without-gossip",
                "--without-mingle",
            ],
            "beat": [*celery, "beat", "-l", "warning", "-s", str(a.data / "beat"), "--pidfile="],
        }
