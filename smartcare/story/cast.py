"""Who and what there is: the cast of the public interface page, as data."""

from dataclasses import dataclass

from access.models import Category, OrganizationKind, Role
from telemetry.models import DeviceKind

CUSTOMER, PARTNER = OrganizationKind.CUSTOMER, OrganizationKind.PARTNER
INVENTORY, HEALTH, TRAFFIC, CONFIGURATION, CONTRACTS, ANY = Category


@dataclass(frozen=True, slots=True)
class Person:
    """key: the short name by which tests and the seed's output speak of somebody."""

    key: str
    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class Place:
    key: str
    name: str
    city: str
    timezone: str = "Europe/Zurich"


@dataclass(frozen=True, slots=True)
class Company:
    """people: the first one opened it and is in charge."""

    key: str
    name: str
    kind: OrganizationKind
    people: tuple[Person, ...]
    places: tuple[Place, ...] = ()
    city: str = ""
    profile: str = ""

    @property
    def boss(self) -> Person:
        return self.people[0]

    def email(self, person: Person) -> str:
        return f"{person.key}@{self.key}.example"


ACME = Company(
    "acme",
    "Acme",
    CUSTOMER,
    (Person("ada", "Ada Keller", Role.OWNER), Person("alan", "Alan Frei", Role.VIEWER)),
    (
        Place("hq", "Headquarters", "Zurich"),
        Place("branch", "Branch", "Geneva"),
        Place("depot", "Depot", "Basel"),
    ),
)
GLOBEX = Company(
    "globex",
    "Globex",
    CUSTOMER,
    (Person("gwen", "Gwen Moser", Role.OWNER),),
    (Place("plant", "Plant", "Lyon", "Europe/Paris"),),
)
NORTHWIND = Company(
    "northwind",
    "Northwind",
    PARTNER,
    (Person("nora", "Nora Vogt", Role.ADMIN), Person("nils", "Nils Berg", Role.ENGINEER)),
    city="Bern",
    profile="Networks for offices and shops, looked after day and night.",
)
RIVAL = Company(
    "rival",
    "Rival",
    PARTNER,
    (Person("rita", "Rita Sommer", Role.ADMIN),),
    city="Zurich",
    profile="Sells and installs network equipment.",
)
THIRD = Company(
    "third",
    "Third",
    PARTNER,
    (Person("theo", "Theo Brandt", Role.ADMIN),),
    city="Lausanne",
    profile="Audits of networks, made to order.",
)
COMPANIES = (ACME, GLOBEX, NORTHWIND, RIVAL, THIRD)
CUSTOMERS = (ACME, GLOBEX)
PARTNERS = (NORTHWIND, RIVAL, THIRD)
SAM = "sam"
SAM_NAME = "Sam Winter"
SAM_EMAIL = "sam@smartcare.example"


@dataclass(frozen=True, slots=True)
class Machine:
    """A device. reports: it has a key of its own; the others are spoken for by the site's collector, once a day."""

    key: str
    customer: str
    site: str
    kind: DeviceKind
    model: str
    parent: str = ""
    reports: bool = True


_MODELS = {
    "fw": (DeviceKind.FIREWALL, "EN-FW60"),
    "sw": (DeviceKind.SWITCH, "EN-SW24P"),
    "ap": (DeviceKind.ACCESS_POINT, "EN-AP6"),
    "rt": (DeviceKind.ROUTER, "EN-RT2"),
}
# The simulator gives its stories to the first device that can have one: firewalls, then switches, then access points,
# so that trouble comes to more than one site (headquarters first).
_REPORTING = (
    *("fw-hq", "fw-plant", "fw-branch", "fw-depot"),
    *("sw-hq-1", "sw-branch", "sw-depot", "sw-plant", "sw-hq-2"),
    *("ap-hq", "ap-depot", "ap-branch", "ap-plant"),
)
_QUIET = ("rt-hq", "rt-branch", "rt-depot", "rt-plant")


def _machine(key: str, *, reports: bool) -> Machine:
    word, site = key.split("-")[:2]
    kind, model = _MODELS[word]
    customer = next(company.key for company in CUSTOMERS for place in company.places if place.key == site)
    above = {"sw": f"fw-{site}", "ap": "sw-hq-1" if site == "hq" else f"sw-{site}", "fw": f"rt-{site}"}
    return Machine(key, customer, site, kind, model, above.get(word, ""), reports)


# Routers first: they stand above the others.
MACHINES = (*(_machine(k, reports=False) for k in _QUIET), *(_machine(k, reports=True) for k in _REPORTING))
