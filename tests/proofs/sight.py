"""What somebody sees, in comparable form: every tenant table through the door, and past it under row-level security alone."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

from django.apps import apps
from django.db import connection, transaction
from django.utils import timezone

from access.models import Category, Grant, SiteGroupPermission, TenantModel, ViewingEntry
from access.principal import acting, job
from access.viewer import Viewer
from partners import contracts
from partners.models import ContractCoverage
from telemetry import alerting
from telemetry.analysis.findings import Finding
from telemetry.models import Alert, CommentAudience, ConfigurationSnapshot, DeviceAlias, InventoryChange
from tests.cast import Company, Customer, World

__all__ = ["Alert", "CommentAudience", "ViewingEntry", "alerting"]

MODELS = [m for m in apps.get_models() if issubclass(m, TenantModel) and hasattr(m.objects, "visible_to")]
Sight = dict[str, frozenset[Any]]


def through_the_door(viewer: Viewer) -> Sight:
    return {m.__name__: frozenset(m.objects.visible_to(viewer).values_list("pk", flat=True)) for m in MODELS}


def past_the_door(*, of: Iterable[type[TenantModel]] = MODELS) -> Sight:
    """SELECT without any condition, as whoever the current principal is."""
    found: Sight = {}
    with connection.cursor() as cursor:
        for model in of:
            cursor.execute(f'SELECT id FROM "{model._meta.db_table}"')
            found[model.__name__] = frozenset(row[0] for row in cursor.fetchall())
    return found


def both_lines(viewer: Viewer) -> tuple[Sight, Sight]:
    with acting(viewer):
        return through_the_door(viewer), past_the_door()


def nothing(viewer: Viewer) -> bool:
    """Neither line shows a row of any table."""
    return not any(rows for line in both_lines(viewer) for rows in line.values())


def everybody(world: World) -> dict[str, tuple[Sight, Sight]]:
    """Both lines of each person of the cast."""
    companies: tuple[Company, ...] = (world.acme, world.globex, world.northwind, world.rival, world.third)
    seen = {f"{c.organization.name.lower()} {name}": both_lines(c.viewer(name)) for c in companies for name in c.people}
    return seen | {"sam": both_lines(Viewer.of_staff(world.sam))}


def guardian_faults(*customers: Company) -> list[str]:
    """A6: guardian's rows are the categories of unclosed grants, each at its grant's site and for its partner's group."""
    with job(*(c.pk for c in customers)):
        rows = {
            (r.grant_id, r.content_object_id, r.group_id, r.permission.codename)
            for r in SiteGroupPermission.objects.select_related("permission")
        }
        wanted = {
            (g.pk, g.site_id, g.partner.group_id, Category(c).codename)
            for g in Grant.objects.filter(closed_at=None).select_related("partner")
            for c in g.categories
        }
    return [f"too many: {r}" for r in rows - wanted] + [f"missing: {r}" for r in wanted - rows]


def furnish(world: World) -> World:
    """Each site of acme and globex with one device that has a row of every kind of data."""
    for company in (world.acme, world.globex):
        for name in company.sites:
            _furnish(world, company, name)
    return world


def _furnish(world: World, company: Customer, name: str) -> None:
    device = company.installs(f"switch {name}", site=name, serial=f"SN-{name}", model="SW-24")
    company.raises(device)
    now = timezone.now()
    uplink = Finding(
        rule="uplink_capacity",
        version=1,
        kind="uplink_capacity",
        subject="if/wan1",
        severity="warning",
        title=f"The uplink of {name} is filling up",
        eta_lo=now.timestamp() + 86_400,
        eta=now.timestamp() + 2 * 86_400,
        eta_hi=now.timestamp() + 3 * 86_400,
        evidence={"level": 71.0, "limit": 80.0, "unit": "%"},
    )
    place = {"customer_id": company.pk, "site_id": device.site_id}
    with job(company.pk):
        alerting.apply(
            alerting.Place(company.pk, device.site_id, device.pk), [uplink], observed_at=now, rules=frozenset()
        )
        InventoryChange(device=device, what="model", before="SW-12", after="SW-24", **place).save(force_insert=True)
        DeviceAlias(device=device, name=f"alias-{name}", **place).save(force_insert=True)
        ConfigurationSnapshot(device=device, name="running", text=f"hostname {name}", sha256=b"", **place).save(
            force_insert=True
        )


def sold_to(company: Customer, partner: Company) -> Any:
    """A contract over all sites of the customer."""
    boss = company.viewer()
    with acting(boss):
        paper = contracts.Paper("Care for all sites", date(2026, 1, 1), date(2029, 12, 31), 1_000_00)
        covers = [contracts.Cover(site, f"everything at {site.name}") for site in company.sites.values()]
        return contracts.open(partner=partner.organization, paper=paper, covers=covers, by=boss)


def alerts_at(company: Customer, site: str) -> list[Alert]:
    with job(company.pk):
        return list(Alert.unscoped.filter(site=company.sites[site]).order_by("rule"))


OF_CONTRACTS = {ContractCoverage.__name__}


@contextmanager
def undone() -> Iterator[None]:
    """What is written inside (looks, sessions, requests) has not happened afterwards."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
