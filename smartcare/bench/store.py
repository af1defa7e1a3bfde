"""Looking at the database from behind, as its owner: sizes and counts that no application role may see."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg2

HOT = ("telemetry_healthsample", "telemetry_trafficsample")
BLOCKS = ("telemetry_healthblock", "telemetry_trafficblock")
HOURS = ("telemetry_healthrollup", "telemetry_trafficrollup")


class NoOwner(Exception):
    """DATABASE_OWNER_URL is needed: sizes and counts are the owner's to see."""


@contextlib.contextmanager
def owner(database: str = "") -> Iterator[Any]:
    """A psycopg2 cursor that commits by itself. Raises NoOwner."""
    url = os.environ.get("DATABASE_OWNER_URL", "")
    if not url:
        raise NoOwner(
            "the benchmark of ingest needs DATABASE_OWNER_URL; without DATABASE_URL it brings its own servers"
        )
    parts = urlsplit(url)
    connection = psycopg2.connect(
        dbname=database or parts.path.lstrip("/"),
        user=parts.username,
        password=parts.password,
        host=parse_qs(parts.query).get("host", [parts.hostname])[0],
        port=parts.port,
    )
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()


def ask(cursor: Any, statement: str, *parameters: Any) -> Any:
    cursor.execute(statement, parameters or None)
    return cursor.fetchone()[0]


def samples_stored(cursor: Any) -> int:
    """Values in the hot tables."""
    return sum(
        int(ask(cursor, f"SELECT coalesce(sum(octet_length(values) / 8), 0) FROM {table}"))  # noqa: S608 - our own names
        for table in HOT
    )


def size(cursor: Any, *tables: str) -> int:
    """Bytes on disk with indexes and TOAST, of all partitions."""
    return sum(
        int(
            ask(
                cursor,
                "SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0) FROM pg_class c LEFT JOIN pg_inherits i"
                " ON i.inhrelid = c.oid WHERE c.oid = %s::regclass OR i.inhparent = %s::regclass",
                table,
                table,
            )
        )
        for table in tables
    )


@dataclass(frozen=True, slots=True)
class Sizes:
    """Bytes of the tables that take in reports."""

    hot: int
    reports: int
    blocks: int
    hours: int

    @classmethod
    def now(cls, cursor: Any) -> Sizes:
        return cls(size(cursor, *HOT), size(cursor, "telemetry_report"), size(cursor, *BLOCKS), size(cursor, *HOURS))


def settings_of(cursor: Any) -> dict[str, str]:
    """What decides how durable and how fast it is."""
    names = ("server_version", "fsync", "synchronous_commit", "full_page_writes", "shared_buffers", "wal_sync_method")
    return {name: str(ask(cursor, f"SHOW {name}")) for name in names}
