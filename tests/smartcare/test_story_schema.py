"""`seed` on a database that is not migrated: it migrates where it may, else it says what to do."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import CommandError
from django.db import connections

from smartcare.story import schema

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def one_missing(behind: Any) -> Iterator[str]:
    """The newest migration of partners is thought not to have run."""
    newest = "id = (SELECT max(id) FROM django_migrations WHERE app = 'partners')"
    behind.execute(f"DELETE FROM django_migrations WHERE {newest} RETURNING name, applied")
    name, applied = behind.fetchone()
    yield name
    behind.execute("INSERT INTO django_migrations (app, name, applied) VALUES ('partners', %s, %s)", [name, applied])


def test_given_a_migrated_database_when_asked_then_nothing_is_said() -> None:
    said: list[str] = []

    schema.require_migrated(said.append)

    assert not said


def test_given_a_missing_migration_and_no_owners_login_when_asked_then_it_says_what_to_do(
    one_missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(connections.settings, "owner")

    with pytest.raises(CommandError, match=r"lacks 1 migrations: run manage.py migrate first, with DATABASE_OWNER_URL"):
        schema.require_migrated(lambda _: None)


def test_given_a_database_that_is_away_when_asked_then_it_says_so() -> None:
    where = connections["default"].settings_dict
    kept = where["HOST"]
    connections["default"].close()
    where["HOST"] = "/nonexistent"
    try:
        with pytest.raises(CommandError, match="does not answer"):
            schema.require_migrated(lambda _: None)
    finally:
        connections["default"].close()
        where["HOST"] = kept
