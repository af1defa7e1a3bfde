"""Harmless lives that look like faults for a while. Nobody should be woken by them."""

import math
from collections.abc import Iterator
from itertools import count

from smartcare.simulator.flows import Nightly
from smartcare.simulator.hardware import Kind
from smartcare.simulator.site import DAY
from smartcare.simulator.story import HOUR, Boot, Event, Story, Strain, Trip


class NightlyBackup(Story):
    """Every night the uplink is nearly full for an hour or two."""

    name = "nightly_backup"

    def begin(self) -> None:
        hour, hours = self.noise.between(0.5, 3.0, 1), self.noise.between(0.8, 1.8, 2)
        self.backup = Nightly(hour=hour, hours=hours, offset_s=self.scene.site.offset_s)


class LogRotation(Story):
    """The flash fills and is emptied again every day or so, far from full."""

    name = "log_rotation"

    def begin(self) -> None:
        self.period = self.noise.between(1.0, 1.4, 1) * DAY

    def strain(self, t: float) -> Strain:
        return Strain(flash=7 * (t % self.period) / self.period)


class FirmwareReboot(Story):
    """An upgrade the night before: image on the flash, a planned restart, a little more memory afterwards."""

    name = "firmware_reboot"

    def begin(self) -> None:
        site = self.scene.site
        self.upgraded_at = site.midnight(self.before(2.5)) + 2.5 * HOUR

    def strain(self, t: float) -> Strain:
        image = 9.0 if self.upgraded_at - 6 * HOUR <= t < self.upgraded_at else 0.0
        return Strain(flash=image, memory=2.5 if t >= self.upgraded_at else 0.0)

    def boots(self) -> Iterator[Boot]:
        yield Boot(self.upgraded_at, "firmware", 280.0)

    def events(self) -> Iterator[Event]:
        yield Event(self.upgraded_at - 290, "notice", "SYS-5-RELOAD", "Reload requested: firmware upgrade")


class PulledCable(Story):
    """Somebody moves a cable once: minutes without link and a burst of broken frames."""

    name = "pulled_cable"

    def trips(self) -> Iterator[Trip]:
        yield Trip(self.before(14, spread=3), self.noise.between(300, 700, 1), frames=60)


class NightPowerOff(Story):
    """A socket timer: the device is switched off every night and says so before it goes."""

    name = "night_power_off"
    kinds = frozenset({Kind.ACCESS_POINT})
    OFF, ON = 21.5, 6.5  # local hours

    def powered(self, t: float) -> bool:
        return self.ON <= self.scene.site.hour(t) < self.OFF

    def boots(self) -> Iterator[Boot]:
        first = self.scene.site.midnight(self.before(45 * 24)) + self.ON * HOUR
        return (Boot(first + k * DAY, "power", 60.0) for k in count())

    def events(self) -> Iterator[Event]:
        first = self.scene.site.midnight(self.before(45 * 24)) + self.OFF * HOUR
        for k in count():
            at = first + k * DAY - 900  # early enough for the last report before it goes
            yield Event(at, "notice", "SYS-5-POWEROFF", "planned power-off from 21:30 until 06:30")


class MemoryWarmUp(Story):
    """After a power cut the caches fill: memory rises for hours, then stays."""

    name = "memory_warmup"

    def begin(self) -> None:
        self.cut = self.before(21, spread=1)

    def strain(self, t: float) -> Strain:
        fill = 1.0 if t < self.cut else 1 - math.exp(-(t - self.cut) / (5 * HOUR))
        return Strain(memory=24 * fill)

    def boots(self) -> Iterator[Boot]:
        yield Boot(self.cut, "power", 300.0)


class HeatWave(Story):
    """The whole site gets warmer for days; nothing is wrong with this device (site.py makes the weather)."""

    name = "heat_wave"
