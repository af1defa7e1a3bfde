"""What is made ahead and what is given up: day partitions, blocks, hours, events, quarantined bodies.

Plain functions for the housekeeping round. Partitions are made and dropped by functions of the tables' owner, because
only an owner may.
"""

from __future__ import annotations

from typing import Final

from django.db import connection, transaction

from telemetry import samples

DAYS_AHEAD: Final = 3
COMPACTED_PER_ROUND: Final = 5_000
"""Stays and days: what two cores do in about ten seconds."""


def make_partitions() -> list[str]:
    """Day partitions from eight days back to three ahead; the names of those that were missing."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT make_day_partitions(%s)", [DAYS_AHEAD])
        return [row[0] for row in cursor.fetchall()]


def drop_partitions() -> list[str]:
    """Identities older than 30 days; sample days older than 8 that the compaction has emptied."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT drop_old_partitions()")
        return [row[0] for row in cursor.fetchall()]


def compact() -> int:
    """Hot rows older than two days into blocks; how many stays and days were done."""
    done = 0
    while done < COMPACTED_PER_ROUND:
        now = samples.compact(at_most=1_000)
        if not now:
            break
        done += now
    return done


def forget() -> int:
    """Rows past their time, of all customers: blocks after 100 days, hours after 800, events after 400, quarantined bodies
    after 60, refusals after 30. The figures stand in the function (telemetry/migrations/0006 and 0007), so that nobody can
    ask for less."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT forget_old_rows()")
        return int(cursor.fetchone()[0])


# In an order in which each step helps the next.
HOUSEKEEPING = (make_partitions, compact, drop_partitions, forget)
