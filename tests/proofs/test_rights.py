"""What no policy binds: rights of roles, and journals that are only ever added to."""

from typing import Any

import pytest

from tests.proofs import answers, journals, rights
from tests.proofs.house import House

pytestmark = pytest.mark.django_db


def test_when_the_database_is_asked_then_each_role_may_do_what_it_is_for_and_no_more(db: None, behind: Any):
    assert rights.faults(behind) == []


def test_a17_when_somebody_would_change_cut_or_bend_a_journal_then_the_database_refuses_even_its_owner(house: House):
    assert journals.faults(house) == []


def test_when_everybody_asks_what_spans_tenants_then_each_is_told_what_it_may_know(house: House):
    assert answers.faults(house) == []
