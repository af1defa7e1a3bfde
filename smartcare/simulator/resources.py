"""Processor, memory, flash, and what the device sees of its users and its gateway."""

import math
from collections.abc import Iterator

from smartcare.simulator.hardware import Kind
from smartcare.simulator.sample import FREE, USED, Sample
from smartcare.simulator.site import DAY
from smartcare.simulator.story import HOUR, Scene, Story, Strain

SPIKE_S = 300  # a short job runs this long
GATEWAY = {"target": "gateway"}


class Resources:
    """What the software of one device uses."""

    def __init__(self, scene: Scene, story: Story) -> None:
        self._scene, self._story = scene, story
        self._noise = noise = scene.noise.child("resources")
        self._idle_cpu = noise.between(0.04, 0.14, 1)
        self._warm, self._warm_s = noise.between(2.0, 7.0, 2), noise.between(1.0, 5.0, 3) * HOUR
        self._saw, self._saw_s = noise.between(0.5, 2.0, 4), noise.between(1.2, 3.0, 5) * DAY
        self._rtt_s = noise.between(0.002, 0.012, 6)
        self._sessions = noise.between(0.1, 0.25, 8)  # percentage points in the busiest hour
        self._users = noise.between(8, 30, 7)

    def samples(self, t: float, boot: float, strain: Strain) -> Iterator[Sample]:
        memory = self.memory(t, boot, strain)
        used, flash = int(memory * self._scene.hardware.memory_by), self._scene.hardware.flash_by
        yield Sample("device.cpu.utilization", "cpu/1", round(self.cpu(t), 4))
        yield Sample("device.memory.utilization", "pool/system", round(memory, 5))
        yield Sample("device.memory.usage", "pool/system", used, USED)
        yield Sample("device.memory.usage", "pool/system", self._scene.hardware.memory_by - used, FREE)
        yield Sample("fs.usage", "disk/flash", int(self.flash(t, strain) * flash), USED)
        yield Sample("fs.limit", "disk/flash", flash)
        yield from self._gateway(t, strain)
        yield from self._people(t)

    def cpu(self, t: float) -> float:
        """Share in use, 0 to 1."""
        spike = 0.6 if self._noise.child("spike").unit(int(t // SPIKE_S)) < 0.008 else 0.0
        level = self._idle_cpu + 0.22 * self._scene.site.busy(t) + 0.02 * self._noise.normal(int(t))
        return min(0.98, max(0.01, level + spike))

    def memory(self, t: float, boot: float, strain: Strain) -> float:
        """Share in use, 0 to 1: caches fill after a boot, people make sessions, the story adds its part."""
        cold = self._warm * math.exp(-(t - boot) / self._warm_s)
        wander = 0.12 * self._noise.drift(t, 9_000) + 0.1 * self._noise.normal(int(t) + 1)
        percent = self._scene.memory - cold + self._sessions * self._scene.site.busy(t) + wander + strain.memory
        return min(0.985, max(0.02, percent / 100))

    def flash(self, t: float, strain: Strain) -> float:
        """Share in use, 0 to 1: logs grow and are rotated, the story adds its part."""
        logs = self._story.rotates_logs * self._saw * (t % self._saw_s) / self._saw_s
        return min(0.995, max(0.02, (self._scene.flash + logs + strain.flash) / 100))

    def _gateway(self, t: float, strain: Strain) -> Iterator[Sample]:
        noise = self._noise.child("gateway")
        stray = 0.01 * noise.unit(int(t) + 1) if noise.unit(int(t)) < 0.01 else 0.0
        wander = math.exp(0.2 * noise.drift(t, 1_200) + 0.05 * noise.normal(int(t)))
        yield Sample("icmp.loss", "", round(min(1.0, stray + strain.loss), 5), GATEWAY)
        yield Sample("icmp.rtt", "", round(self._rtt_s * wander * strain.rtt, 6), GATEWAY)

    def _people(self, t: float) -> Iterator[Sample]:
        busy = self._scene.site.busy(t)
        for n, radio in enumerate(self._scene.hardware.radios):
            mean = self._users * busy / (1 + n)
            clients = max(0, round(mean + math.sqrt(mean) * self._noise.normal(int(t) + 2 + n)))
            airtime = 0.05 + 0.4 * busy / (1 + n) + 0.02 * self._noise.normal(int(t) + 9 + n)
            yield Sample("wifi.clients", f"radio/{radio}", clients)
            yield Sample("wifi.channel_utilization", f"radio/{radio}", round(max(0.0, airtime), 4))
        if self._scene.hardware.kind is Kind.EDGE:
            yield Sample("fw.sessions", "", int(self._users * (20 + 300 * busy)))
