"""The cast as it stands in the database: found again by what nobody edits, whoever was renamed since."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime

from access.context import memberships_of
from access.models import Organization, Site, User
from access.principal import acting, job
from access.viewer import Viewer
from smartcare.story import credentials
from smartcare.story.cast import COMPANIES, CUSTOMERS, MACHINES, SAM_EMAIL, Company
from telemetry.models import Device, InventoryChange

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class World:
    """organizations, viewers, sites, devices by the short names of cast.py; sites as 'acme/hq'."""

    organizations: Mapping[str, Organization]
    viewers: Mapping[str, Viewer]
    sam: User
    sites: Mapping[str, Site]
    devices: Mapping[str, Device]

    @property
    def present(self) -> datetime:
        """When the story was told: what happened before leads up to it, the simulated devices go on from it."""
        return self.organizations["acme"].created_at

    def acting(self, person: str) -> AbstractContextManager[None]:
        """The principal of this person."""
        context: AbstractContextManager[None] = acting(self.viewers[person])
        return context

    def job(self, *companies: str) -> AbstractContextManager[None]:
        """Background work for these companies: what no person could do, such as dates in the past."""
        context: AbstractContextManager[None] = job(*(self.organizations[key].pk for key in companies))
        return context


def recall() -> World | None:
    """The cast of this database; None if it was never seeded."""
    people = {user.email: user for user in User.objects.filter(email__in=_addresses())}
    if SAM_EMAIL not in people:
        return None
    viewers = {
        person.key: _viewer(people[company.email(person)], company)
        for company in COMPANIES
        for person in company.people
    }
    organizations = {company.key: _organization(viewers[company.boss.key]) for company in COMPANIES}
    devices: dict[str, Device] = {}
    for company in CUSTOMERS:
        with job(organizations[company.key].pk):
            devices |= _devices(company, organizations[company.key])
    sites = {f"{m.customer}/{m.site}": devices[m.key].site for m in MACHINES if m.key in devices}
    return World(organizations, viewers, people[SAM_EMAIL], sites, devices)


def _addresses() -> list[str]:
    return [company.email(person) for company in COMPANIES for person in company.people] + [SAM_EMAIL]


def _viewer(user: User, company: Company) -> Viewer:
    """The person in the company of the story, of whatever others he or she has become a member since."""
    rows = [row for row in memberships_of(user) if row.organization.kind == company.kind]
    return Viewer.of_membership(min(rows, key=lambda row: row.created_at))


def _organization(viewer: Viewer) -> Organization:
    assert viewer.organization is not None
    return viewer.organization


def _devices(company: Company, organization: Organization) -> dict[str, Device]:
    """By the first entry of each device's history, which the story wrote under an id of its own."""
    ids = {credentials.row_id(organization.pk, f"added:{m.key}"): m.key for m in MACHINES if m.customer == company.key}
    names = {device: ids[pk] for pk, device in InventoryChange.unscoped.filter(pk__in=ids).values_list("pk", "device")}
    found = {names[d.pk]: d for d in Device.unscoped.filter(pk__in=names).select_related("site")}
    return {key: found[key] for key in ids.values() if key in found}
