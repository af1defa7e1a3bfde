"""Degradations, each with one line of physics. All rates are drawn per device: no two are alike.

They are timed for the present (story.py): well under way, and some days before the worst.
"""

import math
from collections.abc import Iterator
from itertools import count

from smartcare.simulator.hardware import Kind
from smartcare.simulator.site import DAY
from smartcare.simulator.story import HOUR, Boot, Event, Story, Strain, Trip

WIRED = frozenset({Kind.EDGE, Kind.SWITCH})


class MemoryLeak(Story):
    """A process keeps what it takes: used memory grows steadily until the device runs out and restarts."""

    name = "memory_leak"
    degrades = True

    def begin(self) -> None:
        self.rate = self.noise.between(6.0, 7.5, 1)  # percentage points a day
        self.life = (96.5 - self.scene.memory) / self.rate * DAY  # and the busiest hour makes it 97
        self.crash = self.scene.present + self.noise.between(2.2, 3.0, 2) * DAY

    def strain(self, t: float) -> Strain:
        return Strain(memory=(t - self.crash) % self.life / DAY * self.rate if t >= self.crash - self.life else 0.0)

    def boots(self) -> Iterator[Boot]:
        return (Boot(self.crash + k * self.life, "oom", 200.0) for k in count())


class FlashFill(Story):
    """Crash dumps and logs that nobody rotates fill the flash in bursts; someone clears it a day after it is full."""

    name = "flash_fill"
    degrades = True
    rotates_logs = False

    def begin(self) -> None:
        self.rate = self.noise.between(5.0, 7.0, 1)  # percentage points a day
        self.full = self.scene.present + self.noise.between(2.4, 3.2, 2) * DAY
        self.start = self.full - (99.0 - self.scene.flash) / self.rate * DAY
        self.period = self.full + DAY - self.start

    def strain(self, t: float) -> Strain:
        if t < self.start:
            return Strain()
        days = (t - self.start) % self.period / DAY
        hours, part = divmod(days * 24, 1.0)
        burst = min(1.0, part / self.noise.between(0.05, 0.6, int(hours)))  # written at once, then quiet for the hour
        return Strain(flash=(hours + burst) / 24 * self.rate)

    def events(self) -> Iterator[Event]:
        for k in count():
            yield Event(self.full + k * self.period, "critical", "FS-2-FULL", "No space left on device", "disk/flash")


class Flapping(Story):
    """A loose plug: the link goes down and up, more often every hour."""

    name = "flapping"
    degrades = True

    def trips(self) -> Iterator[Trip]:
        at = self.before(22)
        for k in count():
            yield Trip(at, self.noise.between(3, 40, 2 * k))
            at += max(0.25 * HOUR, 2.5 * HOUR * 0.88**k) * self.noise.between(0.7, 1.3, 2 * k + 1)


class LinkErrors(Story):
    """A cable or connector corrodes: the share of broken frames doubles every few hours."""

    name = "link_errors"
    degrades = True

    def begin(self) -> None:
        self.broken_from = self.before(60, spread=6)
        self.doubling = self.noise.between(5.0, 7.0, 1) * HOUR

    def broken(self, t: float) -> float:
        return float(min(2e-3, 3e-8 * 2 ** min(30.0, (t - self.broken_from) / self.doubling)))


class DuplexMismatch(Story):
    """After a configuration change one side speaks half duplex: frames break in proportion to the load."""

    name = "duplex_mismatch"
    kinds = WIRED
    degrades = True

    def begin(self) -> None:
        self.broken_from = self.before(20, spread=1)

    def broken(self, t: float) -> float:
        return 3e-3 * (0.02 + self.scene.site.busy(t))

    def events(self) -> Iterator[Event]:
        yield Event(self.broken_from, "notice", "SYS-5-CONFIG", "config: speed/duplex changed")


class FanWear(Story):
    """Bearings wear out: the fan slows, wobbles, and stands still in the end."""

    name = "fan_wear"
    kinds = WIRED
    degrades = True

    def begin(self) -> None:
        self.start = self.before(72, spread=6)
        self.life = self.noise.between(6.0, 8.0, 1)  # days

    def strain(self, t: float) -> Strain:
        part = self.days_since(t, self.start) / self.life
        if part > 1:
            return Strain(fan=0.0)
        return Strain(fan=1 - 0.5 * part**1.2, wobble=0.07 * part)

    def events(self) -> Iterator[Event]:
        stall = self.start + self.life * DAY
        yield Event(stall, "alert", "PLATFORM_ENV-1-FAN", "Faulty system fan detected", "fan/1")


