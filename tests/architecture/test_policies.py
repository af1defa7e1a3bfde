"""The second line as it stands in the database: nothing without policies, and lists that stay fast however much others have."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from access import checks
from access.models import AuditEntry, Category, Grant, Membership, Site, ViewingEntry, sites_visible_to
from access.principal import acting, principal
from access.viewer import Viewer
from partners.models import Delivery
from smartcare.bench import crowd
from smartcare.bench.crowd import Crowd
from telemetry import summaries
from telemetry.models import Alert, Device, DeviceHealth, DeviceInventory
from tests.conftest import empty_everything

# A partner with 20 customers among 600: 6,000 devices, 12,000 grants.
TOWN = Crowd(customers=600, partners=60, held=20, grants_each=10)
BIG = 2_000  # rows from which on reading all of a table is a fault


@pytest.fixture(scope="module")
def town(behind: Any, django_db_blocker: Any) -> Iterator[dict[str, int]]:
    """Rows of each table, by its name."""
    with django_db_blocker.unblock():
        crowd.fill(behind, TOWN)
    behind.execute("SELECT relname, greatest(reltuples, 0)::int FROM pg_class WHERE relkind = 'r'")
    yield dict(behind.fetchall())
    with django_db_blocker.unblock():
        empty_everything()
    behind.execute("VACUUM ANALYZE")  # or later tests would be planned for a town


@pytest.fixture
def partner(town: dict[str, int], behind: Any, db: None) -> Viewer:
    """Of the measured partner, which holds inventory and health of 40 sites."""
    behind.execute(f"SELECT {crowd.USER}")
    return viewer(behind.fetchone()[0])


def viewer(user: Any) -> Viewer:
    with principal(kind="login", user=user):
        return Viewer.of_membership(Membership.objects.select_related("organization", "user").get())


LISTS: dict[str, Callable[[Viewer], Any]] = {
    "sites": lambda v: list(Site.objects.visible_to(v)),
    "sites of health": lambda v: list(sites_visible_to(v, Category.HEALTH).values_list("pk")),
    "devices": lambda v: list(Device.objects.visible_to(v).filter(retired_at=None).order_by("label")[:75]),
    "inventory": lambda v: list(DeviceInventory.objects.visible_to(v).filter(serial__icontains="SN")[:75]),
    "health, unhealthy first": lambda v: list(DeviceHealth.objects.visible_to(v).order_by("-urgency")[:75]),
    "open alerts": lambda v: list(Alert.objects.visible_to(v).open().most_urgent_first()[:75]),
    "grants": lambda v: list(Grant.objects.visible_to(v).live().select_related("customer", "partner")),
    "looks": lambda v: list(ViewingEntry.objects.visible_to(v).order_by("-at")[:50]),
    "journal": lambda v: list(AuditEntry.objects.visible_to(v).order_by("-seq")[:50]),
    "deliveries": lambda v: list(Delivery.objects.visible_to(v).order_by("-created_at")[:50]),
    "the fleet": lambda v: summaries.devices(v, limit=75),
    "the sites' scores": lambda v: summaries.sites(v),
    "who has which alert": lambda v: summaries.alerts(v, Alert.objects.visible_to(v).open()),
}


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", []):
        yield from nodes(inner)


def plans(who: Viewer, ask: Callable[[Viewer], Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each SELECT that the question puts, with its plan."""
    with acting(who):
        with CaptureQueriesContext(connection) as asked:
            ask(who)
        for query in asked.captured_queries:
            if query["sql"].startswith("SELECT") and "set_config" not in query["sql"]:
                with connection.cursor() as cursor:
                    cursor.execute("EXPLAIN (FORMAT JSON) " + query["sql"].replace("%", "%%"), [])
                    found = cursor.fetchone()[0]
                yield query["sql"], (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]


@pytest.mark.parametrize("name", LISTS)
def test_when_a_partner_lists_then_policies_are_asked_once_and_no_big_table_is_read_from_end_to_end(
    partner: Viewer, town: dict[str, int], name: str
):
    found = list(plans(partner, LISTS[name]))

    assert found
    for sql, plan in found:
        read = [n["Relation Name"] for n in nodes(plan) if n["Node Type"] == "Seq Scan"]
        assert [table for table in read if town[table] >= BIG] == [], f"{read} in {sql}"
        asked_once = [n for n in nodes(plan) if n.get("Parent Relationship") == "InitPlan"]
        per_row = [
            n for n in nodes(plan) if n.get("Parent Relationship") == "SubPlan" and n["Node Type"] == "ProjectSet"
        ]
        assert asked_once, sql
        assert per_row == [], sql


