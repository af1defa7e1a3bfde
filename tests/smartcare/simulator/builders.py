"""Devices, clocks and readings for the simulator's tests."""

from collections.abc import Iterable, Iterator

from smartcare.simulator.hardware import CATALOGUE, Kind
from smartcare.simulator.model import Device
from smartcare.simulator.plan import DeviceSpec, build
from smartcare.simulator.repertoire import STORIES
from smartcare.simulator.sample import Sample

PRESENT = 1_795_486_500.0  # 2026-11-24 02:15 UTC, a Tuesday
HOUR, DAY = 3600.0, 86400.0
STEP = 300.0
SEEDS = (7, 8, 9)


def a_device(story: str = "healthy", kind: Kind | None = None, *, seed: int = 7, name: str = "probe") -> Device:
    """A device with this story, of the first kind that can have it."""
    fitting = kind or next(each for each in CATALOGUE if each in STORIES[story].kinds)
    spec = DeviceSpec(name, "scd_abc_secret", kind=fitting, fault=story, site="hq", timezone="Europe/Berlin")
    return build([spec], seed=seed, present=PRESENT)[0]


def times(start: float, end: float, step: float = STEP) -> Iterator[float]:
    """start, start + step, … up to and with end."""
    return (start + n * step for n in range(int((end - start) // step) + 1))


def values(device: Device, metric: str, at: Iterable[float], *, instance: str = "", **labels: str) -> list[float]:
    """One series of a device at these instants."""
    return [float(the(device.samples(t), metric, instance=instance, **labels).value) for t in at]


def the(samples: Iterable[Sample], metric: str, *, instance: str = "", **labels: str) -> Sample:
    """The one sample of this name; instance and labels narrow it where there are several."""
    found = [
        sample
        for sample in samples
        if sample.metric == metric
        and (not instance or sample.instance == instance)
        and labels.items() <= dict(sample.labels or {}).items()
    ]
    assert len(found) == 1, f"{len(found)} samples {metric} {instance} {labels}"
    return found[0]


def median(numbers: Iterable[float]) -> float:
    ordered = sorted(numbers)
    return ordered[len(ordered) // 2]


def mean(numbers: list[float]) -> float:
    return sum(numbers) / len(numbers)
