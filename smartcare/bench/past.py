"""A way past row-level security, for the baselines: the same tables by the owner's login, which no policy binds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from django.db import connections, router

PAST: Final = "past"


@contextmanager
def alias(database: str) -> Iterator[None]:
    """The connection of that name exists inside."""
    past = dict(connections["owner"].settings_dict)
    past["OPTIONS"] = {key: value for key, value in past["OPTIONS"].items() if key != "assume_role"}
    connections.settings[PAST] = past | {"NAME": database}
    try:
        yield
    finally:
        with suppress(AttributeError):  # never opened
            connections[PAST].close()
            del connections[PAST]


class _Past:
    """Router: every model is read past the policies."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        return PAST


@contextmanager
def past_policies() -> Iterator[None]:
    before = router.routers
    router.routers = [_Past()]
    try:
        yield
    finally:
        router.routers = before
