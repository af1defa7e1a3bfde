"""The front door's way to the database: single statements, short deadlines, one word for "not now"."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import structlog
from django.db import DatabaseError, DataError, InterfaceError, connection, transaction

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
    reused = connection.connection is not None
    try:
        return _run(statement, parameters)
    except DataError:
        raise
    except (DatabaseError, InterfaceError) as error:
        gone = connection.connection is not None and connection.connection.closed
        if not connection.in_atomic_block:
            connection.close()
            if reused and gone:
                return _once_more(statement, parameters)
        raise _away(error) from error


def _once_more(statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    try:
        return _run(statement, parameters)
    except DataError:
        raise
    except (DatabaseError, InterfaceError) as error:
        connection.close()
        raise _away(error) from error


def _run(statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    if connection.in_atomic_block:
        # Somebody else's transaction (a replay from quarantine, a test): a failure must leave it usable.
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return list(cursor.fetchall())
    with connection.cursor() as cursor:
        cursor.execute(DEADLINE + statement, parameters)
        return list(cursor.fetchall())


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
