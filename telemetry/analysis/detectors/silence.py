"""D8: the dead-man's switch. Who is silent, and whose fault is it: the device's, its site's, or our own?

Works on arrays over all devices of a fleet, from the time of their last report alone. Source: handbook, detector D8.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from telemetry.analysis.facts import DeviceKind, Floats
from telemetry.analysis.findings import Finding, Severity

RULE = "silence"
VERSION = 1
DEVICE_KIND, SITE_KIND, COLLECTOR_KIND = "device_silent", "site_down", "collector_silent"

MISSED, SOFT = 3, 2  # reports in a row
SHORTEST_S = 180.0
FLEET_SHARE, FLEET_SITES = 0.30, 3  # one site of two is not the fleet
FLEET_REST_S = 1800.0
SITE_SHARE, SITE_DEVICES = 0.60, 2
REST_INTERVALS = 2  # a device whose silence was explained gets this long after the cause has cleared

SEVERITY: Mapping[DeviceKind, Severity] = {
    "firewall": "critical",
    "router": "critical",
    "switch": "major",
    "ap": "warning",
    "other": "warning",
}

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Roster:
    """The fleet in columns, one entry per device; parent: position of the device in front, -1 for none."""

    device_ids: Sequence[str]
    kinds: Sequence[DeviceKind]
    sites: Sequence[str]
    site: NDArray[np.intp]
    parent: NDArray[np.intp]
    interval_s: Floats

    @classmethod
    def of(
        cls,
        device_ids: Sequence[str],
        *,
        kinds: Sequence[DeviceKind],
        sites: Sequence[str],
        parents: Sequence[str],
        interval_s: Sequence[float],
    ) -> "Roster":
        """parents: device ids, empty or unknown for none."""
        place = {name: position for position, name in enumerate(device_ids)}
        names, site = np.unique(np.array(sites, object).astype(str), return_inverse=True)
        return cls(
            device_ids,
            kinds,
            names.tolist(),
            site,
            np.array([place.get(parent, -1) for parent in parents], np.intp),
            np.array(interval_s, np.float64),
        )


@dataclass
class Memory:
    """What one sweep leaves to the next; arrays by device, or by site of the roster. Times are epoch seconds."""

    raised: Flags
    heard_at_raise: Floats
    explained_until: Floats
    site_open: Flags
    site_until: Floats
    fleet_open: bool = False
    fleet_until: float = float("-inf")

    @classmethod
    def of(cls, roster: Roster, stored: Mapping[str, Any] | None = None) -> "Memory":
        """A blank memory, or the one `stored` tells of; devices and sites that are gone are forgotten."""
        devices, sites = len(roster.device_ids), len(roster.sites)
        memory = cls(
            np.zeros(devices, bool),
            np.full(devices, -np.inf),
            np.full(devices, -np.inf),
            np.zeros(sites, bool),
            np.full(sites, -np.inf),
        )
        stored = stored or {}
        for place, name in enumerate(roster.device_ids):
            if name in stored.get("raised", {}):
                memory.raised[place], memory.heard_at_raise[place] = True, stored["raised"][name]
            memory.explained_until[place] = stored.get("explained", {}).get(name, -np.inf)
        for place, name in enumerate(roster.sites):
            memory.site_open[place] = name in stored.get("open_sites", [])
            memory.site_until[place] = stored.get("sites", {}).get(name, -np.inf)
        memory.fleet_open = bool(stored.get("fleet_open", False))
        memory.fleet_until = float(stored.get("fleet_until", -np.inf))
        return memory

    def as_dict(self, roster: Roster) -> dict[str, Any]:
        """Plain types, without what is not worth remembering."""
        ids, sites = roster.device_ids, roster.sites
        stored: dict[str, Any] = {
            "raised": {ids[i]: float(self.heard_at_raise[i]) for i in _places(self.raised)},
            "explained": {ids[i]: float(self.explained_until[i]) for i in _places(np.isfinite(self.explained_until))},
            "open_sites": [sites[i] for i in _places(self.site_open)],
            "sites": {sites[i]: float(self.site_until[i]) for i in _places(np.isfinite(self.site_until))},
            "fleet_open": self.fleet_open,
        }
        if np.isfinite(self.fleet_until):
            stored["fleet_until"] = self.fleet_until
        return stored


def _places(flags: Flags) -> list[int]:
    places: list[int] = np.flatnonzero(flags).tolist()
    return places


@dataclass(frozen=True, slots=True)
class Sweep:
    """Who is raised now. devices, sites: positions in the roster. members: who is silent within each open site.

    explained: device position to the position of the silent device in front of it. missed: expected reports since the
    last, by device. soft: how many devices are late.
    """

    devices: NDArray[np.intp]
    sites: NDArray[np.intp]
    members: Mapping[int, NDArray[np.intp]]
    fleet: bool
    explained: Mapping[int, int]
    missed: NDArray[np.intp]
    soft: int


def sweep(
    roster: Roster, memory: Memory, *, now: float, last_seen: Floats, expected_since: Floats, muted: Flags
) -> Sweep:
    """Look at every device once and move the memory on.

    last_seen: NaN for a device never heard of. expected_since: start of the stretch of hours that reports are
    expected in, infinite outside of one. muted: announced maintenance, or a power-off the device told of.
    """
    known = np.isfinite(last_seen)
    memory.raised &= ~(known & (last_seen > memory.heard_at_raise))
    reference = np.fmax(last_seen, expected_since)
    late = np.where(known & np.isfinite(reference), now - reference, 0.0)
    missed = np.floor_divide(late, roster.interval_s).astype(np.intp)
    soft = missed >= SOFT
    hard = (missed >= MISSED) & (late >= SHORTEST_S)
    counted = known & np.isfinite(reference) & ~memory.raised
    fleet_rests = _judge_fleet(roster, memory, now, soft & counted, counted)
    still_late = known & (now - last_seen >= SOFT * roster.interval_s)
    _judge_sites(roster, memory, now, soft & counted, counted, still_late, fleet_rests)
    explained = _explained(roster, soft | memory.raised, last_seen)
    memory.explained_until[explained] = now + REST_INTERVALS * roster.interval_s[explained]
    waiting = (now < memory.explained_until) | (now < memory.site_until[roster.site]) | fleet_rests
    new = hard & ~memory.raised & ~muted & ~waiting
    memory.raised |= new
    memory.heard_at_raise[new] = last_seen[new]
    open_sites = np.flatnonzero(memory.site_open)
    return Sweep(
        devices=np.flatnonzero(memory.raised),
        sites=open_sites,
        members={int(s): np.flatnonzero((roster.site == s) & still_late) for s in open_sites},
        fleet=memory.fleet_open,
        explained={int(i): int(roster.parent[i]) for i in np.flatnonzero(explained & hard & ~memory.raised)},
        missed=missed,
        soft=int((soft & counted).sum()),
    )


def _judge_fleet(roster: Roster, memory: Memory, now: float, soft: Flags, counted: Flags) -> bool:
    """Whether everything below has to rest because our own side seems to be deaf."""
    sites = np.unique(roster.site[soft]).size
    share = float(soft.sum()) / max(1.0, float(counted.sum()))
    memory.fleet_open = bool(share > FLEET_SHARE and sites >= FLEET_SITES)
    if memory.fleet_open:
        memory.fleet_until = now + FLEET_REST_S
    return now < memory.fleet_until


def _judge_sites(
    roster: Roster, memory: Memory, now: float, soft: Flags, counted: Flags, still_late: Flags, rests: bool
) -> None:
    """Most of a site at once is one finding. An open one stays while most of its devices have not reported."""
    sites = len(roster.sites)
    devices = np.bincount(roster.site, counted, sites)
    silent = np.bincount(roster.site, soft, sites)
    new = (devices >= SITE_DEVICES) & (silent >= SITE_SHARE * devices) & (not rests)
    others = ~memory.raised
    still = np.bincount(roster.site, still_late & others, sites) >= SITE_SHARE * np.bincount(roster.site, others, sites)
    memory.site_open = new | (memory.site_open & still & (not rests))
    longest = np.zeros(sites)
    np.maximum.at(longest, roster.site, roster.interval_s)
    memory.site_until = np.where(memory.site_open, now + REST_INTERVALS * longest, memory.site_until)


def _explained(roster: Roster, soft: Flags, last_seen: Floats) -> Flags:
    """Behind a silent device, unless it was heard well after that one fell silent: then it has another way."""
    has_parent = roster.parent >= 0
    front = np.where(has_parent, roster.parent, 0)
    later = last_seen - last_seen[front] > SOFT * roster.interval_s
    return has_parent & soft[front] & soft & ~later


# ---- findings


def device_finding(roster: Roster, place: int, last_seen: float, missed: int) -> Finding:
    """last_seen: epoch seconds; missed: reports that were expected since."""
    evidence = {
        "last_report": round(last_seen),
        "missed_reports": missed,
        "interval_s": float(roster.interval_s[place]),
    }
    severity = SEVERITY[roster.kinds[place]]
    return Finding(RULE, VERSION, DEVICE_KIND, "", severity, "The device has stopped reporting", evidence)


def site_finding(roster: Roster, site: int, members: Sequence[int]) -> Finding:
    """One finding for the site; its silent devices are listed inside."""
    evidence = {"devices": [roster.device_ids[i] for i in members][:50], "count": len(members)}
    title = "Most of the site has stopped reporting"
    return Finding(RULE, VERSION, SITE_KIND, roster.sites[site], "critical", title, evidence)


def collector_finding(silent: int, fleet: int) -> Finding:
    """For staff only: most of everything is silent at once, so the fault is ours."""
    evidence = {"silent": silent, "fleet": fleet}
    return Finding(RULE, VERSION, COLLECTOR_KIND, "", "critical", "Most devices cannot be heard at once", evidence)
