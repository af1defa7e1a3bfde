"""Words for tests of pages: what a page asked the database, what it showed, and canary words that must not travel."""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

# Statements of the test's own frame: savepoints stand for the transactions of production, settings for the principal.
FRAME = ("SAVEPOINT", "RELEASE", "ROLLBACK", "SELECT set_config")
WEIGHT_GZIPPED = 15_000
QUERIES_A_PAGE = 12


class Asked:
    """Statements that read or wrote rows."""

    def __init__(self) -> None:
        self.statements: list[str] = []

    def __len__(self) -> int:
        return len(self.statements)


@contextmanager
def asked() -> Iterator[Asked]:
    result = Asked()
    with CaptureQueriesContext(
        connection,
    ) as captured:
        yield result
    result.statements = [q["sql"] for q in captured.captured_queries if not q["sql"].startswith(FRAME)]


def weight(response: Any) -> int:
    """Bytes over the wire."""
    return len(gzip.compress(response.content))


def text(response: Any) -> str:
    return response.content.decode()  # type: ignore[no-any-return]
