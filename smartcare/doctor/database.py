"""PostgreSQL: reachable, new enough, migrated, safe against a power cut, of one mind about the time."""

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.migrations.executor import MigrationExecutor

from smartcare.doctor.findings import Finding, fault, good, note

OLDEST = 150_000  # server_version_num of PostgreSQL 15
MUST_BE_ON = ("fsync", "synchronous_commit", "full_page_writes")
CLOCKS_AGREE_S, CLOCKS_DIFFER_S = 1.0, 5.0
DAYS_AHEAD = 2
PARTITIONED = ("telemetry_report", "telemetry_healthsample", "telemetry_trafficsample")


def rows(query: str, parameters: Any = ()) -> list[tuple[Any, ...]]:
    """In a transaction of its own, without a principal: only what everybody may ask."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(query, parameters)
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found


def answers() -> Finding:
    host = settings.DATABASES["default"]["HOST"] or "a local socket"
    try:
        rows("SELECT 1")
    except DatabaseError as error:
        return fault(
            "database",
            f"does not answer at {host}: {str(error).strip().splitlines()[0]}",
            "start PostgreSQL, or correct DATABASE_URL; reports are answered 503 and kept by their senders meanwhile",
        )
    return good("database", f"answers at {host}")


def version_fits() -> Iterator[Finding]:
    number, words = int(rows("SHOW server_version_num")[0][0]), rows("SHOW server_version")[0][0]
    if number < OLDEST:
        yield fault("database version", f"is {words}", "use PostgreSQL 15 to 18")
    else:
        yield good("database version", words)


def migrated() -> Iterator[Finding]:
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        names = ", ".join(f"{migration.app_label}.{migration.name}" for migration, _ in missing[:3])
        yield fault(
            "migrations", f"{len(missing)} are missing ({names})", "run manage.py migrate with DATABASE_OWNER_URL"
        )
    else:
        yield good("migrations", "none is missing")


def durable() -> Iterator[Finding]:
    """An answer 202 is a promise that survives a power cut."""
    off = [name for name in MUST_BE_ON if rows(f"SHOW {name}")[0][0] == "off"]
    if off:
        yield fault(
            "durability",
            f"{', '.join(off)} {'is' if len(off) == 1 else 'are'} off: accepted reports could be lost",
            "switch on in postgresql.conf, or for the role and the database (ALTER ROLE, ALTER DATABASE)",
        )
    else:
        yield good("durability", f"{', '.join(MUST_BE_ON)} are on")


def clock_agrees() -> Iterator[Finding]:
    """Access ends by the database's clock, pages and reports are read by ours."""
    before = time.time()
    there: datetime = rows("SELECT statement_timestamp()")[0][0]
    skew = there.timestamp() - (before + time.time()) / 2
    said = f"the database's clock is {abs(skew):.1f} s {'ahead of' if skew > 0 else 'behind'} this machine's"
    advice = "let both machines follow the same time server (NTP)"
    if abs(skew) > CLOCKS_DIFFER_S:
        yield fault("clock", said, advice)
    elif abs(skew) > CLOCKS_AGREE_S:
        yield note("clock", said, advice)
    else:
        yield good("clock", "database and this machine agree")


def partitions_ahead() -> Iterator[Finding]:
    """The housekeeping makes a day's table before the day comes."""
    today: datetime = rows("SELECT date_trunc('day', statement_timestamp() AT TIME ZONE 'UTC')")[0][0]
    wanted = {
        f"{parent}_{today + timedelta(days=ahead):%Y%m%d}" for parent in PARTITIONED for ahead in range(DAYS_AHEAD + 1)
    }
    there = {name for (name,) in rows("SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r'")}
    if missing := sorted(wanted - there):
        yield fault(
            "partitions ahead",
            f"{len(missing)} day tables are missing ({missing[0]}, …)",
            "start beat and a worker: the housekeeping makes them within ten minutes, ingest makes today's itself",
        )
    else:
        yield good("partitions ahead", f"made for today and {DAYS_AHEAD} days ahead")
