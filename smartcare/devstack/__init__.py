"""Embedded PostgreSQL and Valkey for `demo`, `stack`, `bench` and the tests. Never for production.

For each server: the address in the environment (DATABASE_URL, REDIS_URL), else the program in its wheel, else the
system's program, else one sentence. Sockets only, in a private folder; nothing survives the process that started them.
"""

import contextlib
import os
from collections.abc import Iterator, MutableMapping
from pathlib import Path

from smartcare.devstack.environment import forget_libpq
from smartcare.devstack.errors import DidNotStart, InUse, NotInstalled, StackError
from smartcare.devstack.folders import DataFolder, claimed, throw_away
from smartcare.devstack.postgres import Postgres
from smartcare.devstack.server import Server, guarded
from smartcare.devstack.valkey import Valkey

__all__ = [
    "DataFolder",
    "DidNotStart",
    "InUse",
    "NotInstalled",
    "Postgres",
    "Server",
    "StackError",
    "Valkey",
    "claimed",
    "guarded",
    "servers",
    "throw_away",
]


@contextlib.contextmanager
def servers(data: Path, *, durable: bool, env: MutableMapping[str, str]) -> Iterator[list[Server]]:
    """The servers that `env` names no address for, up and prepared; their addresses are put into `env`.

    data: folder for their files, made if missing, kept afterwards. durable: survives a power cut (off for tests alone).
    Raises StackError with a sentence for the person at the terminal. Call it from the main thread.
    """
    wanted = [kind for kind, name in ((Postgres, "DATABASE_URL"), (Valkey, "REDIS_URL")) if not env.get(name)]
    with contextlib.ExitStack() as undo:
        folder = undo.enter_context(claimed(data)) if wanted else None
        started: list[Server] = []
        if Postgres in wanted:
            for environment in (env, os.environ):
                forget_libpq(environment)
        for kind in wanted:
            assert folder is not None
            server = kind(folder, durable=durable)
            undo.callback(server.stop)
            started.append(server.start())
            env.update(server.environment)
        yield started
