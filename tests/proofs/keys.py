"""Row-level security does not check foreign keys: a key that could name another tenant's row must carry whose it is.

The keys are those of the models (and `stay`), not those of the database: one that is missing there is missed here.
"""

from collections.abc import Iterator
from typing import Any

import psycopg2
from django.apps import apps
from django.db import models

WHOSE = ("customer_id", "owner_id")
# A guardian row belongs to a site, and its grant must be of that site.
OF_A_SITE = {("access_sitegrouppermission", "access_grant"): ("content_object_id", "site_id")}
# A link of a hash chain: that its entry is another customer's would break the chain, which is verified entry by entry (test_seal).
CHAINED = {("access_seal", "entry_id")}
ROWS_TRIED = 40
STAYS = "telemetry_devicestay"
# Filled by ingest_accept() alone, thousands of rows a second: keys there would cost more than they hold.
WITHOUT_KEYS = {"telemetry_healthsample", "telemetry_trafficsample", "telemetry_report"}

Key = tuple[str, str, str, str, str, str]  # table, its owner, column; target, its owner, column


def faults(behind: Any, only: str = "") -> list[str]:
    """Keys that may name a row of another tenant, and keys for which no such row was there to be tried with.

    only: one key, as "table.column".
    """
    asked = {f"{key[0]}.{key[2]}": key for key in keys(behind)}
    tried = asked.items() if not only else [(only, asked[only])] if only in asked else []
    return [f"{name} {fault}" for name, key in tried if (fault := _fault(behind, key))]


def keys(behind: Any) -> Iterator[Key]:
    columns = _columns(behind)
    for model in apps.get_models():
        table = model._meta.db_table
        for field in model._meta.concrete_fields:
            if isinstance(field, models.ForeignKey) and (table, field.column) not in CHAINED:
                target = field.remote_field.model._meta
                if whose := _whose(columns, table, target.db_table):
                    yield table, whose[0], str(field.column), target.db_table, whose[1], str(target.pk.column)
    for table in sorted(columns):
        alone = "site_id" not in columns[table]  # the others name the site besides
        if alone and {"stay", "customer_id"} <= columns[table] and table not in {STAYS, *WITHOUT_KEYS}:
            yield table, "customer_id", "stay", STAYS, "customer_id", "number"


def _whose(columns: dict[str, set[str]], table: str, target: str) -> tuple[str, str] | None:
    if pair := OF_A_SITE.get((table, target)):
        return pair
    owner = next((c for c in WHOSE if c in columns.get(target, set())), None)
    return (owner, owner) if owner and owner in columns.get(table, set()) and table not in WITHOUT_KEYS else None


def _columns(behind: Any) -> dict[str, set[str]]:
    behind.execute(
        "SELECT c.relname, array_agg(a.attname::text) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
        " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
        " AND a.attnum > 0 AND NOT a.attisdropped GROUP BY 1"
    )
    return {table: set(names) for table, names in behind.fetchall()}


def _fault(behind: Any, key: Key) -> str:
    table, mine, column, target, theirs, wanted = key
    behind.execute(
        f'SELECT s.tableoid::bigint, s.ctid::text, t."{wanted}" FROM "{table}" s, "{target}" t'
        f' WHERE s."{mine}" <> t."{theirs}"'
        f' ORDER BY s."{column}" IS NULL, EXISTS (SELECT FROM "{table}" u WHERE u."{column}" = t."{wanted}"), 2'
        f" LIMIT {ROWS_TRIED}"
    )
    fault = "was not tried: no two rows of two owners"
    for oid, ctid, foreign in behind.fetchall():
        fault = _tried(behind, key, f"tableoid = {oid} AND ctid = '{ctid}'", foreign)
        if not fault.startswith("was not tried"):
            break
    return fault


def _tried(behind: Any, key: Key, row: str, foreign: Any) -> str:
    table, _, column, target, *_ = key
    behind.execute("BEGIN")
    try:
        behind.execute(f'ALTER TABLE "{table}" DISABLE TRIGGER USER')  # journals refuse any change; keys are no such
        _free(behind, table, column, foreign)
        behind.execute(f'UPDATE "{table}" SET "{column}" = %s WHERE {row}', [foreign])
        if behind.rowcount != 1:
            return "was not tried: the row is gone"
        behind.execute("SET CONSTRAINTS ALL IMMEDIATE")
    except psycopg2.errors.ForeignKeyViolation as error:
        refused = error.diag.table_name == table and "is not present" in str(error.diag.message_detail)
        return "" if refused else f"was not tried: {error.diag.message_detail}"
    finally:
        behind.execute("ROLLBACK")
    return f"may name a row of {target} of another tenant"


def _free(behind: Any, table: str, column: str, value: Any) -> None:
    """Where only one row may name a row, the one that does so moves aside: past the keys, which would complain of it instead."""
    behind.execute("SET LOCAL session_replication_role = replica")
    behind.execute(f'DELETE FROM "{table}" WHERE "{column}" = %s', [value])
    behind.execute("SET LOCAL session_replication_role = origin")
