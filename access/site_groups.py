"""Many sites, a few at a time: a customer's sites in groups of at most a dozen, as columns of the matrix.

By city where that puts sites together; else in the order of their names.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import batched
from math import ceil

from django.utils.translation import gettext

from access.models import Site

MOST = 12  # sites beside each other


@dataclass(frozen=True, slots=True)
class Group:
    """key: public id of its first site, so that an address neither names a place nor moves when sites are added elsewhere."""

    label: str
    sites: tuple[Site, ...]

    @property
    def key(self) -> str:
        return self.sites[0].public_id

    def holds(self, public_id: str) -> bool:
        return any(site.public_id == public_id for site in self.sites)


def groups(sites: Iterable[Site]) -> tuple[Group, ...]:
    """() where so few sites need none."""
    ordered = sorted(sites, key=lambda s: (s.name.casefold(), s.public_id))
    if len(ordered) <= MOST:
        return ()
    by_city: dict[str, list[Site]] = {}
    for site in ordered:
        by_city.setdefault(site.city.strip().casefold(), []).append(site)
    if not 2 <= len(by_city) <= min(MOST, len(ordered) // 2):
        return tuple(Group(_span(part), part) for part in _parts(ordered))
    nowhere = by_city.pop("", [])
    named = [group for _, of in sorted(by_city.items()) for group in _split(of[0].city.strip(), of)]
    return (*named, *(_split(gettext("No city"), nowhere) if nowhere else []))


def group_of(sites: Iterable[Site], public_id: str) -> Group | None:
    """The group with this site in it."""
    return next((group for group in groups(sites) if group.holds(public_id)), None)


def _parts(sites: Sequence[Site]) -> list[tuple[Site, ...]]:
    """As few as possible, about equally long."""
    size = ceil(len(sites) / ceil(len(sites) / MOST))
    return list(batched(sites, size, strict=False))


def _split(label: str, sites: Sequence[Site]) -> list[Group]:
    parts = _parts(sites)
    if len(parts) == 1:
        return [Group(label, parts[0])]
    return [Group(gettext("%(city)s: %(span)s") % {"city": label, "span": _span(part)}, part) for part in parts]


def _span(sites: Sequence[Site]) -> str:
    """'Aachen to Berlin'."""
    if len(sites) == 1:
        return sites[0].name
    return gettext("%(first)s to %(last)s") % {"first": sites[0].name, "last": sites[-1].name}
