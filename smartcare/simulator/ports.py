"""Interfaces: traffic, errors, link state, light. All counters are functions of time that never fall between boots."""

from collections.abc import Iterator

from smartcare.simulator.flows import Cumulative, Ripple, Stepped, Timeline
from smartcare.simulator.hardware import Port
from smartcare.simulator.sample import RX, RX_UNICAST, TX, TX_UNICAST, Sample
from smartcare.simulator.site import DAY
from smartcare.simulator.story import HOUR, NEVER, Scene, Story, Strain

FRAME_BY = 700.0  # mean frame size of mixed office traffic
IDLE = 0.08  # of the busiest hour's load is there all night
BACKUP = 0.85  # of the uplink's speed is used by a nightly backup
SATURATED = 0.62  # of the speed on average; the ripple's peaks then fill the line


class PortModel:
    """One port of a device. uplink: the story's traffic goes through here. troubled: its link faults happen here."""

    def __init__(self, port: Port, scene: Scene, story: Story, *, uplink: bool, troubled: bool) -> None:
        self.port, self._site = port, scene.site
        self._noise = noise = scene.noise.child("port", port.name)
        self._ripple = Ripple(noise.child("ripple"))
        self._peak_by = port.speed_bps / 8 * port.share * noise.between(0.7, 1.2, 1)  # bytes a second
        self._back = noise.between(0.15, 0.5, 2)  # the other direction carries this much of the first
        self._sound = 10 ** noise.between(-11, -9.5, 3)  # share of frames that break on a sound cable
        self._flow = self._growing(story) if uplink and story.growth_from < NEVER else self._smooth
        self._backup = story.backup if uplink else None
        self._broken: Cumulative | None = None
        if troubled and story.broken_from < NEVER:
            self._broken = Stepped(self._frames, story.broken, since=story.broken_from, step=HOUR, before=0.0)
        self.trips = Timeline(story.trips() if troubled else iter(()))
        self._lost = [(0.0, 0)]  # bytes that could not pass and frames torn in the first k trips
        self._light_dbm = noise.between(-7.0, -4.0, 4)

    def samples(self, t: float, boot: float, strain: Strain) -> Iterator[Sample]:
        """All series of the port at t; counters count from `boot` (epoch s)."""
        name = self.port.instance
        yield Sample("if.admin_status", name, "up")
        yield Sample("if.oper_status", name, "down" if self.is_down(t) else "up")
        yield Sample("if.speed", name, self.port.speed_bps)
        yield from self._counters(name, t, boot)
        if self.port.optic:
            yield from self._light(name, t, strain)

    def _counters(self, name: str, t: float, boot: float) -> Iterator[Sample]:
        octets = self.received_by(t) - self.received_by(boot)
        frames, back = octets / FRAME_BY, octets * self._back
        yield Sample("if.io", name, int(octets), RX, counter=True)
        yield Sample("if.io", name, int(back), TX, counter=True)
        yield Sample("if.packets", name, int(frames), RX_UNICAST, counter=True)
        yield Sample("if.packets", name, int(frames * self._back), TX_UNICAST, counter=True)
        yield Sample("if.errors", name, int(self.broken_by(t) - self.broken_by(boot)), RX, counter=True)
        yield Sample("if.errors", name, 0, TX, counter=True)
        yield Sample("if.discards", name, int(frames * 3e-8), RX, counter=True)
        yield Sample("if.discards", name, int(frames * self._back * 1e-7), TX, counter=True)
        yield Sample("if.flaps", name, self.trips.until(t) - self.trips.until(boot), counter=True)

    def _light(self, name: str, t: float, strain: Strain) -> Iterator[Sample]:
        received = self._light_dbm + 0.1 * self._noise.drift(t, DAY) + 0.05 * self._noise.normal(int(t))
        yield Sample("optic.power", name, round(received - strain.light_db, 2), RX)
        yield Sample("optic.power", name, round(-2.1 + 0.03 * self._noise.normal(int(t) + 1), 2), TX)

    def is_down(self, t: float) -> bool:
        trip = self.trips.last(t)
        return trip is not None and t < trip.at + trip.down_s

    def received_by(self, t: float) -> float:
        """Bytes received since a fixed instant; nothing passes while the link is down."""
        trip = self.trips.last(t)
        if trip is None:
            return self._offered(t)
        stopped = self._offered(min(t, trip.at + trip.down_s)) - self._offered(trip.at)
        return self._offered(t) - stopped - self._lost_in(self.trips.until(t) - 1)[0]

    def broken_by(self, t: float) -> float:
        """Broken frames received since a fixed instant."""
        fault = self._broken(t) if self._broken else 0.0
        return self._frames(t) * self._sound + fault + self._lost_in(self.trips.until(t))[1]

    def _lost_in(self, trips: int) -> tuple[float, int]:
        while len(self._lost) <= trips:
            octets, frames = self._lost[-1]
            trip = self.trips[len(self._lost) - 1]
            missed = self._offered(trip.at + trip.down_s) - self._offered(trip.at)
            self._lost.append((octets + missed, frames + trip.frames))
        return self._lost[trips]

    def _smooth(self, t: float) -> float:
        run = self._ripple(t)
        return self._peak_by * (IDLE * run + (1 - IDLE) * self._site.work(run))

    def _growing(self, story: Story) -> Cumulative:
        ceiling = SATURATED * self.port.speed_bps / 8 / self._peak_by
        return Stepped(
            self._smooth, lambda t: min(ceiling, story.growth(t)), since=story.growth_from, step=DAY, before=1.0
        )

    def _offered(self, t: float) -> float:
        backup = self._backup.seconds(t) * BACKUP * self.port.speed_bps / 8 if self._backup else 0.0
        return self._flow(t) + backup

    def _frames(self, t: float) -> float:
        return self._flow(t) / FRAME_BY
