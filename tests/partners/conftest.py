"""A partner with many customers, for budgets."""

from dataclasses import dataclass
from typing import Any

import pytest

from tests.cast import HEALTH, INVENTORY, Customer, Partner, customer, partner


@dataclass
class Many:
    """Thirty customers that share inventory and health of a site with northwind; each has two devices and an alert."""

    northwind: Partner
    customers: list[Customer]
    alerts: list[Any]


@pytest.fixture
def many(db: None) -> Many:
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
    return Many(northwind, customers, alerts)
