"""A partner with many customers, for budgets."""

import pytest

from tests.partners.pages import Many


@pytest.fixture
def many(db: None) -> Many:
    return Many.build()
