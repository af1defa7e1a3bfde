"""`bench grants`: what consent costs a reader. One question asked in four ways, in worlds of different size.

The question: of all devices whose health is shared with this partner, the 75 that need somebody most. Asked through the door under
row-level security (the product), by plain SQL under row-level security, by guardian's get_objects_for_user, and by a join that
nobody protects. Times are those of the database's answers, seen from this process, over the socket; all four give the same rows.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection, connections
from django.db.models import QuerySet
from django.test import Client

from access import verification
from access.models import Category, Membership, Organization, User
from access.principal import acting, job, principal
from access.viewer import Viewer
from smartcare.bench import crowd, past, store
from smartcare.bench.asking import counting, percentiles
from smartcare.bench.baseline import guardian_lists
from smartcare.bench.conditions import conditions
from smartcare.bench.crowd import Crowd
from smartcare.bench.past import PAST, past_policies
from telemetry.models import DeviceHealth

SHOWN: Final = 75
PAGES: Final = ("triage", "customers", "devices", "alerts", "access")
UNDER_POLICIES: Final = f"""
SELECT h.device_id, h.site_id, h.state, h.urgency FROM telemetry_devicehealth h ORDER BY h.urgency DESC, h.device_id LIMIT {SHOWN}"""  # noqa: S608 - a number of ours
UNPROTECTED: Final = f"""
SELECT h.device_id, h.site_id, h.state, h.urgency FROM telemetry_devicehealth h WHERE h.site_id IN (
   SELECT p.content_object_id FROM access_sitegrouppermission p JOIN access_grant g ON g.id = p.grant_id
     JOIN auth_permission c ON c.id = p.permission_id
    WHERE g.partner_id = %s AND c.codename = 'view_health' AND g.revoked_at IS NULL AND g.expires_at > statement_timestamp())
 ORDER BY h.urgency DESC, h.device_id LIMIT {SHOWN}"""  # noqa: S608 - a number of ours

type Say = Callable[[str], None]
type Rows = list[Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """runs: of each way in each world. factors: sizes of the rest of the world. entries: of the journal to be verified."""

    crowd: Crowd = Crowd()  # noqa: RUF009 - frozen
    factors: tuple[float, ...] = (0.1, 1.0)
    runs: int = 200
    entries: int = 100_000

    @classmethod
    def small(cls) -> Plan:
        """Seconds instead of minutes: shows that everything runs, measures nothing."""
        little = Crowd(customers=60, partners=30, held=20, grants_each=8)
        return cls(crowd=little, factors=(1.0,), runs=5, entries=400)


def run(plan: Plan, say: Say) -> dict[str, Any]:
    """Everything, in turn, each world in a database of its own. Raises NoOwner; expects a migrated, empty database."""
    load_before = os.getloadavg()
    worlds = {}
    for factor in plan.factors:
        world = plan.crowd.scaled(factor)
        say(f"a world of {world.customers:,} customers and {world.partners:,} partners")
        with _database(f"bench_grants_{factor:g}".replace(".", "_")), store.owner(_name()) as cursor:
            rows = crowd.fill(cursor, world)
            worlds[f"{factor:g}"] = {"rows": rows} | measured(cursor, plan, say)
            if factor == plan.factors[-1]:
                journal = _journal(cursor, plan, say)
    return {
        "question": f"the {SHOWN} least healthy devices that a partner of {plan.crowd.held} customers may see",
        "worlds": worlds,
        "ratios": _ratios(worlds),
        "journal": journal,
        "conditions": conditions(
            load_before,
            runs=plan.runs,
            customers_held=plan.crowd.held,
            sites_held=plan.crowd.held * plan.crowd.sites_each,
            kind_of_data=Category.HEALTH.value,
        ),
    }


def measured(cursor: Any, plan: Plan, say: Say) -> dict[str, Any]:
    """The four ways, and the pages of the partner, in the world of the current database."""
    with principal(kind="login", user=_id(cursor, crowd.USER)):
        membership = Membership.objects.select_related("organization", "user").get()
    viewer = Viewer.of_membership(membership)
    user, organization = membership.user, membership.organization
    ways: dict[str, Callable[[], Rows]] = {
        "door": lambda: _worst(DeviceHealth.objects.visible_to(viewer)),
        "policies_alone": lambda: _plain(UNDER_POLICIES),
        "guardian": lambda: _worst(guardian_lists.health(user)),
        "unprotected_join": lambda: _plain(UNPROTECTED, organization.pk, alias=PAST),
    }
    found: dict[str, Any] = {}
    answers = []
    for name, ask in ways.items():
        say(f"  {name}")
        with past_policies() if name in {"guardian", "unprotected_join"} else acting(viewer):
            found[name], rows = _timed(ask, plan.runs, PAST if name in {"guardian", "unprotected_join"} else "default")
        answers.append([row[0] for row in rows])
    if any(ids != answers[0] for ids in answers) or len(answers[0]) != SHOWN:
        raise ValueError("The four ways do not give the same devices: nothing was measured")
    found["principal"] = _timed_principal(viewer, plan.runs)
    found["plans"] = {"door": _explained(viewer, ways["door"])}
    found["pages"] = _pages(user, organization, say)
    return found


def _worst(rows: QuerySet[DeviceHealth]) -> Rows:
    return list(rows.order_by("-urgency", "device_id").values_list("device_id", "site_id", "state", "urgency")[:SHOWN])


# ---- time


def _timed(ask: Callable[[], Rows], runs: int, alias: str) -> tuple[dict[str, float], Rows]:
    """Milliseconds of the database's answers to one question; some first ones, unmeasured, warm up caches."""
    for _ in range(3):
        rows = ask()
    totals = []
    with counting(alias) as spent:
        for _ in range(runs):
            spent.clear()
            rows = ask()
            totals.append(sum(spent))
    return percentiles(totals) | {"statements": len(spent)}, rows


