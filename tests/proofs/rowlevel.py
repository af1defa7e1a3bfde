"""Ask the database as everybody, table by table and act by act, without any filter; compare with the rules."""

from collections.abc import Iterator
from typing import Any

from django.db import DatabaseError, connection, transaction

from access.principal import principal
from tests.proofs.house import House, as_json
from tests.proofs.rules import TABLES, Rules
from tests.proofs.truth import Eyes, Truth

ACTS = ("reads", "adds", "changes", "removes")
REFUSED = "42501"  # insufficient_privilege: no right, or a policy said no
SAMPLE = 6  # rows of one kind tried when adding
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


def sample(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A few rows of each owner and site."""
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in rows:
        whose = (row.get(c) for c in ("customer_id", "site_id", "partner_id", "owner_id", "organization_id", "user_id"))
        groups.setdefault(tuple(whose), []).append(row)
    picked = [group[0] for group in groups.values()]
    return picked[:: max(1, len(picked) // (4 * SAMPLE))]
