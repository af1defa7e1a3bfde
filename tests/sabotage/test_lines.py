"""Run by `make sabotage` with one line of defence taken away, which SABOTAGE_LINE says is still there: "filters" or "policies"."""

import os
from typing import Any

import pytest
from django.db import connection

from access.principal import principal
from tests.proofs import doors
from tests.proofs.house import House, house
from tests.proofs.rules import TABLES

__all__ = ["house"]
LEFT = os.environ.get("SABOTAGE_LINE", "")
pytestmark = pytest.mark.django_db


@pytest.mark.skipif(LEFT != "filters", reason="row-level security is on: `make sabotage` takes it away")
def test_given_no_row_level_security_when_everybody_asks_the_door_then_it_shows_what_it_should(house: House):
    with principal(kind="customer"), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM access_site")
        assert cursor.fetchone()[0] > 3, "row-level security is still on"

    assert doors.faults(house) == []


@pytest.mark.skipif(LEFT != "policies", reason="the door is closed: `make sabotage` opens it")
def test_given_a_door_that_returns_everything_when_everybody_asks_then_the_policies_let_no_row_too_many_through(
    house: House,
):
    assert len(doors.faults(house, filters_alone=True)) > 100, "the door is not open"

    truth, leaks = house.truth(), []
    for eyes in house.eyes.values():
        if eyes.viewer is None:
            continue
        with principal(**eyes.principal):
            for model in doors.DOORS:
                table = model._meta.db_table
                rows: Any = model.objects.visible_to(eyes.viewer)
                seen = {str(pk) for pk in rows.values_list("pk", flat=True)}
                allowed = {row["id"] for row in truth.rows(table) if TABLES[table].reads(truth, eyes, row)}
                leaks += [f"{eyes.name}: {len(seen - allowed)} of {table}"] if seen - allowed else []
    assert leaks == []
