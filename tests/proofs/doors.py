"""Ask the door as everybody; with row-level security, and by its filters alone. Compare with the rules."""

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.core.exceptions import EmptyResultSet
from django.db import connection

from access.models import TenantModel
from access.principal import principal
from telemetry import summaries
from telemetry.models import AlertComment
from tests.proofs.house import House
from tests.proofs.rules import TABLES
from tests.proofs.truth import Eyes, Truth

# Tables without a door: the queue is read for nobody.
DOORS = [m for m in apps.get_models() if issubclass(m, TenantModel) and hasattr(m.objects, "visible_to")]


def faults(house: House, *, filters_alone: bool = False) -> list[str]:
    """Where the door shows more or less than the rules say. filters_alone: run its SQL as the owner, whom no policy binds."""
    truth = house.truth()
    found = []
    for eyes in house.eyes.values():
        if eyes.viewer is None:
            continue
        with principal(**eyes.principal):
            for model in DOORS:
                rows = model.objects.visible_to(eyes.viewer)
                if model is AlertComment:  # a comment has readers of its own, too
                    rows = summaries.readable_comments(eyes.viewer, rows)
                seen = (
                    _as_owner(house.behind, rows) if filters_alone else set(map(str, rows.values_list("pk", flat=True)))
                )
                found += _judged(truth, eyes, model._meta.db_table, seen)
    return found


def _as_owner(behind: Any, rows: Any) -> set[str]:
    try:
        statement, values = rows.values_list("pk", flat=True).query.get_compiler(connection=connection).as_sql()
    except EmptyResultSet:
        return set()
    behind.execute(statement, values)
    return {str(row[0]) for row in behind.fetchall()}


def _judged(truth: Truth, eyes: Eyes, table: str, seen: set[str]) -> Iterator[str]:
    expected = {row["id"] for row in truth.rows(table) if by_rule(truth, eyes, table, row)}
    more, less = len(seen - expected), len(expected - seen)
    if more or less:
        yield f"{table}: the door shows {eyes.name} {more} too many, {less} too few"


def by_rule(truth: Truth, eyes: Eyes, table: str, row: dict[str, Any]) -> bool:
    if table == "access_site":  # staff read names of sites, but not through the door
        return row["id"] in truth.sites(eyes, "any")
    return TABLES[table].reads(truth, eyes, row)
