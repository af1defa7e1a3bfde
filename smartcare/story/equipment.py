"""Devices with all that can be known of one: what it is, how it is configured, how it has been; and who speaks for it."""

import hashlib
from datetime import timedelta
from typing import Any

from django.utils import timezone

from access.models import Category, Site
from smartcare.story import canaries, credentials
from smartcare.story.cast import ANY, CONFIGURATION, HEALTH, INVENTORY, MACHINES, Machine
from smartcare.story.world import World
from telemetry import enrolment, fleet
from telemetry.models import (
    Collector,
    ConfigurationSnapshot,
    Device,
    DeviceAlias,
    DeviceHealth,
    DeviceInventory,
    DeviceKey,
    DeviceKind,
    InventoryChange,
    Maintenance,
)

VENDOR = "Example Networks"
DAYS_OF_SCORES = 90
SPOKEN_FOR_EVERY_S = 86_400  # a collector's device is looked at once a day
SITES = tuple(dict.fromkeys((m.customer, m.site) for m in MACHINES))


def install(world: World) -> None:
    """All devices and collectors, each with its key and its papers."""
    installed: dict[str, Device] = {}
    for machine in MACHINES:
        with world.acting(_boss(world, machine.customer)):
            site = _site(world, machine.customer, machine.site)
            installed[machine.key] = _register(world, machine, site)
    for machine in MACHINES:
        with world.job(machine.customer):
            _describe(world, machine, installed)
    for customer, place in SITES:
        _let_collect(world, customer, place)


def _boss(world: World, customer: str) -> str:
    return {"acme": "ada", "globex": "gwen"}[customer]


def _site(world: World, customer: str, site: str) -> Site:
    """While the story is told nobody has renamed it yet."""
    viewer = world.viewers[_boss(world, customer)]
    found: Site = Site.objects.visible_to(viewer).get(
        name__endswith=canaries.at_site(customer, site, canaries.NAME, "site")
    )
    return found


def _marked(machine: Machine, category: Category, what: str) -> str:
    return canaries.at_site(machine.customer, machine.site, category, what)


def _register(world: World, machine: Machine, site: Site) -> Device:
    by = world.viewers[_boss(world, machine.customer)]
    device = fleet.register(
        site=site,
        label=f"{machine.key} {_marked(machine, ANY, machine.key.partition('-')[0])}",
        kind=machine.kind,
        vendor=f"{VENDOR} {_marked(machine, INVENTORY, 'vendor')}",
        by=by,
        # One at acme and one at globex are equal: a number is unique within a customer only.
        serial=f"EN{machine.key.partition('-')[0].upper()}0001 {_marked(machine, INVENTORY, 'serial-' + machine.key)}",
        model=f"{machine.model} {_marked(machine, INVENTORY, 'model')}",
    )
    if machine.reports:
        _give_key(world, machine.customer, machine.key, site, device=device)
    return device


def _give_key(
    world: World,
    customer: str,
    name: str,
    site: Site,
    *,
    device: Device | None = None,
    collector: Collector | None = None,
) -> None:
    """A key whose secret can be printed again (credentials.py); fleet.issue_key draws one that nobody could."""
    owner = world.organizations[customer].pk
    DeviceKey(
        customer_id=owner,
        device=device,
        collector=collector,
        site=site,
        key_id=credentials.key_id(owner, name),
        digest=credentials.digest(credentials.secret(owner, name)),
        created_by=world.viewers[_boss(world, customer)].user,
    ).save(force_insert=True)


