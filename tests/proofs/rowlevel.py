"""Ask the database as everybody, table by table and act by act, without any filter; compare with the rules."""

from collections.abc import Iterator
from functools import cache
from typing import Any
from uuid import uuid4

from django.db import DatabaseError, connection, transaction

from access.principal import principal
from tests.proofs.house import House, as_json
from tests.proofs.rules import TABLES, Rules
from tests.proofs.truth import Eyes, Truth

ACTS = ("reads", "adds", "changes", "removes")
REFUSED = "42501"  # insufficient_privilege: no right, or a policy said no
SAMPLE = 6  # rows of one kind tried when adding
MOVES = 3  # foreign values of one column tried when changing
Places = set[tuple[int, str]]


def faults(house: House, tables: list[str] | None = None, acts: tuple[str, ...] = ACTS) -> list[str]:
    """Where row-level security lets through more or less than the rules say, one line each."""
    truth = house.truth()
    found = []
    for table in tables or truth.tables:
        for eyes in house.eyes.values():
            with principal(**eyes.principal):
                found += [*_judged(truth, eyes, table, TABLES[table], acts)]
                transaction.set_rollback(True)
    return found


def _judged(truth: Truth, eyes: Eyes, table: str, rules: Rules, acts: tuple[str, ...]) -> Iterator[str]:
    rows = truth.rows(table)
    readable = {r["place"] for r in rows if rules.reads(truth, eyes, r)}
    for act in acts:
        rule = getattr(rules, act)
        if act == "adds":
            yield from _additions(truth, eyes, table, rules)
            continue
        # A row is changed or removed only by who reads it.
        expected = readable if act == "reads" else {r["place"] for r in rows if rule(truth, eyes, r)} & readable
        got = ASK[act](table)
        if got != expected:
            more, less = len(got - expected), len(expected - got)
            yield f"{table}: {eyes.name} {act} {more} too many, {less} too few"
        if act != "reads":
            mine = [r for r in rows if rule(truth, eyes, r)]
            yield from _blindly(table, act, eyes, mine)
        if act == "changes" and mine:
            yield from _moves(truth, eyes, table, rules, mine)


def _read(table: str) -> Places:
    return _places(f'SELECT tableoid::bigint, ctid::text FROM "{table}"')


def _lockable(table: str) -> Places:
    """FOR UPDATE asks the policy of UPDATE and changes nothing."""
    return _places(f'SELECT tableoid::bigint, ctid::text FROM "{table}" FOR UPDATE')


def _removable(table: str) -> Places:
    return _places(f'DELETE FROM "{table}" RETURNING tableoid::bigint, ctid::text')


ASK = {"reads": _read, "changes": _lockable, "removes": _removable}


def _places(statement: str) -> Places:
    """Rows a statement reaches; none if the role or a trigger of a journal refuses it. What it did is undone in any case."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
            transaction.set_rollback(True)
            return set(cursor.fetchall())
    except DatabaseError as error:
        if code(error) != REFUSED:
            raise
        return set()


def _blindly(table: str, act: str, eyes: Eyes, mine: list[dict[str, Any]]) -> Iterator[str]:
    """A statement that reads no column is asked no policy for reading: only that for changing or removing holds."""
    statement = f'DELETE FROM "{table}"' if act == "removes" else _plain_change(table)
    reached = _reached(statement) if statement else len(mine)
    if reached != len(mine):
        yield f"{table}: {eyes.name} {act} {reached} rows blindly instead of {len(mine)}"


CONSTANTS = {
    "timestamp with time zone": "now()",
    "boolean": "false",
    "bytea": "''",
    "text": "''",
    "character varying": "''",
    "jsonb": "'{}'",
    "integer": "0",
    "bigint": "0",
}


@cache
def _plain_change(table: str) -> str:
    """Sets a column, in which no key, check or policy takes an interest, to a constant; '' where there is no such column."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT a.attname, a.attnotnull, format_type(a.atttypid, NULL) FROM pg_attribute a"
            " WHERE a.attrelid = %(table)s::regclass AND a.attnum > 0 AND NOT a.attisdropped"
            " AND NOT EXISTS (SELECT FROM pg_depend d LEFT JOIN pg_index i ON i.indexrelid = d.objid"
            " WHERE d.refobjid = a.attrelid AND d.refobjsubid = a.attnum AND (i.indexrelid IS NULL OR i.indisunique)) ORDER BY 2, a.attnum",
            {"table": table},
        )
        found = [(name, CONSTANTS.get(kind, "") if needed else "NULL") for name, needed, kind in cursor.fetchall()]
    name, constant = next(((name, constant) for name, constant in found if constant), ("", ""))
    return f'UPDATE "{table}" SET "{name}" = {constant}' if name else ""


def _reached(statement: str) -> int:
    """Rows reached, none if it is refused. What it did is undone."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
            transaction.set_rollback(True)
            return int(cursor.rowcount)
    except DatabaseError as error:
        if code(error) != REFUSED:
            raise
        return 0


WHOSE = ("customer_id", "site_id", "stay", "organization_id", "owner_id", "looker_id", "partner_id", "grant_id")


def _moves(truth: Truth, eyes: Eyes, table: str, rules: Rules, mine: list[dict[str, Any]]) -> Iterator[str]:
    """What one may change must not become another's. Blindly again; a policy answers before any key does."""
    for column in WHOSE:
        strange = (r[column] for r in truth.rows(table) if r.get(column) is not None and r not in mine)
        for value in sorted(set(strange))[:MOVES]:
            if any(rules.changes(truth, eyes, row | {column: value}) for row in mine):
                continue  # a row that may go there might meet a key before another one is refused
            if not _is_refused(f'UPDATE "{table}" SET "{column}" = %s', value):
                yield f"{table}: {eyes.name} gives a row another {column}"
    new = str(uuid4())
    stays = any(rules.changes(truth, eyes, row | {"id": new}) for row in mine)
    if not stays and not _is_refused(f'UPDATE "{table}" SET id = %s', new):
        yield f"{table}: {eyes.name} becomes somebody else"


def _is_refused(statement: str, value: Any) -> bool:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement, [value])
            transaction.set_rollback(True)
    except DatabaseError as error:
        return code(error) == REFUSED
    return False


def code(error: BaseException) -> str:
    return getattr(error.__cause__, "pgcode", "") or ""


def _additions(truth: Truth, eyes: Eyes, table: str, rules: Rules) -> Iterator[str]:
    """Try to add copies of rows that exist: a policy answers before any key does, so another error means "let through"."""
    for row in sample(truth.rows(table)):
        expected = rules.adds(truth, eyes, row)
        if let_in(table, row) != expected:
            yield f"{table}: {eyes.name} {'cannot add' if expected else 'adds'} a row like {row.get('id') or row['place']}"


def let_in(table: str, row: dict[str, Any]) -> bool:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                f'INSERT INTO "{table}" SELECT * FROM jsonb_populate_record(NULL::"{table}", %s)', [as_json(row)]
            )
            transaction.set_rollback(True)
    except DatabaseError as error:
        return code(error) != REFUSED
    return True


PARTIES = (
    *("customer_id", "site_id", "partner_id", "owner_id", "organization_id", "user_id"),
    *("author_organization_id", "asked_by_id"),
)


def sample(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A few rows of each owner and site."""
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(tuple(row.get(column) for column in PARTIES), []).append(row)
    picked = [group[0] for group in groups.values()]
    return picked[:: max(1, len(picked) // (4 * SAMPLE))]
