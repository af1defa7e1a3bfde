"""What PostgreSQL and Valkey have in common: start, wait for the first answer, stop."""

import abc
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Self

from smartcare.devstack import guard
from smartcare.devstack.errors import DidNotStart
from smartcare.devstack.folders import DataFolder

GUARD = Path(guard.__file__)
LOOK_AGAIN_S = 0.02
LAST_LINES = 8
# Nothing of the caller's environment bends the servers (PGPORT, LC_ALL of a locale that is not installed, …).
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C"}
if "LD_LIBRARY_PATH" in os.environ:  # the guard's Python may not start without it
    ENVIRONMENT["LD_LIBRARY_PATH"] = os.environ["LD_LIBRARY_PATH"]


def guarded(
    program: Sequence[str | Path], *, on_death: signal.Signals, rights: str = "own", adopt: bool = False
) -> list[str]:
    """The command line that runs `program` and sends it `on_death` when this process dies, however it dies.

    The kernel ties the signal to the thread that starts the program: start it from the main thread.
    adopt: orphans of the program become its children.
    """
    options = [
        "--supervisor",
        str(os.getpid()),
        "--signal",
        str(int(on_death)),
        "--as",
        rights,
        *(["--adopt"] if adopt else []),
    ]
    return [sys.executable, "-I", "-S", str(GUARD), *options, "--", *map(str, program)]


class Server(abc.ABC):
    """One server on one data folder; may be started again after `stop` or `kill`."""

    name: ClassVar[str]
    answers_within_s: ClassVar[float]
    rights: str = "own"

    def __init__(self, folder: DataFolder, *, durable: bool) -> None:
        self.folder = folder
        self.durable = durable
        self.started_in_s = 0.0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    @abc.abstractmethod
    def environment(self) -> dict[str, str]:
        """The variables under which programs find this server."""

    @abc.abstractmethod
    def start(self) -> Self:
        """Return when it answers. Raises DidNotStart."""

    @abc.abstractmethod
    def _answers(self) -> bool: ...

    @property
    def pid(self) -> int:
        """Process number while it runs, else 0."""
        return self._process.pid if self._process and self._process.poll() is None else 0

    def stop(self) -> None:
        """Orderly, within 15 s; then by force. Nothing to do if it does not run."""
        self._end_with(signal.SIGINT, signal.SIGQUIT, signal.SIGKILL)

    def kill(self) -> None:
        """As a power cut would (for the tests of what survives one)."""
        self._end_with(signal.SIGKILL)

    def _run(self, program: Sequence[str | Path]) -> None:
        """Start, wait for the first answer."""
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("Start servers from the main thread: they die with the thread that started them.")
        begun = time.monotonic()
        with self.folder.append_to_log(self.name) as log:
            # Own session: the supervisor, not the terminal's Ctrl-C, decides when a server stops.
            self._process = subprocess.Popen(  # noqa: S603 - our own command line, no shell
                guarded(program, on_death=signal.SIGINT, rights=self.rights),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder.sockets,
                env=ENVIRONMENT,
                start_new_session=True,
                pass_fds=[self.folder.lock],
            )
        self._wait(self._process)
        self.started_in_s = time.monotonic() - begun

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        give_up_at = time.monotonic() + self.answers_within_s
        try:
            while not self._answers():
                if process.poll() is not None:
                    raise DidNotStart(f"{self.name} ended at start (code {process.returncode}): {self._last_lines()}")
                if time.monotonic() > give_up_at:
                    raise DidNotStart(
                        f"{self.name} did not answer in {self.answers_within_s:.0f} s: {self._last_lines()}"
                    )
                time.sleep(LOOK_AGAIN_S)
        except BaseException:  # also an interrupt: nobody else knows of this process yet
            self.stop()
            raise

    def _end_with(self, *signals: signal.Signals) -> None:
        if self._process is None:
            return
        for number, patience_s in zip(signals, (15, 5, 5), strict=False):
            if self._process.poll() is not None:
                return
            self._process.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(patience_s)

    def _last_lines(self) -> str:
        log = self.folder.log(self.name)
        lines = log.read_text(errors="replace").splitlines()[-LAST_LINES:] if log.exists() else []
        return "\n  ".join([f"see {log}", *lines])
