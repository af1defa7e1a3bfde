"""The programs of a demonstration: started so that none outlives it, watched, stopped in order."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from smartcare import devstack

KEEPER = Path(devstack.__file__).with_name("keeper.py")
LAST_LINES = 12
LONGEST_LINE = 2_000  # characters kept of one
SHOWN_AT_ONCE, SHOWN_EVERY_S = 5, 10.0  # lines of trouble of one program: the rest is in its log
STOPS_WITHIN_S = 10.0
TROUBLE = re.compile(r'"level": "(error|critical)"|^Traceback|\bERROR\b|\bCRITICAL\b')

Show = Callable[[str, str], None]


class ChildEnded(Exception):
    """A program ended although nobody asked it to; the text names it and shows its last lines."""


class Child:
    """One program with all that it starts. Its output goes to a file; lines that tell of trouble are shown at once."""

    def __init__(self, name: str, command: Sequence[str], *, log: Path, env: Mapping[str, str], show: Show) -> None:
        """Starts it. Call from the main thread: the kernel ties its life to the thread that starts it."""
        self.name = name
        self._log, self._show = log, show
        self._last: deque[str] = deque(maxlen=LAST_LINES)
        self._shown: list[float] = []
        words = [sys.executable, "-I", "-S", str(KEEPER), *command]
        self.process = subprocess.Popen(  # noqa: S603 - our own command line, no shell
            devstack.guarded(words, on_death=signal.SIGUSR1, adopt=True),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=dict(env),
            start_new_session=True,  # Ctrl-C is for the supervisor, which stops everything in order
        )
        self._pump = threading.Thread(target=self._copy, daemon=True)
        self._pump.start()

    def _copy(self) -> None:
        assert self.process.stdout is not None
        descriptor = os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "a") as file, self.process.stdout as lines:
            for line in lines:
                file.write(line)
                file.flush()
                kept = line.rstrip()[:LONGEST_LINE]
                self._last.append(kept)
                if TROUBLE.search(kept):
                    self._show_trouble(kept)

    def _show_trouble(self, line: str) -> None:
        now = time.monotonic()
        self._shown = [at for at in self._shown if now - at < SHOWN_EVERY_S]
        if len(self._shown) < SHOWN_AT_ONCE:
            self._show(self.name, line)
        elif len(self._shown) == SHOWN_AT_ONCE:
            self._show(self.name, f"… and more, see {self._log}")
        self._shown.append(now)

    @property
    def lives(self) -> bool:
        return self.process.poll() is None

    def require_alive(self) -> None:
        """Raises ChildEnded."""
        if self.lives:
            return
        self._pump.join(1)
        said = "\n  ".join(
            [f"{self.name} ended by itself (code {self.process.returncode}); its last lines:", *self._last]
        )
        raise ChildEnded(said)

    def ask_to_stop(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)

    def stop(self, patience_s: float = STOPS_WITHIN_S) -> None:
        """In its own way, then by force: with its keeper's supervisor gone nothing of it stays."""
        if not self.lives:
            return
        self.ask_to_stop()
        # SIGUSR1 tells the keeper to kill all that it has started; SIGCONT wakes what somebody has stopped.
        for number in (signal.SIGCONT, signal.SIGUSR1, signal.SIGKILL):
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(patience_s)
                return
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(number)
            patience_s = 2.0
        self.process.wait(patience_s)
