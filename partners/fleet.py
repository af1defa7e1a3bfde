"""All customers at a glance: how each does, as far as it shares health with this partner. One query, however many there are."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from access.models import Category
from access.viewer import Viewer
from access.viewing import Look
from telemetry.models import DeviceHealth
from telemetry.summaries import STATE_WORDS, WORST_FIRST, AlertRow, band, mean_score


@dataclass(slots=True)
class SiteHealth:
    """One site that shares health: the states of its devices and the score they make."""

    site_id: UUID
    name: str
    scores: list[tuple[int | None, str]] = field(default_factory=list)  # (score, kind of device)
    states: Counter[str] = field(default_factory=Counter)

    @property
    def score(self) -> int | None:
        return mean_score(self.scores)

    @property
    def state(self) -> str:
        return "down" if self.states["down"] else band(self.score)


@dataclass(slots=True)
class CustomerHealth:
    """One customer by the worst of the sites it shares: a mean over all would hide a site that is on fire."""

    customer_id: UUID
    public_id: str
    name: str
    sites: dict[UUID, SiteHealth] = field(default_factory=dict)

    @property
    def state(self) -> str:
        found = {s.state for s in self.sites.values()}
        return next((s for s in WORST_FIRST if s in found and (s != "mute" or found == {"mute"})), "ok")

    @property
    def score(self) -> int | None:
        return min((s.score for s in self.sites.values() if s.score is not None), default=None)

    @property
    def word(self) -> str:
        return STATE_WORDS[self.state]

    @property
    def order(self) -> tuple[int, int, str]:
        return WORST_FIRST.index(self.state), 100 if self.score is None else self.score, self.name.lower()


def at_a_glance(viewer: Viewer, *, customer: UUID | None = None) -> list[CustomerHealth]:
    """Customers that share health with devices in use, worst first."""
    found = DeviceHealth.objects.visible_to(viewer).filter(device__retired_at=None)
    if customer is not None:
        found = found.filter(customer=customer)
    rows: dict[UUID, CustomerHealth] = {}
    for pk, public_id, name, site_id, site, state, score, kind in found.values_list(
        "customer",
        "customer__public_id",
        "customer__name",
        "site",
        "site__name",
        "state",
        "score",
        "device__kind",
    ):
        row = rows.setdefault(pk, CustomerHealth(pk, public_id, name))
        at = row.sites.setdefault(site_id, SiteHealth(site_id, site))
        at.states[state] += 1
        at.scores.append((score, kind))
    return sorted(rows.values(), key=lambda r: r.order)


def legend(rows: Iterable[CustomerHealth]) -> list[dict[str, Any]]:
    """How many customers are in each state, worst first; states nobody is in are left out."""
    counts = Counter(r.state for r in rows)
    return [{"state": s, "label": STATE_WORDS[s], "count": counts[s]} for s in WORST_FIRST if counts[s]]


def looks(rows: Iterable[CustomerHealth], alerts: Sequence[AlertRow] = ()) -> list[Look]:
    """A page over many customers, in the viewing log of each: one look per site."""
    listed = {(r.customer_id, s.site_id): (s.name, sum(s.states.values())) for r in rows for s in r.sites.values()}
    raised: dict[tuple[UUID, UUID], list[AlertRow]] = {}
    for row in alerts:
        raised.setdefault((row.alert.customer_id, row.site.pk), []).append(row)
        listed.setdefault((row.alert.customer_id, row.site.pk), (row.site.name, 0))
    return [
        Look(
            customer,
            Category.HEALTH,
            site,
            "site",
            _words(name, devices, len(raised.get((customer, site), ()))),
            [a.alert.public_id for a in raised.get((customer, site), ())],
            max(devices, 1),
        )
        for (customer, site), (name, devices) in listed.items()
    ]


def _words(name: str, devices: int, alerts: int) -> str:
    parts = [f"{devices} device{'' if devices == 1 else 's'}"] * bool(devices)
    parts += [f"{alerts} alert{'' if alerts == 1 else 's'}"] * bool(alerts)
    return f"{name}: {', '.join(parts)}"
