"""The front door's way to the database: single statements, short deadlines, one word for "not now"."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Final

import structlog
from django.db import (
    DEFAULT_DB_ALIAS,
    DatabaseError,
    DataError,
    InterfaceError,
    connection,
    connections,
    transaction,
)
from django.db.backends.base.base import BaseDatabaseWrapper

log = structlog.get_logger(__name__)

STATEMENT_MS: Final = 4_000
# Two statements in one message are one transaction, so this costs no round trip and outlives nothing.
DEADLINE: Final = f"SET LOCAL statement_timeout = {STATEMENT_MS}; "


class StoreAway(Exception):
    """Nothing was committed, or nobody knows: the sender keeps its report and comes again. Storing twice is harmless."""


def ask(statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Rows of one statement, committed when this returns. Raises StoreAway; DataError if the values cannot be stored.

    A connection that died while it was idle is replaced once, unseen by the sender: every statement of ingest may be
    repeated.
    """
    return _ask(connection, statement, parameters)


def ask_in_turn(statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """The same for callers of which only one asks at a time: all share one connection, so the server keeps one set of
    plans warm for the statement that matters, however many threads take turns."""
    return _ask(connection if connection.in_atomic_block else _shared(), statement, parameters)


def _ask(line: BaseDatabaseWrapper, statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    reused = line.connection is not None
    try:
        return _run(line, statement, parameters)
    except DataError:
        raise
    except (DatabaseError, InterfaceError) as error:
        gone = line.connection is not None and line.connection.closed
        if not line.in_atomic_block:
            line.close()
            if reused and gone:
                return _once_more(line, statement, parameters)
        raise _away(error) from error


def _once_more(line: BaseDatabaseWrapper, statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    try:
        return _run(line, statement, parameters)
    except DataError:
        raise
    except (DatabaseError, InterfaceError) as error:
        line.close()
        raise _away(error) from error


def _run(line: BaseDatabaseWrapper, statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    if line.in_atomic_block:
        # Somebody else's transaction (a replay from quarantine, a test): a failure must leave it usable.
        with transaction.atomic(), line.cursor() as cursor:
            cursor.execute(statement, parameters)
            return list(cursor.fetchall())
    with line.cursor() as cursor:
        cursor.execute(DEADLINE + statement, parameters)
        return list(cursor.fetchall())


@cache
def _shared() -> BaseDatabaseWrapper:
    """One for this process; whoever holds the turn uses it. Opened in the process that uses it, not at import."""
    line = connections.create_connection(DEFAULT_DB_ALIAS)
    line.inc_thread_sharing()
    return line


def give_up_connection() -> None:
    """After an unexpected failure: the next request opens a connection of its own accord. Not in a transaction of others."""
    if not connection.in_atomic_block:
        connection.close()


def _away(error: Exception) -> StoreAway:
    state = getattr(error.__cause__, "pgcode", None) or ""
    # Not the message: it may quote values. The context names functions and lines.
    where = getattr(getattr(error.__cause__, "diag", None), "context", None) or ""
    log.warning("ingest.store_away", error=type(error).__name__, sqlstate=state, where=where[:200])
    return StoreAway(state or type(error).__name__)


def state_of(error: StoreAway) -> str:
    """The SQLSTATE behind it, or the name of the failure where the server did not say one."""
    return str(error.args[0]) if error.args else ""
