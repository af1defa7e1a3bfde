"""SmartCare under the benchmark: a fleet made by the product's own functions, its server, its worker, its tables."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from django.db import connection

from access import onboarding
from access.models import Membership, OrganizationKind, User
from access.principal import acting, principal
from access.viewer import Viewer
from smartcare.bench import running
from smartcare.bench.bodies import Switch, report_of
from smartcare.bench.cost import Meter, parent_of
from telemetry import fleet, jobs

DEVICES_PER_SITE: Final = 20
ANALYSED_WITHIN_S: Final = 600.0


@dataclass(slots=True)
class Place:
    """A customer with one site, a collector and its devices."""

    customer: Any
    collector_key: str
    switches: list[tuple[Switch, str]] = field(default_factory=list)


def make_fleet(devices: int, interval_s: int = 300) -> list[Place]:
    places = []
    for number in range(-(-devices // DEVICES_PER_SITE)):
        owner = User.objects.create_user(f"bench{number}@bench.invalid", None, name="Bench")
        customer, _ = onboarding.open_organization(
            kind=OrganizationKind.CUSTOMER, name=f"Bench {number}", first_member=owner
        )
        with principal(kind="login", user=owner.pk):
            boss = Viewer.of_membership(
                Membership.objects.select_related("organization", "user").get(user=owner, organization=customer)
            )
        with acting(boss):
            site = onboarding.open_site(name="bench", by=boss)
            collector = fleet.open_collector(site=site, name="bench", by=boss)
            place = Place(customer.pk, fleet.issue_key(collector=collector, by=boss).secret)
            for _ in range(min(DEVICES_PER_SITE, devices - number * DEVICES_PER_SITE)):
                seed = number * DEVICES_PER_SITE + len(place.switches)
                serial = f"BENCH{seed:06d}"
                device = fleet.register(site=site, label=serial, by=boss, serial=serial)
                key = fleet.issue_key(device=device, by=boss).secret
                place.switches.append((Switch(serial, seed, interval_s), key))
        places.append(place)
    return places


def single(places: list[Place], at: float) -> list[tuple[str, bytes]]:
    """One report of each device at this time, with its key."""
    return [(key, switch.report(at)) for place in places for switch, key in place.switches]


def batched(places: list[Place], at: float) -> list[tuple[str, bytes]]:
    """One report of each collector, of all its devices."""
    return [(place.collector_key, report_of([switch for switch, _ in place.switches], at)) for place in places]


DOOR: Final = "smartcare.wsgi:application"
THROUGH_DJANGO: Final = "smartcare.bench.through_django:application"


@contextlib.contextmanager
def served(
    *, threads: int, workers: int, app: str = DOOR, spacing_s: float | None = None
) -> Iterator[tuple[int, Meter]]:
    """Port and meter of the web server with the product in it. spacing_s: in place of the product's ANALYSIS_SPACING_S."""
    with running.web(app, _environment(spacing_s), threads=threads, workers=workers) as (pid, port):
        yield port, Meter({"web": (pid,), "database": (postmaster(),)})


@contextlib.contextmanager
def analysed(*, processes: int, spacing_s: float | None = None) -> Iterator[int]:
    """pid of the product's worker."""
    with running.celery("smartcare", _environment(spacing_s), "analyse,deliver,mail,maint", processes=processes) as pid:
        yield pid


def _environment(spacing_s: float | None) -> dict[str, str]:
    own = {} if spacing_s is None else {"ANALYSIS_SPACING_S": str(spacing_s)}
    return {name: value for name, value in os.environ.items() if name != "DATABASE_OWNER_URL"} | own


def postmaster() -> int:
    """pid of the database's first process, where it runs on this machine."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return parent_of(int(cursor.fetchone()[0]))


def wait_until_analysed() -> float:
    """Seconds until no device has reports that no detector has seen. Raises TimeoutError."""
    started = time.monotonic()
    while time.monotonic() - started < ANALYSED_WITHIN_S:
        jobs.wake("analysis")  # as the sweep does, which is not running here
        with connection.cursor() as cursor:
            cursor.execute("SELECT ingest_backlog(1)")
            if not cursor.fetchone()[0]:
                return time.monotonic() - started
        time.sleep(0.1)
    raise TimeoutError("the analysis did not come to an end")