def _describe(world: World, machine: Machine, installed: dict[str, Device]) -> None:
    device = installed[machine.key]
    owner = world.organizations[machine.customer].pk
    place = {"customer_id": owner, "device": device, "site_id": device.site_id}
    parent = installed.get(machine.parent)
    DeviceInventory.unscoped.filter(device=device).update(
        hostname=f"{machine.key}.{_marked(machine, INVENTORY, 'host')}.example",
        address=f"192.0.2.{MACHINES.index(machine) + 10}",
        software=f"EdgeOS {_marked(machine, INVENTORY, 'software')}",
        software_version=f"7.4.3 {_marked(machine, INVENTORY, 'version')}",
        notes=f"Rack 2, upper half. {_marked(machine, INVENTORY, 'notes')}",
        components=_components(machine),
        parent=parent,
        parent_port=f"if/lan1 {_marked(machine, INVENTORY, 'port')}" if parent else "",
        reported_at=timezone.now() - timedelta(hours=1),
    )
    InventoryChange(
        id=credentials.row_id(owner, f"added:{machine.key}"),
        at=timezone.now() - timedelta(days=3),
        what=f"software_version {_marked(machine, INVENTORY, 'change')}",
        before=f"7.4.2 {_marked(machine, INVENTORY, 'before')}",
        after=f"7.4.3 {_marked(machine, INVENTORY, 'after')}",
        **place,
    ).save(force_insert=True)
    DeviceAlias(name=f"{machine.key}.{_marked(machine, INVENTORY, 'alias')}", **place).save(force_insert=True)
    text = _configuration(machine)
    ConfigurationSnapshot(
        id=credentials.row_id(owner, f"configuration:{machine.key}"),
        at=timezone.now() - timedelta(days=2),
        name=f"show running-config {_marked(machine, CONFIGURATION, 'name')}",
        text=text,
        sha256=hashlib.sha256(text.encode()).digest(),
        **place,
    ).save(force_insert=True)
    _give_health(machine, device)


def _components(machine: Machine) -> list[dict[str, Any]]:
    chassis = {
        "id": "chassis/1",
        "class": "chassis",
        "name": f"{machine.model} {_marked(machine, INVENTORY, 'chassis')}",
        "model": machine.model,
        "serial": _marked(machine, INVENTORY, "part"),
        "hw_rev": "V02",
        "fw_rev": "7.4.3",
    }
    ports = [
        {
            "id": f"if/{name}",
            "class": "interface",
            "parent": "chassis/1",
            "name": name,
            "alias": _marked(machine, INVENTORY, f"to-{name}"),
        }
        for name in ("lan1", "lan2")
    ]
    return [chassis, *ports]


def _configuration(machine: Machine) -> str:
    return "\n".join(
        [
            f"hostname {machine.key}",
            f"! {_marked(machine, CONFIGURATION, 'text')}",
            "interface lan1",
            f" description {_marked(machine, CONFIGURATION, 'description')}",
            " no shutdown",
            "snmp-server community <removed>",
            "end",
            "",
        ]
    )


def _give_health(machine: Machine, device: Device) -> None:
    """How it has been in the last 90 days: well, with small ups and downs that its name decides."""
    waves = hashlib.sha256(machine.key.encode()).digest()
    scores = [100 - waves[day % len(waves)] % 9 for day in range(DAYS_OF_SCORES)]
    DeviceHealth.unscoped.filter(device=device).update(
        state="ok",
        score=scores[-1],
        urgency=100 - scores[-1],
        reasons=[[f"Small deviations {_marked(machine, HEALTH, 'reason')}", 100 - scores[-1]]],
        daily_scores=scores,
        updated_at=timezone.now(),
    )
    if not machine.reports:
        now = timezone.now()
        DeviceHealth.unscoped.filter(device=device).update(
            last_seen_at=now, last_sample_at=now, interval_s=SPOKEN_FOR_EVERY_S
        )


def _let_collect(world: World, customer: str, site_key: str) -> None:
    """A collector with its key, a claim code for the next device, and work that is announced."""
    boss = _boss(world, customer)
    by, owner = world.viewers[boss], world.organizations[customer].pk
    with world.acting(boss):
        site = _site(world, customer, site_key)
        name = f"Collector in the cellar {canaries.inside(customer, f'collector-{site_key}')}"
        collector = fleet.open_collector(site=site, name=name, by=by)
        _give_key(world, customer, f"collector-{site_key}", site, collector=collector)
        enrolment.make_code(
            site=site,
            by=by,
            label=f"Spare switch {canaries.inside(customer, f'claim-{site_key}')}",
            kind=DeviceKind.SWITCH,
        )
    with world.job(customer):
        Maintenance(
            customer_id=owner,
            site=site,
            starts_at=timezone.now() + timedelta(days=20),
            ends_at=timezone.now() + timedelta(days=20, hours=2),
            reason=f"New cabling {canaries.at_site(customer, site_key, HEALTH, 'maintenance')}",
            created_by=by.user,
        ).save(force_insert=True)
