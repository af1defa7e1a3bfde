"""Numbers, amounts and times as people read them. Registered by `charts.py`."""

import math
from collections.abc import Callable, Iterable
from datetime import date, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

MISSING = "–"
MINUTE, HOUR, DAY = 60, 3600, 86400  # seconds
PREFIXES = ("", "k", "M", "G", "T", "P")
PREFIXED = {"By": "B", "By/s": "B/s", "bit/s": "bit/s"}
TIME_SIZES = (
    (2 * DAY, DAY, " days"),
    (2 * HOUR, HOUR, " h"),
    (2 * MINUTE, MINUTE, " min"),
    (1, 1, " s"),
    (0, 0.001, " ms"),
)
"""From this many seconds on, a length of time is written in units of so many seconds, with this name."""
PLAIN_UNITS = {"Cel": "°C", "V": "V", "A": "A", "mA": "mA", "W": "W", "rpm": "rpm", "dBm": "dBm"}


def as_number(value: object) -> float | None:
    """The value as a finite float, or None for everything that is no number."""
    try:
        number = float(value)  # type: ignore[arg-type]  # anything else raises, which is the question
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def significant(number: float) -> str:
    """Three digits that matter, in the reader's number format: 412, 41.2, 0.02."""
    size = abs(number)
    if size >= 100 or number == round(number):
        decimals = 0
    elif size >= 10:
        decimals = 1
    else:
        decimals = 2
    text = f"{number:.{decimals}f}"
    if decimals:
        text = text.rstrip("0").rstrip(".")
    if size and not float(text):
        text = f"{number:.1g}"
    return number_format(text, use_l10n=True, force_grouping=True) if "e" not in text else text


def scaled(number: float, unit: str) -> str:
    """A decimal prefix (k, M, G, T, P) that leaves one to three digits before the point."""
    step = 0
    while abs(number) >= 999.5 and step < len(PREFIXES) - 1:
        number /= 1000
        step += 1
    return f"{significant(number)} {PREFIXES[step]}{unit}"


def bits(value: object) -> str:
    """Bits per second: 380000000 -> "380 Mbit/s"."""
    number = as_number(value)
    return MISSING if number is None else scaled(number, "bit/s")


def duration(seconds: float) -> str:
    """Seconds in the one unit people would use: 12 ms, 42 s, 41 min, 7 h, 122 days."""
    size = abs(seconds)
    if 0 < size < 1:
        return f"{significant(seconds * 1000)} ms"
    if size < 2 * MINUTE:
        return f"{significant(seconds)} s"
    if size < 2 * HOUR:
        return f"{round(seconds / MINUTE)} min"
    if size < 2 * DAY:
        return f"{round(seconds / HOUR)} h"
    return _("%(count)s days") % {"count": number_format(round(seconds / DAY), force_grouping=True)}


def percent(ratio: float) -> str:
    """0.814 -> "81.4%"."""
    return f"{significant(ratio * 100)}%"


def metric_value(value: object, unit: str = "") -> str:
    """A reading with its unit (UCUM, as in the vocabulary) in human form.

    "1" is a ratio (0.81 -> 81%), "s" a duration, "By" bytes, "bit/s" a rate, "{session}" a count.
    Words (`up`, `failed`) pass unchanged; a missing value is a dash.
    """
    number = as_number(value)
    if number is None:
        return value if isinstance(value, str) and value else MISSING
    forms: dict[str, Callable[[float], str]] = {
        "1": percent,
        "%": lambda n: f"{significant(n)}%",
        "s": duration,
        "By": lambda n: scaled(n, "B"),
        "By/s": lambda n: scaled(n, "B/s"),
        "bit/s": lambda n: scaled(n, "bit/s"),
    }
    if unit in forms:
        return forms[unit](number)
    if unit in PLAIN_UNITS:
        return f"{significant(number)} {PLAIN_UNITS[unit]}"
    return significant(number)


def ago(value: datetime | None, now: datetime | None = None) -> str:
    """Distance in time under 24 hours ("3 h ago", "in 20 min"); the date beyond. value: aware."""
    if value is None:
        return _("never")
    moment = now or timezone.now()
    seconds = (moment - value).total_seconds()
    if abs(seconds) >= DAY:
        local, today = timezone.localtime(value), timezone.localtime(moment)
        return date_format(local, "j M" if local.year == today.year else "j M Y")
    if abs(seconds) < 1:
        return _("just now")
    distance = duration(abs(round(seconds)))
    return (
        _("%(distance)s ago") % {"distance": distance} if seconds > 0 else _("in %(distance)s") % {"distance": distance}
    )


def axis_scale(values: Iterable[object], unit: str) -> tuple[float, str]:
    """Factor and suffix that bring readings of a unit to a human size on one axis: bytes -> (1e-9, " GB")."""
    peak = max((abs(number) for value in values if (number := as_number(value)) is not None), default=0.0)
    if unit == "1":
        return 100.0, "%"
    if unit == "%":
        return 1.0, "%"
    if unit == "s":
        _, size, suffix = next(entry for entry in TIME_SIZES if peak >= entry[0])
        return 1 / size, suffix
    if unit in PREFIXED or unit.startswith("{") or not unit:
        step = min(max(int(math.log10(peak) // 3), 0), len(PREFIXES) - 1) if peak else 0
        name = f"{PREFIXES[step]}{PREFIXED.get(unit, '')}"
        return 1000.0**-step, f" {name}" if name else ""
    return 1.0, f" {PLAIN_UNITS.get(unit, unit)}"


def zone_of(zone: object) -> tzinfo:
    """The zone named, or the reader's own when there is none or none such."""
    if isinstance(zone, tzinfo):
        return zone
    try:
        return ZoneInfo(str(zone)) if zone else timezone.get_current_timezone()
    except (ZoneInfoNotFoundError, ValueError):
        return timezone.get_current_timezone()


def datez(value: datetime | date | None, zone: object = "") -> SafeString:
    """`<time>` with day and clock in a zone (IANA name or tzinfo; default the reader's); a date has no clock."""
    if value is None:
        return format_html("{}", MISSING)
    if not isinstance(value, datetime):
        return format_html('<time datetime="{}">{}</time>', value.isoformat(), date_format(value, "j M Y"))
    local = value.astimezone(zone_of(zone))
    return format_html('<time datetime="{}">{}</time>', local.isoformat(), date_format(local, "j M Y, H:i"))


def dayz(value: datetime | date | None, zone: object = "") -> SafeString:
    """`<time>` with the day alone, in a zone."""
    if isinstance(value, datetime):
        value = value.astimezone(zone_of(zone)).date()
    return datez(value)
