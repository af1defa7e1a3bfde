"""How long access lasts: whole days, where the customer is."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine

from access import lengths
from access.errors import Invalid
from access.models import Organization

BERLIN = Organization(timezone="Europe/Berlin")
AUCKLAND = Organization(timezone="Pacific/Auckland")
# Already the 2nd of March in Auckland, half an hour before the 2nd in Berlin.
LATE = datetime(2026, 3, 1, 22, 30, tzinfo=UTC)


@pytest.mark.parametrize(("customer", "last"), [(BERLIN, date(2026, 3, 31)), (AUCKLAND, date(2026, 4, 1))])
def test_when_access_is_given_for_thirty_days_then_it_ends_with_the_last_second_of_that_day_there(
    customer: Organization, last: date
):
    with time_machine.travel(LATE, tick=False):
        end = lengths.end_after(30, customer)

    there = end.astimezone(ZoneInfo(customer.timezone))
    assert (there.date(), there.hour, there.minute, there.second) == (last, 23, 59, 59)
    assert lengths.last_day(end, customer) == last


def test_when_access_is_given_for_as_long_as_possible_then_it_ends_a_minute_within_366_days():
    with time_machine.travel(LATE, tick=False):
        assert lengths.end_after(366, BERLIN) == LATE + timedelta(days=366) - timedelta(minutes=1)
        assert lengths.end_after(365, BERLIN) == datetime(2027, 3, 1, 22, 59, 59, tzinfo=UTC)


def test_when_a_day_or_366_are_asked_for_then_that_is_given_and_less_or_more_is_not():
    for days in (1, 366):
        lengths.end_after(days, BERLIN)
    for days in (0, -1, 367):
        with pytest.raises(Invalid) as caught:
            lengths.end_after(days, BERLIN)
        assert caught.value.field == "days"


@pytest.mark.parametrize(
    ("end", "left"),
    [
        (datetime(2026, 3, 1, 22, 59, tzinfo=UTC), 0),
        (datetime(2026, 3, 1, 23, 0, tzinfo=UTC), 1),
        (datetime(2026, 3, 31, 21, 59, tzinfo=UTC), 30),  # summer time by then
        (datetime(2026, 2, 28, 12, 0, tzinfo=UTC), -1),
    ],
)
def test_when_days_are_counted_then_midnight_where_the_customer_is_decides(end: datetime, left: int):
    with time_machine.travel(LATE, tick=False):
        assert lengths.days_left(end, BERLIN) == left


def test_what_is_offered_and_when_people_are_reminded():
    assert lengths.OFFERED == (7, 30, 90, 365)
    assert (lengths.LONGEST_DAYS, lengths.REMIND_DAYS) == (366, 14)
    assert timedelta(minutes=1) == lengths.CLOCKS_DIFFER
