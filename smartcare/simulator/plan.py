"""Who is who in the fleet: kinds, sites and stories of the devices whose keys we hold."""

import re
from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass

from smartcare.simulator.hardware import CATALOGUE, Hardware, Kind, kind_of
from smartcare.simulator.lookalikes import HeatWave
from smartcare.simulator.model import Device, Identity
from smartcare.simulator.noise import Noise
from smartcare.simulator.repertoire import FAULTS, LOOKALIKES, STORIES
from smartcare.simulator.site import Site
from smartcare.simulator.story import HOUR, Story

# What every fleet shows, the most telling first, and the kind it is best seen on. Twelve devices have room for all.
SHOWN: tuple[tuple[str, Kind], ...] = (
    ("memory_leak", Kind.EDGE),
    ("flapping", Kind.SWITCH),
    ("reboot_loop", Kind.ACCESS_POINT),
    ("flash_fill", Kind.SWITCH),
    ("silent", Kind.ACCESS_POINT),
    ("fan_wear", Kind.EDGE),
    ("nightly_backup", Kind.EDGE),
    ("night_power_off", Kind.ACCESS_POINT),
    ("pulled_cable", Kind.SWITCH),
    ("firmware_reboot", Kind.EDGE),
    ("log_rotation", Kind.SWITCH),
    ("memory_warmup", Kind.ACCESS_POINT),
)
FAULTY_SHARE = 0.3  # of the devices beyond those shown
SITE_SIZE = 4
HEAT_WAVE_NEEDS = 3  # devices: only neighbours can tell a heat wave from a fault


@dataclass(frozen=True, slots=True)
class DeviceSpec:
    """A device as the operator names it; None is for the plan to choose. fault: a story's name (repertoire.py)."""

    name: str
    key: str
    kind: Kind | None = None
    fault: str | None = None
    site: str | None = None
    timezone: str | None = None
    device_id: str | None = None
    serial: str | None = None
    vendor: str | None = None
    model: str | None = None


def build(specs: Sequence[DeviceSpec], *, seed: int, present: float) -> list[Device]:
    """One device per spec, in their order. present: the instant (epoch s) the faults lead up to.

    Raises ValueError if a spec asks for a story its kind of device cannot have.
    """
    kinds = [spec.kind or _kind_by_name(spec.name) or _kind_by_place(n) for n, spec in enumerate(specs)]
    stories = _assign(specs, kinds, seed)
    names = [spec.site or _site_by_name(spec.name) or f"site-{n // SITE_SIZE + 1}" for n, spec in enumerate(specs)]
    sites = _sites(specs, names, seed, present)
    _warm_up(sites, names, stories, present)
    return [
        Device(_identity(spec, CATALOGUE[kind], seed), CATALOGUE[kind], sites[name], story, seed=seed, present=present)
        for spec, kind, name, story in zip(specs, kinds, names, stories, strict=True)
    ]


def _assign(specs: Sequence[DeviceSpec], kinds: Sequence[Kind], seed: int) -> list[type[Story]]:
    chosen: dict[int, type[Story]] = {}
    for n, spec in enumerate(specs):
        if spec.fault is not None:
            chosen[n] = _asked(spec, kinds[n])
    taken = {story.name for story in chosen.values()}
    for name, kind in SHOWN:
        place = None if name in taken else _place_for(STORIES[name], kind, kinds, chosen)
        if place is not None:
            chosen[place] = STORIES[name]
    return [chosen.get(n) or _drawn(kinds[n], Noise(seed, "story", n)) for n in range(len(specs))]


def _asked(spec: DeviceSpec, kind: Kind) -> type[Story]:
    story = STORIES.get(spec.fault or "")
    if story is None:
        raise ValueError(f"{spec.name}: no such fault: {spec.fault}; there are {', '.join(STORIES)}")
    if kind not in story.kinds:
        raise ValueError(f"{spec.name}: {spec.fault} needs {' or '.join(sorted(story.kinds))}, this is {kind}")
    return story


def _place_for(story: type[Story], best: Kind, kinds: Sequence[Kind], chosen: Container[int]) -> int | None:
    """The first free device of the best kind, else the first that can have the story at all."""
    free = [n for n in range(len(kinds)) if n not in chosen and kinds[n] in story.kinds]
    return next((n for n in free if kinds[n] is best), free[0] if free else None)


def _drawn(kind: Kind, noise: Noise) -> type[Story]:
    repertoire: Mapping[str, type[Story]] = (
        FAULTS if noise.unit(1) < FAULTY_SHARE else {Story.name: Story, **LOOKALIKES}
    )
    return noise.pick([story for story in repertoire.values() if kind in story.kinds], 2)


def _sites(specs: Sequence[DeviceSpec], names: Sequence[str], seed: int, present: float) -> dict[str, Site]:
    zones = {name: spec.timezone for spec, name in zip(specs, names, strict=True) if spec.timezone}
    return {name: Site(name, seed=seed, present=present, timezone=zones.get(name)) for name in dict.fromkeys(names)}


def _warm_up(sites: dict[str, Site], names: Sequence[str], stories: Sequence[type[Story]], present: float) -> None:
    """A heat wave where a spec asks for one, else at the last site that is big enough to show what it is."""
    asked = {name for name, story in zip(names, stories, strict=True) if story is HeatWave}
    big = [name for name, size in Counter(names).items() if size >= HEAT_WAVE_NEEDS]
    for name in asked or set(big[-1:]):
        sites[name].heat_wave_from = present - 20 * HOUR


def _identity(spec: DeviceSpec, hardware: Hardware, seed: int) -> Identity:
    digits = Noise(seed, "serial", spec.name).bits()
    # A device the product has named already reports under that name: another serial could be taken for another device.
    made_up = None if spec.device_id else f"EN{hardware.kind[0].upper()}{digits % 10**8:08d}"
    return Identity(
        hostname=spec.name,
        vendor=spec.vendor or hardware.vendor,
        model=spec.model or hardware.model,
        serial=spec.serial or made_up,
        device_id=spec.device_id,
        mac=":".join(f"{byte:02x}" for byte in (2, *digits.to_bytes(8, "big")[:5])) if made_up else None,
    )


def _words(name: str) -> list[str]:
    return [word.rstrip("0123456789") for word in re.split(r"[^a-z0-9]+", name.lower())]


def _kind_by_name(name: str) -> Kind | None:
    return next((kind for word in _words(name) if (kind := kind_of(word))), None)


def _site_by_name(name: str) -> str | None:
    """`fw-hq-1` stands at `hq`; None if the name does not say, or says no kind either."""
    words = _words(name)
    place = "-".join(word for word in words if word and not kind_of(word))
    return place if place and any(kind_of(word) for word in words) else None


def _kind_by_place(n: int) -> Kind:
    """A site begins with its edge, then switches, then an access point."""
    return (Kind.EDGE, Kind.SWITCH, Kind.SWITCH, Kind.ACCESS_POINT)[n % SITE_SIZE]
