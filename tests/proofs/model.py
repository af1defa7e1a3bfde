"""The consent model in plain sets: what access.md says should happen, without a database and without the product's code.

Places and devices go by name, alerts by their public id, transitions by their key. Time is the order of the steps.
"""

from dataclasses import dataclass, field

KINDS = ("inventory", "health", "traffic", "configuration", "contracts")
Pair = tuple[str, str]  # partner, site


@dataclass
class Terms:
    """A live or overdue grant. grant: its id. since: the step from which alerts are sent, None: not sent."""

    grant: str
    kinds: frozenset[str]
    since: int | None
    generation: int = 1
    overdue: bool = False

    @property
    def forwards(self) -> bool:
        return self.since is not None


@dataclass
class Change:
    """A change of an alert that somebody may have to be told of."""

    site: str
    device: str
    event: str
    step: int


@dataclass
class Telling:
    """What is planned for one owner about one change. grant None: the customer's own."""

    change: str
    owner: str
    site: str
    grant: str | None = None
    generation: int | None = None
    state: str = "ready"


@dataclass
class Model:
    sites: dict[str, str] = field(default_factory=dict)  # site -> customer
    devices: dict[str, str] = field(default_factory=dict)  # device -> site
    alerts: dict[str, str] = field(default_factory=dict)  # alert -> site where it happened
    grants: dict[Pair, Terms] = field(default_factory=dict)  # unclosed
    suspended: set[str] = field(default_factory=set)
    members: dict[str, str] = field(default_factory=dict)  # person -> company
    changes: dict[str, Change] = field(default_factory=dict)
    planned: set[str] = field(default_factory=set)
    tellings: list[Telling] = field(default_factory=list)
    step: int = 0

    # ---- what may be seen

    def live(self, partner: str) -> dict[str, Terms]:
        if partner in self.suspended:
            return {}
        return {site: t for (p, site), t in self.grants.items() if p == partner and not t.overdue}

    def places(self, person: str, kind: str = "any") -> set[str]:
        """Sites of which this person may see this kind of data."""
        company = self.members.get(person)
        if company is None:
            return set()
        own = {site for site, customer in self.sites.items() if customer == company}
        return own | {site for site, t in self.live(company).items() if kind == "any" or kind in t.kinds}

    def sight(self, person: str) -> dict[str, set[str]]:
        here, health, inventory = (self.places(person, kind) for kind in ("any", "health", "inventory"))
        return {
            "sites": here,
            "devices": {d for d, site in self.devices.items() if site in here},
            "alerts": {a for a, site in self.alerts.items() if site in health},
            "inventory": {d for d, site in self.devices.items() if site in inventory},
        }

    # ---- what people do

    def give(self, pair: Pair, grant: str, kinds: frozenset[str], *, forwards: bool) -> None:
        """A new grant; of a pair that has a live one, new terms for that one."""
        old = self.grants.get(pair)
        if old is not None and not old.overdue:
            self.change(pair, kinds, forwards=forwards)
            return
        if old is not None:
            self.end(pair)
        self.grants[pair] = Terms(grant, kinds, self.step if forwards else None)

    def change(self, pair: Pair, kinds: frozenset[str], *, forwards: bool, shorter: bool = False) -> None:
        terms = self.grants[pair]
        takes_away = bool(terms.kinds - kinds) or (terms.forwards and not forwards) or shorter
        terms.kinds = kinds
        terms.since = (terms.since if terms.forwards else self.step) if forwards else None
        if takes_away:
            terms.generation += 1
            for telling in self._waiting(terms.grant):
                if forwards:
                    telling.generation = terms.generation
                else:
                    telling.state = "cancelled"

    def end(self, pair: Pair) -> None:
        """Stopped, given back, or its end was booked."""
        for telling in self._waiting(self.grants.pop(pair).grant):
            telling.state = "cancelled"

    def book(self) -> None:
        """The sweep: what is overdue is closed."""
        for pair in [pair for pair, terms in self.grants.items() if terms.overdue]:
            self.end(pair)

    def suspend(self, partner: str) -> None:
        self.suspended.add(partner)
        for telling in self.tellings:
            if telling.owner == partner and telling.state == "ready":
                telling.state = "cancelled"

    def _waiting(self, grant: str) -> list[Telling]:
        return [t for t in self.tellings if t.grant == grant and t.state == "ready"]

    # ---- what is told

    def plan(self) -> None:
        """One telling for each who is entitled now, and was already before the change."""
        for key, change in self.changes.items():
            if key in self.planned:
                continue
            self.planned.add(key)
            self.tellings.append(Telling(key, self.sites[change.site], change.site))
            for (partner, site), terms in self.grants.items():
                told = terms.since is not None and terms.since < change.step and "health" in terms.kinds
                if site == change.site and told and not terms.overdue and partner not in self.suspended:
                    self.tellings.append(Telling(key, partner, site, terms.grant, terms.generation))

    def send(self) -> list[Telling]:
        """Decide about everything that waits, by what holds at this moment. Returns what goes out."""
        out = []
        for telling in self.tellings:
            if telling.state == "ready":
                telling.state = "delivered" if self._may_go(telling) else "cancelled"
                out += [telling] if telling.state == "delivered" else []
        return out

    def _may_go(self, telling: Telling) -> bool:
        change = self.changes[telling.change]
        if self.devices[change.device] != change.site and change.event != "alert.resolved":
            return False
        if telling.grant is None:
            return True
        terms = self.live(telling.owner).get(telling.site)
        return (
            terms is not None
            and (terms.grant, terms.generation) == (telling.grant, telling.generation)
            and terms.forwards
            and "health" in terms.kinds
        )
