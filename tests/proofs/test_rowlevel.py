"""The second line alone (A15): every table, every act, everybody, without a filter in sight."""

import pytest

from tests.proofs import doors, lists, rowlevel
from tests.proofs.house import House
from tests.proofs.rules import TABLES

pytestmark = pytest.mark.django_db


def test_every_table_under_row_level_security_has_a_rule(house: House):
    assert set(house.truth().tables) == set(TABLES)


def test_every_table_holds_rows_of_two_owners_or_the_proof_would_be_empty(house: House):
    truth = house.truth()
    thin = {table: len(truth.rows(table)) for table in truth.tables if len(truth.rows(table)) < 2}

    assert thin.keys() == {"access_siteuserpermission"}, thin  # nobody may ever be in there


@pytest.mark.parametrize("act", rowlevel.ACTS)
def test_a15_given_no_filter_at_all_when_everybody_asks_for_everything_then_the_database_alone_says_who_may(
    house: House, act: str
):
    assert rowlevel.faults(house, acts=(act,)) == []


def test_a3_when_everybody_asks_the_door_for_everything_then_it_shows_what_the_rules_say(house: House):
    assert doors.faults(house) == []


def test_a15_given_no_row_level_security_when_everybody_asks_the_door_then_its_filters_alone_show_no_row_too_many(
    house: House,
):
    assert doors.faults(house, filters_alone=True) == []


def test_a15_given_no_row_level_security_when_everybody_asks_for_lists_then_each_shows_what_is_ones_own(house: House):
    assert lists.faults(house) == []
