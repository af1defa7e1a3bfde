"""Run a command and leave nothing of it behind, whoever ends first.

    python -I -S keeper.py COMMAND ARGUMENT…

The command gets a process group, and the terminal if there is one. When it ends, programs it has left in the background
are asked to end, then made to; when the supervisor dies, everything dies at once. The exit code is the command's, or
128 + the signal that ended it. Started through guard.py with `--signal SIGUSR1 --adopt`: then the kernel tells it of
the supervisor's death and gives it the command's orphans.
"""

import contextlib
import os
import select
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

SUPERVISOR_DIED = signal.SIGUSR1
FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
WATCHED = (signal.SIGCHLD, SUPERVISOR_DIED, *FORWARDED)
PROC = Path("/proc")
PATIENCE_S = 10.0
LOOK_AGAIN_S = 0.05


class SupervisorDied(Exception):
    pass


class Keeper:
    """Waits for one command. Signals arrive as bytes in a pipe, so none is lost between two steps."""

    def __init__(self, command: list[str]) -> None:
        self.signals, wakeup = os.pipe()
        os.set_blocking(self.signals, False)
        os.set_blocking(wakeup, False)
        signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
        for number in WATCHED:
            signal.signal(number, lambda caught, frame: None)
        self.command = self._start(command)
        self.code: int | None = None
        self.kill_at: float | None = None

    def run(self) -> int:
        try:
            while self.code is None:
                self._handle_signals()
                if self.kill_at and time.monotonic() > self.kill_at:
                    self._signal_group(signal.SIGKILL)
            self._end_the_rest()
        except SupervisorDied:
            self._kill_everything()
            return 128 + signal.SIGKILL
        return self.code

    def _start(self, command: list[str]) -> int:
        owns_terminal = os.isatty(0) and os.tcgetpgrp(0) == os.getpgid(os.getppid())
        pid = os.fork()
        if pid:
            with contextlib.suppress(OSError):  # the child has done it already, and may even have ended
                os.setpgid(pid, pid)
            return pid
        for number in WATCHED:
            signal.signal(number, signal.SIG_DFL)
        os.setpgid(0, 0)
        signal.signal(signal.SIGTSTP, signal.SIG_IGN)  # nobody could continue what Ctrl-Z has stopped
        if owns_terminal:
            _give_terminal_to(os.getpid())
        try:
            os.execvp(command[0], command)  # noqa: S606 - the caller's own program, no shell
        except OSError as error:
            sys.stderr.write(f"smartcare: {command[0]}: {error.strerror}\n")
            os._exit(127)

    def _handle_signals(self) -> None:
        """Those that arrive within the next moment."""
        select.select([self.signals], [], [], LOOK_AGAIN_S)
        with contextlib.suppress(BlockingIOError):
            for number in os.read(self.signals, 64):
                if number == SUPERVISOR_DIED:
                    raise SupervisorDied
                if number in FORWARDED:
                    self._signal_group(signal.Signals(number))
                if number in {signal.SIGTERM, signal.SIGHUP}:  # who interrupts at a prompt does not mean to end it
                    self.kill_at = time.monotonic() + PATIENCE_S
        self._reap()

    def _reap(self) -> bool:
        """Whether any process of ours is left."""
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return True
                if pid == self.command:
                    code = os.waitstatus_to_exitcode(status)
                    self.code = code if code >= 0 else 128 - code
        return False

    def _end_the_rest(self) -> None:
        """Ask each orphan once; an orphan's own children become ours when it ends, and are asked then."""
        asked: set[int] = set()
        if not PROC.exists():  # not on Linux: no orphan is ours, but those in the command's group can be told
            self._signal_group(signal.SIGTERM)
        kill_at = time.monotonic() + PATIENCE_S
        while self._reap():
            for pid in set(children_of(os.getpid())) - asked:
                _send(pid, signal.SIGTERM)
                asked.add(pid)
            if time.monotonic() > kill_at:
                self._kill_everything()
                return
            self._handle_signals()

    def _kill_everything(self) -> None:
        while self._reap():
            for pid in descendants_of(os.getpid()):
                _send(pid, signal.SIGKILL)
            time.sleep(LOOK_AGAIN_S)

    def _signal_group(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.command, number)


def _send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _give_terminal_to(group: int) -> None:
    """Ignoring SIGTTOU for the moment: a background group that touches the terminal would be stopped."""
    before = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    with contextlib.suppress(OSError):
        os.tcsetpgrp(0, group)
    signal.signal(signal.SIGTTOU, before)


def children_of(pid: int) -> Iterator[int]:
    """Linux only."""
    for entry in PROC.glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError):
            fields = entry.read_text().rpartition(")")[2].split()
            if int(fields[1]) == pid:
                yield int(entry.parent.name)


def descendants_of(pid: int) -> Iterator[int]:
    for child in children_of(pid):
        yield child
        yield from descendants_of(child)


if __name__ == "__main__":
    sys.exit(Keeper(sys.argv[1:]).run())
