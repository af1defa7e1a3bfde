"""The seeded cast, committed once for all tests of the matrix: they only look, and what they write is rolled back."""

from collections.abc import Iterator
from typing import Any

import pytest

from access.api.throttles import PerViewer
from smartcare.story import seed
from tests.conftest import empty_everything
from tests.matrix.actors import Actor, of_seed
from tests.matrix.api_actors import Stage
from tests.matrix.unprinted import unprinted


@pytest.fixture(scope="module")
def printed(django_db_setup: None, django_db_blocker: Any) -> Iterator[dict[str, Any]]:
    with django_db_blocker.unblock():
        found = seed(lambda _: None, days=2)
        found["actors"] = of_seed(found)
        found["ids"] |= unprinted()
    yield found
    with django_db_blocker.unblock():
        empty_everything()


@pytest.fixture
def actors(printed: dict[str, Any]) -> dict[str, Actor]:
    return printed["actors"]


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that is fast enough would meet the limit of calls a minute."""
    monkeypatch.setattr(PerViewer, "rate", "1000000/min", raising=False)


@pytest.fixture(scope="module")
def stage(printed: dict[str, Any], django_db_blocker: Any) -> Iterator[Stage]:
    """The same for the API, with programs."""
    with django_db_blocker.unblock():
        found = Stage.of(printed)
    yield found
    print(f"\nAPI matrix: {dict(found.tried)}")
