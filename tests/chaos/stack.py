"""The product as it runs in earnest, on servers of its own, with a hand on every plug.

A durable PostgreSQL and Valkey, a web server with two workers, two Celery workers, a scheduler, and a receiver of webhooks;
each program in a group of its own that ends with this process. Only what was started here is ever killed.
"""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg2
import redis

from smartcare import devstack, server
from smartcare.celery import QUEUES
from smartcare.devstack.keeper import children_of

ROOT = Path(__file__).parents[2]
KEEPER = Path(devstack.__file__).with_name("keeper.py")
# A pytest worker's own servers and settings are nothing for it.
NOT_OURS = re.compile(r"^(PG|PYTEST|DATABASE_|REDIS_|SECRET_KEY|EMAIL_URL|DJANGO_ALLOW|SMARTCARE_FAIL)")
CELERY = [sys.executable, "-m", "celery", "-A", "smartcare"]
WORKER = [*CELERY, "worker", "-Q", QUEUES, "-l", "warning", "--without-gossip", "--without-mingle"]


class Program:
    """One program with all that it starts; may be killed and started again."""

    def __init__(self, name: str, command: Sequence[str], *, env: dict[str, str], log: Path) -> None:
        self.name, self._command, self._env, self._log = name, list(command), env, log
        self._keeper: subprocess.Popen[bytes] | None = None
        self.starts = 0

    def start(self) -> None:
        """From the main thread: the kernel ties its life to the thread that starts it."""
        words: list[str | Path] = [sys.executable, "-I", "-S", KEEPER, *self._command]
        with self._log.open("ab") as out:
            self._keeper = subprocess.Popen(
                devstack.guarded(words, on_death=signal.SIGUSR1, adopt=True),
                cwd=ROOT,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.starts += 1

    @property
    def lives(self) -> bool:
        return self._keeper is not None and self._keeper.poll() is None

    @property
    def leader(self) -> int:
        """Process number of the program itself; 0 if it does not run."""
        return next(iter(children_of(self._keeper.pid)), 0) if self._keeper and self.lives else 0

    @property
    def children(self) -> list[int]:
        """Its worker processes."""
        return list(children_of(self.leader)) if self.leader else []

    def signal(self, number: signal.Signals) -> None:
        """To the program and all that it has started."""
        if leader := self.leader:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(leader, number)

    def kill(self) -> None:
        """Without a word, all of it."""
        self.signal(signal.SIGKILL)
        self._wait(10)

    def kill_child(self, choose: Any) -> bool:
        """One worker process of it, which the program then replaces. False if there is none."""
        if not (children := self.children):
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(choose(children), signal.SIGKILL)
        return True

    def stop(self) -> None:
        if self._keeper is None:
            return
        for number in (signal.SIGCONT, signal.SIGTERM):
            self.signal(number)
        if not self._wait(8):
            with contextlib.suppress(ProcessLookupError):
                self._keeper.send_signal(signal.SIGUSR1)  # the keeper kills all that is left
            self._wait(5)

    def _wait(self, seconds: float) -> bool:
        assert self._keeper is not None
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._keeper.wait(seconds)
            return True
        return False


class Stack:
    """Servers and programs of one run. `url`: of the web server. `hooks`: of the receiver."""

    def __init__(self, folder: Path, data: devstack.DataFolder, *, workers: int = 2) -> None:
        self.folder = folder
        self.postgres = devstack.Postgres(data, durable=True)
        self.valkey = devstack.Valkey(data, durable=True)
        self.web_port, self.hook_port = free_port(), free_port()
        self.url, self.hooks = f"http://127.0.0.1:{self.web_port}", f"http://127.0.0.1:{self.hook_port}"
        self.received = folder / "received.jsonl"
        self._workers = workers
        self.env: dict[str, str] = {}
        self.programs: dict[str, Program] = {}

    def up(self) -> None:
        for started in (self.postgres, self.valkey):
            started.start()
        kept = {name: value for name, value in os.environ.items() if not NOT_OURS.match(name)}
        self.env = kept | {
            "DJANGO_SETTINGS_MODULE": "smartcare.settings",
            "SECRET_KEY": "of-one-run-alone-and-nobody-will-ever-see-it-again",
            "ALLOWED_HOSTS": "127.0.0.1",
            "PUBLIC_URL": self.url,
            "EMAIL_URL": f"file://{self.folder}/mail",
            "EGRESS_ALLOW": "127.0.0.1",
            "SECOND_FACTOR": "optional",
            "PYTHONWARNINGS": "ignore",
            **self.postgres.environment,
            **self.valkey.environment,
        }
        self.run("manage.py", "migrate", "--verbosity", "0")
        del self.env["DATABASE_OWNER_URL"]  # whoever serves never has it
        for name, command in self._commands().items():
            self.programs[name] = Program(name, command, env=self.env, log=self.folder / f"{name}.log")

    def _commands(self) -> dict[str, list[str]]:
        beat = ["beat", "-l", "warning", "-s", str(self.folder / "beat"), "--pidfile="]
        receiver = ["-m", "tests.chaos.receiver", "--port", str(self.hook_port), "--ledger", str(self.received)]
        return {
            "receiver": [sys.executable, *receiver],
            "web": server.command(host="127.0.0.1", port=self.web_port, workers=2, access_log=False),
            "beat": [*CELERY, *beat],
            **{f"worker-{n}": [*WORKER, "-c", "2", "-n", f"w{n}@chaos"] for n in range(1, self._workers + 1)},
        }

    @property
    def workers(self) -> list[Program]:
        return [program for name, program in self.programs.items() if name.startswith("worker")]

    def run(self, *arguments: str, within_s: float = 120) -> str:
        """Standard output of one Python program; it must succeed. Runs with the owner's login only before `up` ends."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=within_s,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    def start(self) -> None:
        for program in self.programs.values():
            program.start()

    def wait_for_web(self, within_s: float = 60) -> None:
        wait_until(lambda: answers(f"{self.url}/healthz"), "the web server answers", within_s)

    def start_what_is_down(self) -> None:
        for program in self.programs.values():
            if not program.lives:
                program.start()

    def down(self) -> None:
        for program in self.programs.values():
            program.stop()
        for started in (self.valkey, self.postgres):
            started.stop()

    # ---- plugs

    def restart_database(self) -> None:
        self.postgres.stop_immediately()
        self.postgres.start()

    def cut_connections(self) -> None:
        """Of the application, all at once, as a failing proxy between would."""
        self.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'sc_app'")

    def restart_broker(self) -> None:
        self.valkey.kill()
        self.valkey.start()

    def flush_broker(self) -> None:
        with redis.Redis(unix_socket_path=str(self.valkey.socket)) as client:
            client.flushall()

    # ---- behind the curtain

    def ask(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows, as the server's owner sees them."""
        with contextlib.closing(self.postgres.session()) as session:
            session.autocommit = True
            with session.cursor() as cursor:
                cursor.execute(statement, values or None)
                return list(cursor.fetchall()) if cursor.description else []

    def count(self, statement: str, *values: Any) -> int:
        return int(self.ask(statement, *values)[0][0])


@contextlib.contextmanager
def standing(*, workers: int = 2) -> Iterator[Stack]:
    """Servers up and migrated, programs not yet started; all of it gone afterwards."""
    with devstack.throw_away() as folder, devstack.claimed(folder / "servers") as data:
        stack = Stack(folder, data, workers=workers)
        try:
            stack.up()
            yield stack
        finally:
            stack.down()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return bool(response.status == 200)
    except (OSError, ValueError):
        return False


def wait_until(holds: Any, what: str, within_s: float, *, every_s: float = 0.2) -> float:
    """Seconds it took. Fails with `what` when time is up; a database that is away counts as not yet."""
    began = time.monotonic()
    while True:
        with contextlib.suppress(psycopg2.OperationalError):
            if holds():
                return time.monotonic() - began
        assert time.monotonic() - began < within_s, f"not within {within_s:.0f} s: {what}"
        time.sleep(every_s)
