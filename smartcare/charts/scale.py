"""From values and times to places in a drawing, and the ticks that people can read."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from statistics import median

from smartcare.charts.words import Words

BIGGEST = 1e100  # beyond this a difference may overflow; drawn there, no chart of ours means it
SMALLEST = 1e-5  # written out: a rate of few errors; below it, as a power of ten
HOUR, DAY = 3600, 86400
TIME_STEPS_H = (1, 3, 6, 12, 24, 48, 24 * 7, 24 * 14)
MONTH_STEPS = (1, 2, 3, 6, 12, 24, 60, 120)


def finite(value: float | None) -> float | None:
    """The value where it can be drawn, else None (missing, NaN, infinite)."""
    if value is None or not math.isfinite(value):
        return None
    return max(-BIGGEST, min(BIGGEST, float(value)))


def present(values: Iterable[float | None]) -> list[float]:
    """The values that can be drawn, in order."""
    return [number for number in map(finite, values) if number is not None]


@dataclass(frozen=True, slots=True)
class Scale:
    """Linear map of a domain onto a range; outside values are moved to the nearer edge."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Place of a value. A domain of one point lies in the middle."""
        if self.high <= self.low:
            return (self.start + self.end) / 2
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)


def comfortable(values: Sequence[float], *, zero: bool = True) -> tuple[float, float]:
    """A domain around the values with round ends; from zero where the values lie near it. Never of zero length."""
    if not values:
        return 0.0, 1.0
    low, high = min(values), max(values)
    if zero and 0 <= low <= high * 0.6:
        low = 0.0
    if high <= low:
        spread = abs(high) * 0.1 or 1.0
        # What was never below zero gets no axis below it: no loss is not "between -1 and 1 %".
        low, high = low - spread if low < 0 else max(0.0, low - spread), high + spread
    step = nice_step((high - low) / 4)
    return math.floor(low / step) * step, math.ceil(high / step) * step


def nice_step(rough: float) -> float:
    """The next of 1, 2, 5 times a power of ten, at least `rough`."""
    if rough <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(rough))
    return next((step * power for step in (1, 2, 5) if step * power >= rough * 0.999), 10 * power)


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round values within the domain, at most `most` + 1."""
    step = nice_step((high - low) / most)
    first = math.ceil(low / step - 1e-9)
    return [index * step for index in range(first, first + most + 2) if index * step <= high + step * 1e-9]


def short(value: float, unit: str = "") -> str:
    """Three digits that matter and the unit: 81.4%, 412 GB; two of what is tiny: 0.0003."""
    if value and not SMALLEST <= abs(value) < 1e6:
        return f"{value:.2e}{unit}"
    if value and abs(value) < 1e-3:
        return f"{value:.{1 - math.floor(math.log10(abs(value)))}f}".rstrip("0") + unit
    text = f"{value:.0f}" if abs(value) >= 100 else f"{value:.{1 if abs(value) >= 10 else 3}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return f"{'0' if text == '-0' else text}{unit}"


def day_words(moment: date, words: Words, *, year: bool = False) -> str:
    """14 Dec, or 14 Dec 2026."""
    text = f"{moment.day} {words.months[moment.month - 1]}"
    return f"{text} {moment.year}" if year else text


def clock_words(moment: datetime, words: Words) -> str:
    """14 Dec 2026, 09:12."""
    return f"{day_words(moment, words, year=True)}, {moment:%H:%M}"


def time_ticks(start: datetime, end: datetime, words: Words, most: int = 7) -> list[tuple[datetime, str]]:
    """Round local moments with their labels: hours, days or months, whichever gives at most `most`.

    start, end: aware, in the zone whose clock the labels show.
    """
    span_h = max((end - start).total_seconds() / HOUR, 1.0)
    step_h = next((step for step in TIME_STEPS_H if span_h / step <= most), None)
    if step_h is None:
        return _month_ticks(start, end, words, most)
    midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
    found = []
    for index in range(int(span_h / step_h) + 26 // step_h + 3):
        moment = midnight + timedelta(hours=index * step_h)
        if start <= moment <= end:
            label = day_words(moment, words) if moment.hour == 0 else f"{moment:%H:%M}"
            found.append((moment, label))
    return found


def _month_ticks(start: datetime, end: datetime, words: Words, most: int) -> list[tuple[datetime, str]]:
    months = (end.year - start.year) * 12 + end.month - start.month + 1
    step = next((step for step in MONTH_STEPS if months / step <= most), MONTH_STEPS[-1])
    found: list[tuple[datetime, str]] = []
    first = start.year * 12 + start.month - 1
    for index in range(first, first + months + 1):
        moment = datetime.combine(date(index // 12, index % 12 + 1, 1), time(), start.tzinfo)
        if index % step == 0 and start <= moment <= end and len(found) <= most:
            name = words.months[moment.month - 1]
            says_year = moment.month == 1 or not found
            found.append((moment, f"{name} {moment.year}" if says_year else name))
    return found


def midnight_of(day: date | datetime, zone: tzinfo = UTC) -> datetime:
    """The moment a day begins; an aware moment stays what it is, in the zone."""
    if isinstance(day, datetime):
        return day.astimezone(zone)
    return datetime.combine(day, time(), zone)


def usual_gap_s(times: Sequence[datetime]) -> float:
    """Seconds of silence that break a line: five usual distances between readings."""
    distances = [(b - a).total_seconds() for a, b in zip(times, times[1:], strict=False)]
    return 5 * median(distances) if distances else math.inf
