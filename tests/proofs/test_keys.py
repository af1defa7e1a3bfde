"""Threat 5, every key x a foreign id, as the owner, whom no policy binds (A14)."""

from typing import Any

import pytest

from tests.proofs import keys
from tests.proofs.house import House

pytestmark = pytest.mark.django_db


def test_a14_when_any_key_of_a_model_would_name_a_row_of_another_tenant_then_the_database_refuses(
    house: House, behind: Any
):
    assert len(list(keys.keys(behind))) > 60
    assert keys.faults(behind) == []
