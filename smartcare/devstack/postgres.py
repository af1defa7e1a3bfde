"""The embedded PostgreSQL: one private socket, `trust` behind it, the product's roles and database."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path
from typing import ClassVar, Self
from urllib.parse import quote

import psycopg2
from psycopg2.extensions import connection as Connection

from smartcare.devstack import binaries, unprivileged
from smartcare.devstack.errors import DidNotStart
from smartcare.devstack.folders import DataFolder
from smartcare.devstack.server import ENVIRONMENT, Server, guarded

SUPERUSER, APPLICATION, DATABASE, PORT = "smartcare", "sc_app", "smartcare", "5432"
SETTINGS = {
    "listen_addresses": "",
    "port": PORT,  # part of the socket's name
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class Postgres(Server):
    """The database server. durable=False is for tests alone: faster, and a power cut would destroy the data."""

    name: ClassVar[str] = "postgres"
    answers_within_s: ClassVar[float] = 60.0  # a start after a crash replays the log first

    def __init__(self, folder: DataFolder, *, durable: bool) -> None:
        super().__init__(folder, durable=durable)
        place = unprivileged.place(folder, binaries.postgres())
        self.rights, self.programs, self.cluster, self._owner = place.rights, place.programs, place.cluster, place.owner

    @property
    def environment(self) -> dict[str, str]:
        return {"DATABASE_URL": self.url(APPLICATION), "DATABASE_OWNER_URL": self.url(SUPERUSER)}

    def url(self, user: str, database: str = DATABASE) -> str:
        return f"postgresql://{user}@/{database}?host={quote(str(self.folder.sockets), safe='')}"

    def start(self) -> Self:
        if not (self.cluster / "PG_VERSION").exists():
            self._initialise()
        self._forget_dead_postmaster()
        settings = SETTINGS | {"unix_socket_directories": str(self.folder.sockets)}
        settings |= {} if self.durable else NOT_DURABLE
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        self._run([self.programs / "postgres", "-D", self.cluster, *options])
        try:
            self._prepare()
        except BaseException:
            self.stop()
            raise
        return self

    def stop_immediately(self) -> None:
        """Without a checkpoint: the next start replays the log (for the tests of what survives that)."""
        self._end_with(signal.SIGQUIT, signal.SIGKILL)

    def kill(self) -> None:
        """With its backends, as a power cut would; alone they go on, and hold the memory that the next start needs."""
        backends = _children_of(self.pid) if self.pid else []
        super().kill()
        for pid in backends:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def session(self, database: str = DATABASE, user: str = SUPERUSER) -> Connection:
        """A connection of its own, outside Django. The caller closes it."""
        return psycopg2.connect(host=str(self.folder.sockets), port=PORT, user=user, dbname=database, connect_timeout=5)

    def _answers(self) -> bool:
        try:
            self.session("postgres").close()
        except psycopg2.OperationalError:  # not there yet, or still replaying its log
            return False
        return True

    def _initialise(self) -> None:
        """Into a folder beside it, renamed when complete: an interrupted start leaves no half cluster."""
        fresh = self.cluster.with_name(self.cluster.name + ".new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        if self._owner != os.geteuid():
            os.chown(fresh, self._owner, -1)
        options = ["-U", SUPERUSER, "-A", "trust", "-E", "UTF8", *self._locale(), "--no-sync", "--no-instructions"]
        command = guarded(
            [self.programs / "initdb", "-D", fresh, *options], on_death=signal.SIGKILL, rights=self.rights
        )
        with self.folder.append_to_log(self.name) as log:
            done = subprocess.run(  # noqa: S603 - our own command line, no shell
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder.sockets,
                env=ENVIRONMENT,
                start_new_session=True,
                pass_fds=[self.folder.lock],
                check=False,
            )
        if done.returncode:
            raise DidNotStart(f"initdb ended with code {done.returncode}: {self._last_lines()}")
        fresh.rename(self.cluster)

    def _locale(self) -> list[str]:
        """The same order of words on every machine; before 17 PostgreSQL has it from the system alone."""
        shown = subprocess.run(  # noqa: S603 - our own command line, no shell
            [self.programs / "postgres", "--version"], capture_output=True, text=True, check=True, env=ENVIRONMENT
        ).stdout
        version = re.search(r"\d+", shown)
        if version and int(version[0]) >= 17:
            return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        return ["--locale=C.UTF-8"]

    def _forget_dead_postmaster(self) -> None:
        """Remove the process number of a killed server where that number now belongs to another program.

        PostgreSQL does so itself unless a process with that number lives; after a kill, in a container with few
        processes, one often does. A server works in its cluster's folder: so is one started by hand recognized.
        """
        note = self.cluster / "postmaster.pid"
        try:
            pid = int(note.read_text().partition("\n")[0])
            works_here = Path(f"/proc/{pid}/cwd").readlink() == self.cluster
        except PermissionError:
            works_here = False  # another user's process
        except (OSError, ValueError):
            return
        if not works_here:
            note.unlink()

    def _prepare(self) -> None:
        """Database and roles. Repeating it changes nothing."""
        from access import roles  # noqa: PLC0415 - brings Django with it, which only a running server needs

        with contextlib.closing(self.session("postgres")) as server:
            server.autocommit = True
            with server.cursor() as cursor:
                cursor.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE])
                if cursor.fetchone() is None:
                    cursor.execute(f"CREATE DATABASE {DATABASE}")
        with contextlib.closing(self.session()) as product:
            product.autocommit = True
            if refused := roles.prepare(product):
                raise DidNotStart(f"postgres refused to prepare the roles: {'; '.join(refused)}")
            with product.cursor() as cursor:
                cursor.execute(f"ALTER DATABASE {DATABASE} OWNER TO sc_owner")


def _children_of(pid: int) -> list[int]:
    """None where there is no /proc."""
    with contextlib.suppress(OSError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []
