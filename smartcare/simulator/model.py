"""One simulated device: what it would measure, log and say about itself at any instant.

A function of (seed, name, present, instant) alone: it can be asked about any time in any order, also about days before
the fleet was started, and answers the same. Threads must not share a device (it keeps sums it has made).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

from smartcare.simulator.environment import Environment
from smartcare.simulator.flows import Timeline
from smartcare.simulator.hardware import Hardware
from smartcare.simulator.inventory import inventory
from smartcare.simulator.noise import Noise
from smartcare.simulator.ports import PortModel
from smartcare.simulator.resources import Resources
from smartcare.simulator.sample import Sample
from smartcare.simulator.site import DAY, Site
from smartcare.simulator.story import Boot, Event, Scene, Story

FIRST_BOOT_DAYS = (60, 200)  # before the present


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the device says it is; None is left out. device_id is what the product itself calls the device."""

    hostname: str
    vendor: str
    model: str
    serial: str | None = None
    device_id: str | None = None
    mac: str | None = None


class Device:
    """Behaviour of one device; `story` is what happens to it."""

    def __init__(
        self, identity: Identity, hardware: Hardware, site: Site, story: type[Story], *, seed: int, present: float
    ) -> None:
        self.identity, self.hardware, self.site = identity, hardware, site
        noise = Noise(seed, "device", identity.hostname)
        scene = Scene(present, site, hardware, noise, memory=noise.between(36, 52, 1), flash=noise.between(30, 48, 2))
        self.story = story(scene)
        self._resources, self._environment = Resources(scene, self.story), Environment(scene)
        troubled = min(1, len(hardware.ports) - 1)  # the uplink only where there is no other port
        self.ports = [
            PortModel(port, scene, self.story, uplink=n == 0, troubled=n == troubled)
            for n, port in enumerate(hardware.ports)
        ]
        self._troubled = self.ports[troubled]
        first = Boot(present - noise.between(*FIRST_BOOT_DAYS, 3) * DAY, "power")
        self._boots = Timeline(chain([first], self.story.boots()))
        self._first_boot = first
        self._log = Timeline(self.story.events())

    def samples(self, t: float) -> list[Sample]:
        """Everything the device measures at t (epoch s): about 100 values for a switch, 25 for an access point.

        Meaningful where `reports_at(t)`.
        """
        boot, strain = self.boot(t).at, self.story.strain(t)
        parts: list[Iterator[Sample]] = [
            self._resources.samples(t, boot, strain),
            self._environment.samples(t, self._resources.cpu(t), strain),
            *(port.samples(t, boot, strain) for port in self.ports),
        ]
        return [Sample("device.uptime", "", round(t - boot, 2)), *chain.from_iterable(parts)]

    def boot(self, t: float) -> Boot:
        """The boot that the device's uptime at t counts from."""
        return self._boots.last(t) or self._first_boot

    def boot_number(self, t: float) -> int:
        return self._boots.until(t)

    def reports_at(self, t: float) -> bool:
        """False while the device is off, booting or dead."""
        coming = self._boots.coming(t)
        booting = coming is not None and t > coming.at - coming.down_s
        return not booting and self.story.powered(t)

    @property
    def ends_at(self) -> float:
        """From this instant on (epoch s) the device never reports again; infinity for most."""
        return self.story.ends_at

    def events(self, after: float, until: float) -> list[Event]:
        """Log lines of (after, until], in time order."""
        port = self._troubled.port
        lines = [
            Event(boot.at, "notice", "SYS-5-RESTART", f"boot: {boot.reason}")
            for boot in self._boots.between(after, until)
        ]
        lines += self._log.between(after, until)
        for trip in self._troubled.trips.between(after - DAY, until):
            for at, state in ((trip.at, "down"), (trip.at + trip.down_s, "up")):
                if after < at <= until:
                    text = f"Interface {port.name}, changed state to {state}"
                    lines.append(Event(at, "error", "LINK-3-UPDOWN", text, port.instance))
        return sorted(lines, key=lambda line: line.at)

    def software(self, t: float) -> str:
        """Version of the software that runs at t."""
        shipped, newer = self.hardware.versions
        return newer if t >= self.story.upgraded_at else shipped

    def inventory(self, t: float) -> dict[str, Any]:
        """The `inventory` object of a report, without its time."""
        return inventory(self.hardware, self.identity.serial, self.software(t))
