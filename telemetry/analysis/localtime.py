"""Local hours and days of a site, from epoch hours; daylight saving included, no clock."""

from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

HOURS_A_WEEK = 168


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):  # a name nobody knows reads as UTC
        return None


@lru_cache(maxsize=100_000)
def offset_s(zone: str, hour: int) -> int:
    """Seconds local time is ahead of UTC in the epoch hour."""
    known = _zone(zone)
    if known is None:
        return 0
    ahead = datetime.fromtimestamp(hour * 3600, UTC).astimezone(known).utcoffset()
    return int(ahead.total_seconds()) if ahead is not None else 0


def hour_of_week(zone: str, hour: int) -> int:
    """0 for the local hour that begins on Monday at midnight, up to 167."""
    local_hour = (hour * 3600 + offset_s(zone, hour)) // 3600
    return (local_hour + 3 * 24) % HOURS_A_WEEK  # the epoch began on a Thursday


def day(zone: str, hour: int) -> int:
    """Local day number since the epoch."""
    return (hour * 3600 + offset_s(zone, hour)) // 86400