class TemperatureCreep(Story):
    """Dust: the thermal resistance grows exponentially."""

    name = "temp_creep"
    degrades = True

    def begin(self) -> None:
        self.start = self.before(8 * 24, spread=24)
        self.rate = self.noise.between(0.08, 0.10, 1)  # of the resistance, a day

    def strain(self, t: float) -> Strain:
        return Strain(heat=min(4.0, math.exp(self.rate * self.days_since(t, self.start))))


class OpticsDecay(Story):
    """The laser at the other end ages: received power falls linearly, then faster."""

    name = "optics_decay"
    kinds = frozenset({Kind.SWITCH})
    degrades = True

    def begin(self) -> None:
        self.start = self.before(14 * 24, spread=24)
        self.life = self.noise.between(24.0, 30.0, 1)  # days

    def strain(self, t: float) -> Strain:
        part = min(1.2, self.days_since(t, self.start) / self.life)
        return Strain(light_db=12 * (0.7 * part + 0.3 * part**3))


class PsuSag(Story):
    """A capacitor dries out: the 12 V rail sags and the ripple grows."""

    name = "psu_degrade"
    kinds = WIRED
    degrades = True

    def begin(self) -> None:
        self.start = self.before(6 * 24, spread=12)
        self.life = self.noise.between(11.0, 14.0, 1)  # days

    def strain(self, t: float) -> Strain:
        part = min(1.1, self.days_since(t, self.start) / self.life)
        return Strain(rail_v=0.9 * part**1.6 + 0.08 * part * self.noise.normal(int(t)))


class PoeBudget(Story):
    """More and more powered devices are plugged in, one at a time, until the budget is used up."""

    name = "poe_budget"
    kinds = frozenset({Kind.SWITCH})
    degrades = True

    def begin(self) -> None:
        self.start = self.before(14 * 24, spread=24)

    def strain(self, t: float) -> Strain:
        devices = int(self.days_since(t, self.start) / 0.9)
        return Strain(poe_w=min(330.0, 14.0 * devices))


class RebootLoop(Story):
    """The device crashes, and each time sooner, down to once an hour."""

    name = "reboot_loop"
    degrades = True

    def boots(self) -> Iterator[Boot]:
        at = self.before(21, spread=0.5)
        for k in count():
            yield Boot(at, "crash", self.noise.between(90, 240, 2 * k))
            at += max(HOUR, 5 * HOUR * 0.8**k) * self.noise.between(0.9, 1.1, 2 * k + 1)


class WanLoss(Story):
    """The provider's line degrades: loss and round trip grow, more so when it is busy."""

    name = "wan_degrade"
    kinds = frozenset({Kind.EDGE})
    degrades = True

    def begin(self) -> None:
        self.start = self.before(72, spread=8)
        self.life = self.noise.between(6.0, 8.0, 1)  # days

    def strain(self, t: float) -> Strain:
        part = min(1.3, self.days_since(t, self.start) / self.life)
        busy = 0.7 + 0.6 * self.scene.site.busy(t)
        uneven = math.exp(0.35 * self.noise.drift(t, 1_700))
        return Strain(loss=0.05 * part**1.7 * busy * uneven, rtt=1 + 1.5 * part**2)


class UplinkSaturation(Story):
    """The traffic of the uplink grows by a constant share a day, up to what the line carries."""

    name = "uplink_saturation"
    kinds = frozenset({Kind.EDGE})
    degrades = True

    def begin(self) -> None:
        self.growth_from = self.before(40 * 24, spread=48)
        self.rate = self.noise.between(0.015, 0.019, 1)

    def growth(self, t: float) -> float:
        return float(min(3.8, math.exp(self.rate * self.days_since(t, self.growth_from))))


class SuddenSilence(Story):
    """No precursor at all: from one report to the next the device is gone for good."""

    name = "silent"
    degrades = True

    def begin(self) -> None:
        self.ends_at = self.before(9, spread=1)
