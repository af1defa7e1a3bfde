"""Words for tests of pages: what a page asked the database, what it showed, and canary words that must not travel."""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.cast import HEALTH, INVENTORY, Customer, Partner, customer, partner

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


@dataclass
class Many:
    """Thirty customers that share inventory and health of a site with northwind; each has two devices and an alert."""

    northwind: Partner
    customers: list[Customer]
    alerts: list[Any]

    @classmethod
    def build(cls) -> "Many":
        northwind = partner("Northwind", "nora")
        customers, alerts = [], []
        for number in range(30):
            company = customer(f"Company {number:02}", f"owner{number}")
            company.opens("hq")
            company.shares("hq", with_=northwind, categories={HEALTH, INVENTORY})
            device = company.installs("core", site="hq", serial=f"SN{number}", vendor="Acme")
            company.installs("edge", site="hq")
            alerts.append(company.raises(device))
            customers.append(company)
        return cls(northwind, customers, alerts)
