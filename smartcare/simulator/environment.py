"""Heat, fans and power."""

from collections.abc import Iterator

from smartcare.simulator.sample import Sample
from smartcare.simulator.story import Scene, Strain

DEGRADED_C, CRITICAL_C = 68, 78
SHUTDOWN_C = 84.0  # no reading goes beyond: the protection throttles the device
STALLED, SLOW = 0.05, 0.6  # share of the nominal speed below which the device itself complains
RAIL_LOW_V, RAIL_DEAD_V = 11.4, 11.0  # -5 % and what the supervisor chip takes for a failure


class Environment:
    """The body of one device: what it draws, how warm it gets, how it is cooled."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._noise = noise = scene.noise.child("environment")
        self._resistance = noise.between(0.75, 1.15, 1)
        self._nominal = (scene.hardware.rpm or 0) * noise.between(0.9, 1.1, 2)
        self._rail_v = 12.05 + 0.03 * noise.normal(3)
        self._fed = noise.between(40, 90, 4)  # watts of the devices fed over Ethernet

    def samples(self, t: float, cpu: float, strain: Strain) -> Iterator[Sample]:
        yield from self._heat(t, cpu, strain)
        hardware = self._scene.hardware
        if hardware.rpm:
            speed = self.fan_rpm(t, strain)
            share = speed / self._nominal
            yield Sample("fan.speed", "fan/1", round(speed))
            yield Sample("fan.status", "fan/1", "failed" if share < STALLED else "warning" if share < SLOW else "ok")
        if hardware.rail:
            rail = self.rail_v(t, strain)
            yield Sample("sensor.voltage", "sensor/12v", round(rail, 3))
            yield Sample("psu.status", "psu/1", self._supply(rail))
        if hardware.poe_w is not None:
            yield Sample("poe.usage", "poe/1", round(self.poe_w(t, strain), 1))
            yield Sample("poe.limit", "poe/1", hardware.poe_w)
            yield Sample("poe.status", "poe/1", "on")

    def temperature(self, t: float, cpu: float, strain: Strain) -> float:
        """Hottest spot in Celsius: room + heat x thermal resistance / air flow."""
        heat = 13 + 8 * self._scene.site.busy(t) + 6 * cpu
        air = min(1.2, max(0.45, strain.fan)) if self._scene.hardware.rpm else 1.0
        rise = heat * self._resistance * strain.heat / air
        return min(SHUTDOWN_C, self._scene.site.ambient(t) + rise + 0.25 * self._noise.normal(int(t)))

    def fan_rpm(self, t: float, strain: Strain) -> float:
        """The control runs the fan faster in a warm room; wear slows it and makes it wobble."""
        warm = 1 + 0.012 * min(15.0, max(-5.0, self._scene.site.ambient(t) - 22))
        shake = (0.008 + strain.wobble) * self._noise.normal(int(t) + 1) if strain.fan > 0 else 0.0
        return max(0.0, self._nominal * (warm * strain.fan + shake))

    def rail_v(self, t: float, strain: Strain) -> float:
        return self._rail_v - strain.rail_v + 0.012 * self._noise.normal(int(t) + 2)

    def poe_w(self, t: float, strain: Strain) -> float:
        asked = (self._fed + strain.poe_w) * (1 + 0.05 * self._scene.site.busy(t)) + 0.8 * self._noise.normal(
            int(t) + 3
        )
        return min(self._scene.hardware.poe_w or 0.0, max(0.0, asked))

    def _heat(self, t: float, cpu: float, strain: Strain) -> Iterator[Sample]:
        yield Sample("sensor.temperature", "sensor/hotspot", round(self.temperature(t, cpu, strain), 2))
        yield Sample("sensor.temperature.limit", "sensor/hotspot", DEGRADED_C, {"limit": "high.degraded"})
        yield Sample("sensor.temperature.limit", "sensor/hotspot", CRITICAL_C, {"limit": "high.critical"})

    @staticmethod
    def _supply(rail_v: float) -> str:
        if rail_v < RAIL_DEAD_V:
            return "failed"
        return "warning" if rail_v < RAIL_LOW_V else "ok"
