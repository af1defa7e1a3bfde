"""A simulated place: its working hours drive the load of every device there, its rooms their temperature."""

import math
from datetime import UTC, datetime
from itertools import accumulate
from zoneinfo import ZoneInfo

from smartcare.simulator.noise import Noise

DAY = 86400.0
WEEK = 7 * DAY
MONDAY = 4 * DAY  # 1970-01-05, the first Monday of the epoch
SLOT = 600.0  # the weekly profile is constant within ten minutes, so that its integral is exact

ZONES = ("Europe/Berlin", "Europe/London", "Europe/Paris", "America/New_York", "UTC")


class Site:
    """Load and temperature of one place as functions of time.

    present: the instant (epoch s) the fleet's stories lead up to. The zone's offset of that instant holds throughout:
    a traffic counter is an integral over local time and must not run backwards when the clocks are put back.
    """

    def __init__(self, name: str, *, seed: int, present: float, timezone: str | None = None) -> None:
        self.name = name
        noise = Noise(seed, "site", name)
        self.timezone = timezone or noise.pick(ZONES, 1)
        offset = datetime.fromtimestamp(present, UTC).astimezone(ZoneInfo(self.timezone)).utcoffset()
        self.offset_s = offset.total_seconds() if offset else 0.0
        self.opens, self.closes = noise.between(7.0, 9.0, 2), noise.between(16.5, 19.0, 3)
        self._working_days = noise.pick((5, 5, 6), 4)
        self._room, self._sun = noise.between(20.0, 24.0, 5), noise.between(0.8, 2.5, 6)
        self._weather = noise.child("weather")
        # Binary fractions: their sums are exact, so that no rounding makes an integral fall.
        self._profile = [round(self._shape(k * SLOT) * 2**20) / 2**20 for k in range(int(WEEK / SLOT))]
        self._before = [0.0, *accumulate(value * SLOT for value in self._profile)]
        self.heat_wave_from: float | None = None

    def hour(self, t: float) -> float:
        """Local time of day in hours, 0 to 24."""
        return (t + self.offset_s) % DAY / 3600

    def midnight(self, t: float) -> float:
        """The last local midnight at or before t, epoch s."""
        return t - (t + self.offset_s) % DAY

    def busy(self, t: float) -> float:
        """How much people do at t: near 0 at night, 1 at the busiest."""
        return self._profile[int((t + self.offset_s - MONDAY) % WEEK / SLOT)]

    def work(self, t: float) -> float:
        """Integral of `busy` from a fixed instant to t, in seconds of the busiest hour; never falls."""
        weeks, rest = divmod(t + self.offset_s - MONDAY, WEEK)
        slot, part = divmod(rest, SLOT)
        return weeks * self._before[-1] + (self._before[int(slot)] + self._profile[int(slot)] * part)

    def ambient(self, t: float) -> float:
        """Room temperature in Celsius."""
        afternoon = self._sun * math.sin(2 * math.pi * (self.hour(t) - 9) / 24)
        return self._room + afternoon + 0.8 * self._weather.drift(t, 1.5 * DAY) + self._heat_wave(t)

    def _heat_wave(self, t: float) -> float:
        if self.heat_wave_from is None:
            return 0.0
        part = (t - self.heat_wave_from) / (3 * DAY)
        return 7 * math.sin(math.pi * part) if 0 < part < 1 else 0.0

    def _shape(self, local: float) -> float:
        day, hour = int(local // DAY), local % DAY / 3600
        rise = 1 / (1 + math.exp(-3 * (hour - self.opens)))
        fall = 1 / (1 + math.exp(3 * (hour - self.closes)))
        lunch = 1 - 0.3 * math.exp(-(((hour - 12.5) / 0.7) ** 2))
        return rise * fall * lunch * (1.0 if day < self._working_days else 0.08)
