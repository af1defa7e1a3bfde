"""How long access lasts: whole days, to the end of the last one where the customer is (ux.md, section 8.3)."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.utils import timezone

from access.errors import Invalid
from access.models import Organization

OFFERED = (7, 30, 90, 365)  # days; the API takes any number up to LONGEST_DAYS
LONGEST_DAYS = 366
REMIND_DAYS = 14
# Grants are checked against the database's clock, which may be a little behind ours.
CLOCKS_DIFFER = timedelta(minutes=1)


def end_after(days: int, customer: Organization) -> datetime:
    """The last second of the day `days` from today in the customer's zone, 366 days from now at the latest. Raises Invalid."""
    if not 1 <= days <= LONGEST_DAYS:
        raise Invalid("Access lasts from 1 to 366 days", "days")
    zone = ZoneInfo(customer.timezone)
    now = timezone.now()
    last_day = now.astimezone(zone).date() + timedelta(days=days)
    end = datetime.combine(last_day, time(23, 59, 59), tzinfo=zone)
    return min(end, now + timedelta(days=LONGEST_DAYS) - CLOCKS_DIFFER)


def last_day(end: datetime, customer: Organization) -> date:
    """The day an access ends, as the customer reads it."""
    return end.astimezone(ZoneInfo(customer.timezone)).date()


def days_left(end: datetime, customer: Organization) -> int:
    """Whole days from today to the last day, where the customer is; 0 on the last day, negative afterwards."""
    today = timezone.now().astimezone(ZoneInfo(customer.timezone)).date()
    return (last_day(end, customer) - today).days