@pytest.mark.parametrize(
    "table", ["telemetry_devicehealth", "telemetry_device", "telemetry_alert", "telemetry_deviceinventory"]
)
def test_when_a_table_is_read_without_a_filter_then_the_policy_itself_finds_the_rows_by_an_index(
    partner: Viewer, town: dict[str, int], table: str
):
    with acting(partner), connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) SELECT * FROM {table}")
        (found,) = cursor.fetchone()
    plan = (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]

    scans = [n for n in nodes(plan) if "Scan" in n["Node Type"] and n.get("Relation Name", table) == table]
    assert town[table] >= (1_000 if table == "telemetry_alert" else BIG)
    assert scans
    assert any("= ANY ((InitPlan" in n.get("Index Cond", "") for n in scans), plan


def test_when_the_policies_functions_are_asked_then_they_begin_with_the_partner_and_not_with_everybody(
    partner: Viewer, town: dict[str, int]
):
    """Buffers read are counted, since a plan inside a function is not shown: 40 sites must not cost a walk through 12,000 grants."""
    for question in (
        "app_sites('view_health')",
        "app_sites('any')",
        "app_sites_answered('view_health')",
        "app_related()",
    ):
        with acting(partner), connection.cursor() as cursor:
            cursor.execute(f"SELECT {question}")  # plans and catalogues are read once
            cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT {question}")
            (found,) = cursor.fetchone()
        plan = (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]
        assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < 400, question
        assert 0 < plan["Actual Rows"] <= 41, question  # sites, or customers and itself


@pytest.mark.parametrize("page", ["triage", "customers", "devices", "alerts", "access"])
def test_when_a_partner_of_twenty_customers_opens_a_page_then_it_asks_a_fixed_number_of_questions(
    partner: Viewer, page: str
):
    """As many as a partner of one customer needs (tests/partners hold each page to its budget); no list asks row by row."""
    client = Client()
    client.force_login(partner.user, backend="allauth.account.auth_backends.AuthenticationBackend")
    path = f"/p/{partner.organization.slug}/{page}"
    client.get(path)

    with CaptureQueriesContext(connection) as asked:
        response = client.get(path)

    frame = ("SAVEPOINT", "RELEASE", "ROLLBACK", "SELECT set_config")
    statements = [q["sql"] for q in asked.captured_queries if not q["sql"].startswith(frame)]
    assert response.status_code == 200
    assert len(statements) <= 14, "\n".join(statements)


def test_the_database_has_no_gap(db: None):
    """FORCE and policies on every table with a customer, keys that carry it, a powerless role, no way round a parent table."""
    assert checks.faults() == []


def test_every_table_with_a_customer_is_under_forced_row_level_security(behind: Any):
    """Asked of the catalogue directly: a list of exceptions in the code cannot hide one."""
    behind.execute(
        "SELECT DISTINCT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT a.attisdropped"
        " AND a.attname IN ('customer_id', 'organization_id', 'owner_id', 'partner_id', 'site_id', 'device_id', 'stay')"
        " AND NOT (c.relrowsecurity AND c.relforcerowsecurity)"
    )

    assert behind.fetchall() == []


GAPS = {
    "NO FORCE": ("ALTER TABLE telemetry_alert NO FORCE ROW LEVEL SECURITY", "telemetry_alert is not under FORCE"),
    "disabled": ("ALTER TABLE telemetry_alert DISABLE ROW LEVEL SECURITY", "telemetry_alert is not under FORCE"),
    "FOR ALL": (
        "CREATE POLICY wide ON telemetry_alert FOR ALL TO sc_app USING (true)",
        "telemetry_alert has a policy FOR ALL",
    ),
    "partition": ("GRANT SELECT ON {partition} TO sc_app", "may read the partition"),
    "view": ("CREATE VIEW open_alerts AS SELECT * FROM telemetry_alert", "The view open_alerts reads as its owner"),
    "single key": (
        "ALTER TABLE telemetry_alert DROP CONSTRAINT telemetry_alert_device_id_same_customer,"
        " ADD CONSTRAINT single FOREIGN KEY (device_id) REFERENCES telemetry_device (id)",
        "single from telemetry_alert to telemetry_device does not carry customer_id",
    ),
    "bypass": ("ALTER ROLE sc_app BYPASSRLS", "has BYPASSRLS"),
    "owner": ("GRANT sc_owner TO sc_app", "is a member of sc_owner"),
}


@pytest.mark.parametrize("gap", GAPS)
def test_when_somebody_makes_a_gap_then_the_check_that_stops_the_start_names_it(behind: Any, gap: str):
    """In a transaction of the owner that is rolled back, so that no other test ever runs with the gap."""
    statement, words = GAPS[gap]
    behind.execute("SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r' LIMIT 1")
    statement = statement.format(partition=behind.fetchone()[0])

    behind.execute("BEGIN")
    try:
        behind.execute(statement)
        behind.execute("SET LOCAL SESSION AUTHORIZATION sc_app")
        found = [
            *checks._role_faults(behind),
            *checks._policy_faults(behind),
            *checks._partition_faults(behind),
            *checks._view_faults(behind),
            *checks._key_faults(behind),
        ]
    finally:
        behind.execute("ROLLBACK")

    assert any(words in fault for fault in found), found