def _timed_principal(viewer: Viewer, runs: int) -> dict[str, float]:
    """What every request pays once: telling the database for whom."""
    totals = []
    for _ in range(runs):
        with counting("default") as spent:
            with acting(viewer):
                pass
            totals.append(sum(spent))
    return percentiles(totals)


def _plain(statement: str, *values: Any, alias: str = "default") -> Rows:
    with connections[alias].cursor() as cursor:
        cursor.execute(statement, values or None)
        return list(cursor.fetchall())


def _explained(viewer: Viewer, ask: Callable[[], Rows]) -> list[str]:
    """Nodes of the plan of the door's statement, outermost first, with their own milliseconds."""
    statements: list[tuple[str, Any]] = []

    def kept(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        statements.append((sql, params))
        return execute(sql, params, many, context)

    with acting(viewer):
        with connection.execute_wrapper(kept):
            ask()
        sql, params = statements[0]
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN (ANALYZE, COSTS OFF, SUMMARY ON) {sql}", params)  # noqa: S608 - Django's own statement
            return [row[0] for row in cursor.fetchall()]


# ---- pages


def _pages(user: User, organization: Organization, say: Say) -> dict[str, Any]:
    """Statements and milliseconds of each page of the partner, by the product's own views."""
    client = Client(headers={"host": "localhost"})
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    found = {}
    for page in PAGES:
        say(f"  page {page}")
        path = f"/p/{organization.slug}/{page}"
        client.get(path)
        with counting("default") as spent:
            began = time.perf_counter()
            response = client.get(path)
            whole = time.perf_counter() - began
        if response.status_code != 200:
            raise ValueError(f"{path} answered {response.status_code}")
        found[page] = {
            "statements": len(spent),
            "database_ms": round(sum(spent) * 1e3, 1),
            "whole_ms": round(whole * 1e3, 1),
            "kilobytes": round(len(response.content) / 1024, 1),
        }
    return found


# ---- the journal


def _journal(cursor: Any, plan: Plan, say: Say) -> dict[str, Any]:
    """Seconds to verify a journal of so many entries, half of them changes, half of them sealed looks."""
    say(f"a journal of {plan.entries:,} entries")
    half = plan.entries // 2
    customer = _id(cursor, "md5('customer 1')::uuid")
    cursor.execute(
        "INSERT INTO access_auditentry (id, customer_id, at, actor_name, actor_organization, action, object_kind, object_id,"
        " object_words, before, after) SELECT gen_random_uuid(), %s, now(), 'Ada', 'Customer 1', 'grant.changed', 'grant', 'gr-1',"
        " 'Partner 1 at Site 1', '{}', '{\"days\":' || n || '}' FROM generate_series(1, %s) n",
        [str(customer), half],
    )
    cursor.execute(
        "INSERT INTO access_viewingentry (id, customer_id, at, person_name, person_digest, person_salt, looker_id, looker_name, way,"
        " category, site_id, object_kind, object_words, object_ids, count, purpose, outcome, request_id)"
        " SELECT gen_random_uuid(), %s, now() - interval '1 minute', 'Nora', sha256('\\x00' || 'Nora'::bytea),"
        " '\\x00', md5('partner 0')::uuid, 'Partner 0', 'page', 'health', md5('site 1')::uuid, 'device', 'Device ' || n,"
        " ARRAY['dv-1'], 1, '', '', ''"
        " FROM generate_series(1, %s) n",
        [str(customer), half],
    )
    cursor.execute("VACUUM ANALYZE access_auditentry, access_viewingentry, access_unsealedlook")
    with job(customer), connection.cursor() as inside:
        inside.execute("SET LOCAL statement_timeout = 0")
        began = time.perf_counter()
        inside.execute("SELECT seal_looks(%s, %s)", [customer, half])
        sealing = time.perf_counter() - began
    cursor.execute("VACUUM ANALYZE access_seal, access_unsealedlook")
    with job(customer):
        began = time.perf_counter()
        report = verification.verify(customer)
        verifying = time.perf_counter() - began
    if not report.ok or report.checked < 2 * half:
        raise ValueError(f"The journal does not hold: {report.broken[:3]}")
    return {"entries": report.checked, "verify_s": round(verifying, 2), "seal_looks_s": round(sealing, 2)}


# ---- databases


@contextmanager
def _database(name: str) -> Iterator[None]:
    """A copy of the migrated, empty database for this world, and both connections in it."""
    original = _name()
    with store.owner("postgres") as cursor:
        connections.close_all()
        cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE "{original}"')
    connection.settings_dict["NAME"] = name
    try:
        with past.alias(name):
            yield
    finally:
        connections.close_all()
        connection.settings_dict["NAME"] = original
        with store.owner("postgres") as cursor:
            cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def _name() -> str:
    return str(connection.settings_dict["NAME"])


def _id(cursor: Any, expression: str) -> Any:
    cursor.execute(f"SELECT {expression}")  # noqa: S608 - expressions of ours
    return cursor.fetchone()[0]


# ---- what it comes to


def _ratios(worlds: dict[str, Any]) -> dict[str, float]:
    """By medians: goals are 5 or more, 1.3 or less, 2 or less."""
    names = list(worlds)
    last = worlds[names[-1]]
    median = {way: last[way]["p50_ms"] for way in ("door", "policies_alone", "guardian", "unprotected_join")}
    found = {
        "guardian_to_door": round(median["guardian"] / median["door"], 2),
        "door_to_unprotected_join": round(median["door"] / median["unprotected_join"], 2),
        "policies_alone_to_unprotected_join": round(median["policies_alone"] / median["unprotected_join"], 2),
    }
    for smaller, larger in zip(names, names[1:], strict=False):
        found[f"door_{larger}_to_{smaller}"] = round(
            worlds[larger]["door"]["p50_ms"] / worlds[smaller]["door"]["p50_ms"], 2
        )
    return found


def table(found: dict[str, Any]) -> str:
    """For people: ways by worlds, in milliseconds."""
    lines = [found["question"], "", f"{'':18}" + "".join(f"{'world x ' + name:>24}" for name in found["worlds"])]
    for way in ("door", "policies_alone", "guardian", "unprotected_join", "principal"):
        cells = (w[way] for w in found["worlds"].values())
        lines.append(f"{way:18}" + "".join(f"{c['p50_ms']:>11.2f} / {c['p99_ms']:>7.2f} ms" for c in cells))
    lines += ["", "ratios: " + ", ".join(f"{name} {value}" for name, value in found["ratios"].items())]
    largest = list(found["worlds"].values())[-1]
    lines += [
        f"page {name}: {p['statements']} statements, {p['database_ms']} ms of {p['whole_ms']} ms"
        for name, p in largest["pages"].items()
    ]
    lines += [f"journal: {found['journal']['entries']:,} entries verified in {found['journal']['verify_s']} s"]
    return "\n".join(lines)
