"""A stretch of time and a step, as the API and the files spell them in a query string."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from access.errors import Invalid

LONGEST = timedelta(days=366)
LONGEST_STEP_S = 86_400 * 31
STEP = re.compile(r"[0-9]{1,9}")
# Far from the ends of the calendar, where adding a day overflows.
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


def span_of(wanted: Mapping[str, str]) -> tuple[datetime, datetime, int | None]:
    """`from` (a day before `to`), `to` (now) and `step` (seconds; None: what suits a chart). Raises Invalid."""
    until = _time(wanted.get("to"), "to") or timezone.now()
    since = _time(wanted.get("from"), "from") or until - timedelta(hours=24)
    if not timedelta(0) < until - since <= LONGEST:
        raise Invalid("`from` must be before `to`, at most 366 days", "from")
    step = wanted.get("step")
    if step is not None and not (STEP.fullmatch(step) and 1 <= int(step) <= LONGEST_STEP_S):
        raise Invalid(f"`step` is a number of seconds from 1 to {LONGEST_STEP_S}", "step")
    return since, until, int(step) if step else None


def _time(text: str | None, field: str) -> datetime | None:
    if not text:
        return None
    try:
        found = parse_datetime(text.replace(" ", "+"))
    except ValueError:
        found = None
    if found is not None and found.tzinfo is None:
        found = found.replace(tzinfo=UTC)
    if found is None or not EARLIEST <= found <= LATEST:
        raise Invalid(f"`{field}` must be a time like 2026-11-24T12:00:00Z", field)
    return found
