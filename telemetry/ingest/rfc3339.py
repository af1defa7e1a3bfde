"""Times as the protocols write them: RFC 3339 with a zone, and nothing looser."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

_FORM: Final = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ](?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d+)?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)",
    re.ASCII,
)


def parse(text: str) -> datetime:
    """An aware UTC time; digits beyond microseconds are cut off. Raises ValueError for anything else."""
    if not _FORM.fullmatch(text):
        raise ValueError("not an RFC 3339 time with a zone")
    text = text.upper()  # t and z are legal, and too much for Python
    leap_second = text[17:19] == "60"  # legal in RFC 3339; Python knows none, so it becomes the next second
    if leap_second:
        text = text[:17] + "59" + text[19:]
    try:
        moment = datetime.fromisoformat(text).astimezone(UTC)
        return moment + timedelta(seconds=1) if leap_second else moment
    except OverflowError as error:  # year 1 or 9999 moved out of range by its zone
        raise ValueError("outside the calendar") from error


class EpochTimes(dict[str, float]):
    """Seconds since 1970 by RFC 3339 text. Remembers: the samples of one report share few times."""

    def __missing__(self, text: str) -> float:
        self[text] = seconds = parse(text).timestamp()
        return seconds
