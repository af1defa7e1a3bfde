"""The cast of interface.md, in words a test reads like: acme shares hq with northwind, revokes, …

Built through the product's own functions, under the principal of whoever acts.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.utils import timezone

from access import onboarding, sharing
from access.models import SHAREABLE, Category, Grant, Membership, Organization, OrganizationKind, Role, Site, User
from access.principal import acting, job, principal
from access.sharing import Terms
from access.viewer import Viewer
from telemetry import alerting, fleet
from telemetry.analysis.findings import Finding
from telemetry.models import Alert, Device, DeviceKind

INVENTORY, HEALTH, TRAFFIC, CONFIGURATION, CONTRACTS = SHAREABLE
PASSWORD = "correct horse battery staple"


@dataclass
class Company:
    """A customer or a partner with its people."""

    organization: Organization
    people: dict[str, User] = field(default_factory=dict)

    @property
    def pk(self) -> Any:
        return self.organization.pk

    @property
    def slug(self) -> str:
        return self.organization.slug

    def viewer(self, name: str = "") -> Viewer:
        """The named person (the first without a name) acting for this company."""
        user = self.people[name] if name else next(iter(self.people.values()))
        with principal(kind="login", user=user.pk):
            membership = Membership.objects.select_related("organization").get(
                user=user, organization=self.organization
            )
        membership.user = user
        return Viewer.of_membership(membership)

    def joins(self, name: str, role: Role) -> User:
        user = make_user(name)
        boss = self.viewer()
        with acting(boss):
            onboarding.add_member(organization=self.organization, user=user, role=role, by=boss)
        self.people[name] = user
        return user

    def loses(self, name: str) -> None:
        boss = self.viewer()
        with acting(boss):
            membership = Membership.objects.select_related("organization", "user").get(
                user=self.people[name], organization=self.organization
            )
            onboarding.remove_member(membership, by=boss)


@dataclass
class Customer(Company):
    sites: dict[str, Site] = field(default_factory=dict)
    devices: dict[str, Device] = field(default_factory=dict)

    def opens(self, name: str) -> Site:
        boss = self.viewer()
        with acting(boss):
            site = onboarding.open_site(name=name, by=boss, city=f"{name} city")
        self.sites[name] = site
        return site

    def installs(self, label: str, *, site: str, kind: DeviceKind = DeviceKind.SWITCH, **facts: str) -> Device:
        boss = self.viewer()
        with acting(boss):
            device = fleet.register(site=self.sites[site], label=label, kind=kind, by=boss, **facts)
        self.devices[label] = device
        return device

    def key_for(self, device: Device) -> str:
        boss = self.viewer()
        with acting(boss):
            return fleet.issue_key(device=device, by=boss).secret

    def shares(
        self,
        site: str,
        *,
        with_: Company,
        categories: Iterable[Category] = (HEALTH,),
        forward_alerts: bool = False,
        days: int = 90,
        purpose: str = "",
        by: str = "",
    ) -> Grant:
        viewer = self.viewer(by)
        terms = Terms(frozenset(categories), timezone.now() + timedelta(days=days), forward_alerts, purpose)
        with acting(viewer):
            return sharing.give(partner=with_.organization, sites=[self.sites[site]], terms=terms, by=viewer)[0]

    def changes(self, grant: Grant, *, by: str = "", **new: Any) -> Grant:
        viewer = self.viewer(by)
        values = {
            "categories": grant.category_set,
            "expires_at": grant.expires_at,
            "forward_alerts": grant.forward_alerts,
            "purpose": grant.purpose,
        } | new
        with acting(viewer):
            return sharing.change(grant, terms=Terms(**values), by=viewer)

    def revokes(self, grant: Grant, *, by: str = "") -> Grant:
        viewer = self.viewer(by)
        with acting(viewer):
            return sharing.revoke(grant, by=viewer)

    def lets_expire(self, grant: Grant) -> None:
        """The end date passes, by the database's clock; no sweep runs."""
        with job(self.pk):
            Grant.objects.filter(pk=grant.pk).update(
                granted_at=timezone.now() - timedelta(days=91), expires_at=timezone.now() - timedelta(seconds=1)
            )

    def raises(
        self,
        device: Device,
        *,
        rule: str = "memory_exhaustion",
        subject: str = "",
        severity: str = "major",
        title: str = "",
    ) -> Alert:
        """A detector finds something: through the product's state machine, as the worker would."""
        finding = Finding(
            rule=rule,
            version=1,
            kind=rule,
            subject=subject,
            severity=severity,  # type: ignore[arg-type]
            title=title or f"Memory of {device.label} is nearly full",
            evidence={"level": 0.93, "limit": 0.97, "unit": "1"},
        )
        with job(self.pk):
            fresh = Device.unscoped.get(pk=device.pk)
            place = alerting.Place(fresh.customer_id, fresh.site_id, fresh.pk)
            alerting.apply(place, [finding], observed_at=timezone.now(), rules=frozenset())
            return Alert.unscoped.get(device=device.pk, rule=rule, subject=subject, resolved_at=None)


@dataclass
class Partner(Company):
    """Told apart by type only: what it sees, it sees by grants."""


@dataclass
class World:
    acme: Customer
    globex: Customer
    northwind: Partner
    rival: Partner
    third: Partner
    sam: User

    @classmethod
    def build(cls) -> "World":
        acme = customer("Acme", "ada")
        acme.joins("alan", Role.VIEWER)
        for site in ("hq", "branch", "depot"):
            acme.opens(site)
        globex = customer("Globex", "gwen")
        globex.opens("plant")
        northwind = partner("Northwind", "nora")
        northwind.joins("nils", Role.ENGINEER)
        return cls(
            acme=acme,
            globex=globex,
            northwind=northwind,
            rival=partner("Rival", "rita"),
            third=partner("Third", "theo"),
            sam=make_user("sam", is_staff=True),
        )


def make_user(name: str, **fields: Any) -> User:
    return User.objects.create_user(f"{name}@example.com", PASSWORD, name=name.capitalize(), **fields)


def customer(name: str, owner: str) -> Customer:
    user = make_user(owner)
    organization, _ = onboarding.open_organization(kind=OrganizationKind.CUSTOMER, name=name, first_member=user)
    return Customer(organization, {owner: user})


def partner(name: str, admin: str) -> Partner:
    user = make_user(admin)
    organization, _ = onboarding.open_organization(kind=OrganizationKind.PARTNER, name=name, first_member=user)
    return Partner(organization, {admin: user})
