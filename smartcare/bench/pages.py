"""`bench pages`: what each page costs a customer, and a partner of two hundred customers: statements, database time, whole time.

The pages are the product's own, asked through Django's test client: sessions, row-level security, the journal of looks and the
templates are in, the web server and the network are not. Beside them the list of devices as it is usually written (guardian,
the ORM, a look-up for each row), which shows less and protects nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection
from django.test import Client

from access.models import Membership, Organization, User
from access.principal import principal
from smartcare.bench import crowd, past, store
from smartcare.bench.asking import asked
from smartcare.bench.baseline import usual_pages
from smartcare.bench.conditions import conditions
from smartcare.bench.crowd import Crowd
from smartcare.bench.past import PAST
from smartcare.story.seeding import seed

BACKEND: Final = "allauth.account.auth_backends.AuthenticationBackend"
CUSTOMER: Final = {
    "start": "/",
    "devices": "/devices",
    "device": "/devices/{sw-hq-1}",
    "alerts": "/alerts",
    "alert": "/alerts/{hq-open}",
    "sites": "/sites",
    "access": "/access",
    "viewing log": "/access/log",
    "search": "/search?q=sw",
}
PARTNER: Final = {name: f"/p/{{slug}}/{name}" for name in ("triage", "customers", "devices", "alerts", "access")} | {
    "device": "/p/{slug}/devices/dv-1",
    "customer": "/p/{slug}/customers/oc-1",
}

type Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """crowd: everybody beside the cast. days: of readings of the cast's devices. runs: visits of each page."""

    crowd: Crowd = Crowd(customers=1_000, partners=100)  # noqa: RUF009 - frozen
    days: int = 35
    runs: int = 40

    @classmethod
    def small(cls) -> Plan:
        """Seconds instead of minutes: shows that everything runs, measures nothing."""
        return cls(crowd=Crowd(customers=30, partners=30, held=20, grants_each=8), days=0, runs=2)


def run(plan: Plan, say: Say) -> dict[str, Any]:
    """Everything, in turn. Raises NoOwner; expects a migrated, empty database."""
    load_before = os.getloadavg()
    say(f"a crowd of {plan.crowd.customers:,} customers and {plan.crowd.partners:,} partners")
    with store.owner() as cursor:
        rows = crowd.fill(cursor, plan.crowd)
        cursor.execute("SELECT setval('telemetry_devicestay_number', max(stay_number)) FROM telemetry_device")
        said = seed(say, days=plan.days)
        cursor.execute("ANALYZE")
        engineer = _user(store.ask(cursor, f"SELECT {crowd.USER}"))  # noqa: S608 - an expression of ours
    ada = _user(_id_of(said["users"]["ada"]["email"]))
    customer, partner = _organization(ada), _organization(engineer)
    found: dict[str, Any] = {
        "customer": _visits(ada, CUSTOMER, said["ids"], plan, say),
        "partner": _visits(engineer, PARTNER, {"slug": partner.slug}, plan, say),
    }
    say("the usual way")
    with past.alias(str(connection.settings_dict["NAME"])), past.past_policies():
        found["usual"] = {
            "customer_devices": asked(lambda: usual_pages.of_customer(customer), plan.runs, PAST),
            "partner_devices": asked(lambda: usual_pages.of_partner(engineer), plan.runs, PAST),
        }
    found["ratios"] = {
        f"usual_to_ours_{who}_devices_{part}": round(
            found["usual"][f"{who}_devices"][part]["p50_ms"] / found[who]["devices"][part]["p50_ms"], 2
        )
        for who in ("customer", "partner")
        for part in ("database", "whole")
    }
    own = {
        "runs": plan.runs,
        "customers": plan.crowd.customers,
        "customers_held": plan.crowd.held,
        "days_of_readings": plan.days,
    }
    return found | {"rows": rows, "conditions": conditions(load_before, **own)}


def _visits(user: User, pages: dict[str, str], names: dict[str, str], plan: Plan, say: Say) -> dict[str, Any]:
    client = Client(headers={"host": "localhost"})
    client.force_login(user, backend=BACKEND)
    found = {}
    for name, path in pages.items():
        say(f"  {name}")
        at = path.format(**names)
        response = client.get(at)
        if response.status_code != 200:
            raise ValueError(f"{at} answered {response.status_code}")
        found[name] = asked(lambda at=at: client.get(at), plan.runs) | {  # type: ignore[misc]  # bound now
            "kilobytes": round(len(response.content) / 1024, 1)
        }
    return found


def _user(pk: Any) -> User:
    with principal(kind="login", user=pk):
        return User.objects.get(pk=pk)


def _id_of(email: str) -> Any:
    with store.owner() as cursor:
        return store.ask(cursor, "SELECT id FROM access_user WHERE email = %s", email)


def _organization(user: User) -> Organization:
    with principal(kind="login", user=user.pk):
        organization: Organization = Membership.objects.select_related("organization").get(user=user).organization
        return organization


def table(found: dict[str, Any]) -> str:
    """For people."""
    lines = [f"{'':22}{'statements':>10}{'database ms p50 / p99':>26}{'whole ms p50 / p99':>26}"]
    for who in ("customer", "partner", "usual"):
        for name, page in found[who].items():
            cells = (f"{page[part]['p50_ms']:>16.1f} / {page[part]['p99_ms']:>7.1f}" for part in ("database", "whole"))
            lines.append(f"{who + ' ' + name:22}{page['statements']:>10}" + "".join(cells))
    return "\n".join([*lines, "", "ratios: " + ", ".join(f"{name} {value}" for name, value in found["ratios"].items())])
