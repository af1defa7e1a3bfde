"""A page asks the database a few questions, and no more of them when there are more devices."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from access.models import Grant
from access.principal import job
from telemetry.models import Alert, DeviceHealth
from tests.cast import CONTRACTS, HEALTH, INVENTORY, TRAFFIC, World
from tests.partners.pages import QUERIES_A_PAGE, asked

FEW, MANY = 3, 30
# The page of one device shows ten tables of its past at once, health and traffic each through a door of its own.
OF_A_DEVICE = 24
BUDGETS = {"/devices/{device}": OF_A_DEVICE, "/p/northwind/devices/{device}": OF_A_DEVICE}
PORTAL = (
    *("/", "/sites", "/sites/{hq}", "/devices", "/devices?q=device", "/devices/{device}", "/devices/{device}/keys"),
    *("/devices/{device}/edit", "/devices/new", "/devices/import", "/collectors", "/search?q=device"),
    *("/alerts", "/alerts?state=resolved", "/alerts/{alert}", "/access", "/access/log", "/access/log/check"),
    *("/access/changes", "/access/grant?partner={northwind}&site={hq}&days=90", "/access/grants/{grant}"),
    *("/access/stop", "/access/invite", "/contracts", "/settings/company", "/settings/people", "/settings/api"),
    *("/settings/notifications", "/start", "/access/look-as/{northwind}", "/proposals", "/proposals/ask"),
)
PARTNER = (
    *("/triage", "/customers", "/customers/{acme}", "/devices", "/devices/{device}", "/alerts", "/alerts/{alert}"),
    *("/access", "/access/ask?customer={acme}", "/access/log", "/team", "/settings/webhooks", "/settings/company"),
    "/settings/people",
    *("/settings/api", "/contracts", "/tenders", "/proposals"),
)
STAFF = (
    "/staff/search?q=acme",
    "/staff/tenants/{acme}",
    "/staff/tenants/{acme}/lockbox",
    "/staff/partners",
    "/staff/admin/partners/",
)


@pytest.fixture
def shared(world: World) -> World:
    """Acme shares headquarters with northwind; a few devices there, each with an alert and a score."""
    world.acme.shares("hq", with_=world.northwind, categories={INVENTORY, HEALTH, TRAFFIC, CONTRACTS})
    world.acme.shares("branch", with_=world.northwind, categories={HEALTH})
    grow(world, FEW)
    return world


def grow(world: World, count: int) -> None:
    """Until acme has so many devices, over two sites."""
    for number in range(len(world.acme.devices), count):
        site = ("hq", "branch")[number % 2]
        device = world.acme.installs(f"Device {number}", site=site, serial=f"S{number}", model="EN-1", vendor="Example")
        world.acme.raises(device)
    with job(world.acme.pk):
        DeviceHealth.unscoped.filter(customer=world.acme.pk).update(
            score=80, state="watch", daily_scores=[80.0, 81.0], last_seen_at=timezone.now() - timedelta(minutes=5)
        )


def filled(path: str, world: World) -> str:
    acme = world.acme
    device = acme.devices["Device 0"]
    with job(acme.pk):
        alert = Alert.unscoped.filter(device=device.pk).first()
        grant = Grant.objects.filter(customer=acme.pk, site=acme.sites["hq"].pk).first()
    return path.format(
        hq=acme.sites["hq"].public_id,
        device=device.public_id,
        alert=alert.public_id,
        grant=grant.public_id,
        acme=acme.organization.public_id,
        northwind=world.northwind.organization.public_id,
    )


def questions(client: Any, path: str) -> list[str]:
    """What one visit asks, after one that warmed what is kept in memory."""
    assert client.get(path).status_code == 200, path
    with asked() as found:
        client.get(path)
    return [s for s in found.statements if not s.startswith("SET ")]


def of(statement: str) -> str:
    """Its first words and table, to tell statements apart in a message."""
    words = statement.replace('"', "").split()
    return " ".join(words[:2] + [w for w in words if w.startswith(("access_", "telemetry_", "partners_"))][:1])[:90]


CASES = (
    [("ada", path) for path in PORTAL]
    + [("nora", f"/p/northwind{path}") for path in PARTNER]
    + [("sam", path) for path in STAFF]
)


@pytest.mark.parametrize(("name", "path"), CASES, ids=[f"{n} {p}" for n, p in CASES])
def test_when_there_are_ten_times_as_many_devices_then_a_page_asks_as_few_questions(
    shared: World, browse: Any, name: str, path: str
):
    user = shared.acme.people.get(name) or shared.northwind.people.get(name) or shared.sam
    client, at = browse(user), filled(path, shared)

    few = questions(client, at)
    grow(shared, MANY)
    many = questions(client, at)

    more = Counter(map(of, many)) - Counter(map(of, few))
    assert len(many) == len(few), f"{len(few)} became {len(many)}: {more}"
    assert len(many) <= BUDGETS.get(path, QUERIES_A_PAGE), "\n".join([str(len(many)), *map(of, many)])
