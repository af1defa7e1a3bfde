"""The invariants of consent, one by one, as docs/ARCHITECTURE.md lists them: real database, and where two lines of defence are
promised, both: the door's filters, and plain SELECTs under row-level security.

Neighbouring files hold each of them to more: test_door, test_sharing, test_seal, test_staff, test_preview, tests/proofs, tests/matrix.
"""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import combinations
from typing import Any

import psycopg2
import pytest
import time_machine
from django.contrib.auth.models import Permission
from django.db import connection
from django.db.models.functions import Now
from django.test import Client
from django.utils import timezone

from access import accounts, checks, gate, onboarding, requests, sentences, sharing, staff
from access.errors import Ended
from access.lengths import last_day
from access.models import (
    SHAREABLE,
    Category,
    Grant,
    Membership,
    OrganizationStatus,
    Role,
    Scope,
    ServiceAccount,
    SiteGroupPermission,
    SiteUserPermission,
    StaffPermission,
    User,
)
from access.principal import acting, job
from access.viewer import NOBODY, Viewer
from partners import contracts
from partners.forwarding import sending
from partners.models import ContractCoverage, DeliveryAttempt
from telemetry import fleet, jobs
from telemetry.models import Device
from tests.access.test_sharing import in_threads
from tests.cast import CONFIGURATION, CONTRACTS, HEALTH, INVENTORY, TRAFFIC, World
from tests.proofs import exits, sight
from tests.proofs.masking import masked
from tests.proofs.sight import both_lines, everybody, furnish, nothing

ROOT_ID = {"X-Request-ID": "the-same-request"}
# Which kind of data a table holds; access.md section 1, "One table, one category".
OF_KIND = {
    INVENTORY: {"DeviceInventory", "InventoryChange", "DeviceAlias"},
    HEALTH: {"Alert", "AlertTransition", "Forecast", "DeviceHealth"},
    TRAFFIC: {"TrafficFigures"},
    CONFIGURATION: {"ConfigurationSnapshot"},
    CONTRACTS: {"ContractCoverage"},
}
OF_ANY = {"Site", "Device", "DeviceStay"}


@pytest.fixture
def furnished(world: World) -> World:
    return furnish(world)


@pytest.fixture
def lasting(lasting_world: World) -> World:
    return furnish(lasting_world)


def api(company: Any, scope: Scope = Scope.WRITE) -> Callable[..., Any]:
    """api("get", "/sites"): a program of the company, with a token of its own."""
    boss = company.viewer()
    with acting(boss):
        _, token = accounts.issue(by=boss, name="script", scope=scope, days=30)
    client = Client(headers={"Authorization": f"Bearer {token}", **ROOT_ID}, raise_request_exception=False)

    def call(method: str, path: str, **data: Any) -> Any:
        more = {"data": data, "content_type": "application/json"} if method != "get" else {}
        return getattr(client, method)(f"/api/v1{path}", **more)

    return call


def ids_of(response: Any) -> set[str]:
    return {row["id"] for row in response.json()["results"]}


# ---- A1 to A4: what the door shows


def test_a1_given_no_grant_no_partner_and_no_permission_row_when_the_customer_looks_then_it_sees_every_row(
    furnished: World,
):
    acme = furnished.acme
    before = both_lines(acme.viewer("ada"))
    assert all(before[0][table] for table in OF_ANY.union(*OF_KIND.values()) - {"ContractCoverage"})

    grant = acme.shares("hq", with_=furnished.northwind, categories=SHAREABLE)
    sight.sold_to(acme, furnished.rival)
    with job(acme.pk):
        SiteGroupPermission.objects.filter(grant=grant).delete()  # a row lost by accident
    acme.revokes(grant)
    with acting(Viewer.of_staff(furnished.sam)):
        onboarding.suspend(furnished.northwind.organization, by=Viewer.of_staff(furnished.sam))

    for person in ("ada", "alan"):
        for line, was in zip(both_lines(acme.viewer(person)), before, strict=True):
            assert line | {"ContractCoverage": frozenset()} == was


@pytest.mark.parametrize("kind", SHAREABLE)
def test_a2_given_one_kind_at_one_site_when_the_partner_looks_then_it_sees_the_rows_of_both_and_no_other(
    furnished: World, kind: Category
):
    acme = furnished.acme
    sight.sold_to(acme, furnished.rival)
    acme.shares("hq", with_=furnished.northwind, categories={kind})
    hq = acme.sites["hq"].pk

    for line in both_lines(furnished.northwind.viewer()):
        shown = {table for table, rows in line.items() if rows}
        assert shown == OF_ANY | OF_KIND[kind]
        assert line["Site"] == {hq}
    with job(acme.pk):
        for model in sight.MODELS:
            expected = (
                model.unscoped.filter(**{model.SITE_PATH: hq}).values_list("pk", flat=True)
                if model.__name__ in shown
                else ()
            )
            assert line[model.__name__] == set(expected), model


def test_a3_when_list_detail_count_export_and_api_are_asked_then_they_name_the_same_devices_and_alerts(
    furnished: World, browse: Any
):
    furnished.acme.shares("hq", with_=furnished.northwind, categories={HEALTH, INVENTORY})
    furnished.acme.shares("branch", with_=furnished.northwind, categories={TRAFFIC})
    furnished.globex.shares("plant", with_=furnished.northwind, categories={HEALTH})
    nora = furnished.northwind.viewer()
    page, call = browse(nora.user).get, api(furnished.northwind)
    with acting(nora):
        devices = {d.public_id for d in Device.objects.visible_to(nora)}
        alerts = {a.public_id for a in sight.Alert.objects.visible_to(nora)}
    assert (len(devices), len(alerts)) == (3, 4)

    for what, prefix, expected in (("devices", "dv", devices), ("alerts", "al", alerts)):
        html = page(f"/p/northwind/{what}").content.decode()
        assert set(re.findall(rf"/{what}/({prefix}-\w+)", html)) == expected
        exported = page(f"/p/northwind/{what}?format=json").json()
        rows = exported if isinstance(exported, list) else exported["rows"]
        assert {row[what.rstrip("s")] for row in rows} == expected
        assert ids_of(call("get", f"/{what}")) == expected
        with job(furnished.acme.pk, furnished.globex.pk):
            model = Device if what == "devices" else sight.Alert
            everything = set(model.unscoped.values_list("public_id", flat=True))
        assert expected < everything
        for public_id in everything:
            status = 200 if public_id in expected else 404
            assert page(f"/p/northwind/{what}/{public_id}").status_code == status, public_id
            assert call("get", f"/{what}/{public_id}").status_code == status, public_id


FOREIGN = (
    ("get", "/{}"),
    ("patch", "/{}"),
    ("delete", "/{}"),
    ("get", "/{}/forecasts"),
    ("get", "/{}/readings?metric=device.cpu.utilization"),
    ("post", "/{}/keys"),
    ("post", "/{}/acknowledge"),
    ("post", "/{}/claim"),
    ("post", "/{}/resolve"),
    ("post", "/{}/close"),
    ("post", "/{}/approve"),
    ("post", "/{}/transfer"),
    ("post", "/{}/test"),
)


def test_a4_given_an_object_of_another_when_anything_is_done_to_it_then_the_answer_is_that_for_one_that_never_was(
    furnished: World,
):
    grant = furnished.acme.shares("hq", with_=furnished.northwind, categories=SHAREABLE)
    contract = sight.sold_to(furnished.acme, furnished.northwind)
    with job(furnished.northwind.pk):
        hook = (
            sending.Delivery.objects.none().count()
            or exits.Destination.objects.filter(owner=furnished.northwind.pk).first()
        )
    own = {
        "sites": furnished.acme.sites["hq"].public_id,
        "devices": furnished.acme.devices["switch hq"].public_id,
        "alerts": sight.alerts_at(furnished.acme, "hq")[0].public_id,
        "grants": grant.public_id,
        "contracts": contract.public_id,
        "destinations": hook.public_id,
    }

    for stranger in (furnished.globex, furnished.rival):
        call = api(stranger)
        for resource, foreign in own.items():
            never = foreign[:3] + "2" * 10
            for method, path in FOREIGN:
                one, other = (call(method, f"/{resource}{path.format(pk)}") for pk in (foreign, never))
                assert (one.status_code, one.content, sorted(one.headers.items())) == (
                    other.status_code,
                    other.content,
                    sorted(other.headers.items()),
                ), (stranger.slug, method, resource, path)


# ---- A5 to A8: grants


def test_a5_when_a_contract_is_made_handed_over_ended_and_deleted_then_nobody_sees_one_row_more_or_less(
    furnished: World,
):
    acme, ada = furnished.acme, furnished.acme.viewer()
    acme.shares("hq", with_=furnished.northwind, categories=SHAREABLE)

    def seen() -> dict[str, Any]:
        return {
            who: [{table: rows for table, rows in line.items() if table not in sight.OF_CONTRACTS} for line in lines]
            for who, lines in everybody(furnished).items()
        }

    before = seen()
    contract = sight.sold_to(acme, furnished.rival)
    assert seen() == before
    with acting(ada):
        other = contracts.transfer(
            contract, to=furnished.northwind.organization, starts_on=timezone.now().date(), by=ada
        )
    assert seen() == before
    with acting(ada):
        contracts.end(other, by=ada)
    assert seen() == before
    with job(acme.pk):
        ContractCoverage.unscoped.filter(contract__in=[contract, other]).delete()
    assert seen() == before


def test_a6_when_grants_end_in_every_way_there_is_then_guardian_holds_the_rows_of_unclosed_ones_alone(furnished: World):
    acme, ada, sam = furnished.acme, furnished.acme.viewer(), Viewer.of_staff(furnished.sam)
    customers = (acme, furnished.globex)
    for site in acme.sites:
        for partner in (furnished.northwind, furnished.rival, furnished.third):
            acme.shares(site, with_=partner, categories={HEALTH, TRAFFIC})
    furnished.globex.shares("plant", with_=furnished.northwind, categories=SHAREABLE)
    assert sight.guardian_faults(*customers) == []

    with acting(ada):
        onboarding.close_site(acme.sites["depot"], by=ada)
    assert sight.guardian_faults(*customers) == []
    with acting(sam):
        onboarding.close_organization(furnished.third.organization, by=sam)
    assert sight.guardian_faults(*customers) == []
    with acting(ada):
        sharing.stop_all(by=ada)
    assert sight.guardian_faults(*customers) == []
    with job(acme.pk, furnished.globex.pk):
        assert {r.grant.site_id for r in SiteGroupPermission.objects.select_related("grant")} == {
            furnished.globex.sites["plant"].pk
        }


def test_a7_when_two_approvers_answer_one_request_at_once_then_there_is_one_outcome(lasting_world: World):
    world = lasting_world
    world.acme.joins("april", Role.APPROVER)
    nora = world.northwind.viewer()
    with acting(nora):
        reason = "We look after this network already"
        row = requests.ask(by=nora, customer_name="Acme", categories=[HEALTH], days=30, reason=reason)

    def allow(name: str) -> list[Grant]:
        viewer = world.acme.viewer(name)
        with acting(viewer):
            return requests.approve(row, by=viewer)

    def refuse(name: str) -> Any:
        viewer = world.acme.viewer(name)
        with acting(viewer):
            return requests.decline(row, by=viewer)

    results = in_threads(lambda: allow("ada"), lambda: allow("april"), lambda: refuse("april"))

    assert sum(isinstance(r, Ended) for r in results) == 2, results
    with job(world.acme.pk):
        assert Grant.objects.filter(closed_at=None).count() in {0, 3}  # declined, or one for each of three sites
    assert sight.guardian_faults(world.acme) == []


def test_a8_given_an_end_that_has_passed_and_no_sweep_when_anything_is_asked_then_nothing_is_there(
    furnished: World, browse: Any
):
    acme, northwind = furnished.acme, furnished.northwind
    grant = acme.shares("hq", with_=northwind, categories=SHAREABLE, forward_alerts=True)
    nora, call = northwind.viewer(), api(northwind)
    assert not nothing(nora)
    device = acme.devices["switch hq"].public_id
    assert call("get", f"/devices/{device}").status_code == 200

    acme.lets_expire(grant)

    assert nothing(nora)
    assert [ids_of(call("get", f"/{what}")) for what in ("sites", "devices", "alerts")] == [set()] * 3
    assert call("get", f"/devices/{device}").status_code == 404
    assert browse(nora.user).get(f"/p/northwind/devices/{device}").status_code == 404
    with gate.passage(customer=acme.pk, site=grant.site_id, owner=northwind.pk):
        reason = gate.refusal(customer=acme.pk, site=grant.site_id, owner=northwind.pk, grant=grant.pk, generation=1)
        assert reason == "grant_ended"
        assert Grant.objects.get(pk=grant.pk).closed_at is None  # nobody has booked it
        assert SiteGroupPermission.objects.filter(grant=grant).count() == 5


# ---- A9 to A11: ends, and what comes after


def test_a9_given_an_alert_that_waits_when_access_is_stopped_then_no_read_succeeds_and_no_sending_starts(
    furnished: World,
):
    acme, northwind = furnished.acme, furnished.northwind
    with exits.inbox() as box:
        exits.webhook(northwind, box)
        grant = acme.shares("hq", with_=northwind, categories={HEALTH}, forward_alerts=True)
        acme.raises(acme.devices["switch hq"], rule="cpu_high")
        exits.plan()
        (waiting, *_) = exits.deliveries(northwind, event="alert.opened", destination__kind="webhook")
        assert waiting.state == "ready"

        receipt = acme.revokes(grant)
        exits.put_back(northwind, waiting)  # and even if a retry were still to come
        exits.send()

        assert nothing(northwind.viewer())
        assert sharing.drain(grant.pk, customer=acme.pk) is not None
        assert receipt.cancelled_deliveries == 2  # by webhook and by mail
        assert [d.reason for d in exits.deliveries(northwind, pk=waiting.pk)] == ["grant_ended"]
        assert box.ids() == []


def test_a10_given_alerts_planned_under_former_terms_when_access_is_given_anew_then_none_of_them_goes_out(
    furnished: World,
):
    acme, northwind = furnished.acme, furnished.northwind
    with exits.inbox() as box:
        exits.webhook(northwind, box)
        first = acme.shares("hq", with_=northwind, categories={HEALTH, TRAFFIC}, forward_alerts=True)
        acme.raises(acme.devices["switch hq"], rule="cpu_high")
        exits.plan()
        old = exits.deliveries(northwind, subject="alert")

        acme.revokes(first)
        again = acme.shares("hq", with_=northwind, categories={HEALTH}, forward_alerts=True)
        exits.put_back(northwind, *old)
        exits.send()
        assert {d.reason for d in exits.deliveries(northwind, subject="alert")} == {"grant_ended"}

        acme.raises(acme.devices["switch hq"], rule="fan_failed")
        exits.plan()
        fresh = [d for d in exits.deliveries(northwind, subject="alert") if d.grant_id == again.pk]
        off = acme.changes(again, forward_alerts=False)
        acme.changes(off, forward_alerts=True)
        exits.put_back(northwind, *fresh)
        exits.send()
        assert {d.reason for d in exits.deliveries(northwind, pk__in=[d.pk for d in fresh])} == {"grant_changed"}

        assert box.ids() == []
        acme.raises(acme.devices["switch hq"], rule="psu_failed")  # what happens from now on is told
        exits.plan()
        exits.send()
        assert len(box.ids()) == 1


def test_a11_given_access_to_every_site_when_a_site_is_opened_and_a_device_moves_there_then_no_partner_follows(
    furnished: World,
):
    acme, ada, nora = furnished.acme, furnished.acme.viewer(), furnished.northwind.viewer()
    for site in list(acme.sites):
        acme.shares(site, with_=furnished.northwind, categories=SHAREABLE)
    before = both_lines(nora)
    moving = acme.devices["switch depot"]

    annex = acme.opens("annex")
    with acting(ada):
        fleet.move(moving, to=annex, by=ada)

    for line, was in zip(both_lines(nora), before, strict=True):
        gone = {table: was[table] - line[table] for table in line if was[table] - line[table]}
        assert gone["Device"] == {moving.pk}
        assert annex.pk not in line["Site"]
        assert line["Alert"] == was["Alert"]  # what happened at the depot stays told to who may see the depot
    for line in both_lines(ada):
        assert moving.pk in line["Device"]


# ---- A12 to A15: who is nobody, and what the database itself holds to


def test_a12_when_somebody_looks_who_is_no_current_member_then_neither_line_shows_a_row(furnished: World):
    acme, northwind = furnished.acme, furnished.northwind
    acme.shares("hq", with_=northwind, categories=SHAREABLE)
    nils, alan = northwind.viewer("nils"), acme.viewer("alan")
    boss = northwind.viewer()
    with acting(boss):
        stopped, _ = accounts.issue(by=boss, name="stopped", scope=Scope.READ, days=30)
        lapsed, _ = accounts.issue(by=boss, name="lapsed", scope=Scope.READ, days=30)
        accounts.revoke(stopped, by=boss)
        ServiceAccount.objects.filter(pk=lapsed.pk).update(expires_at=Now())
    for account in (stopped, lapsed):
        account.organization = northwind.organization
    root = User.objects.create_superuser("root@example.com", "x" * 20, name="Root")
    assert not nothing(nils)
    assert not nothing(alan)

    northwind.loses("nils")
    User.objects.filter(pk=alan.user_id).update(is_active=False)
    strangers = {
        "ex-member": nils,
        "inactive member": alan,
        "superuser": Viewer.of_staff(root),
        "superuser who claims to be acme's": Viewer(
            kind="customer", user=root, organization=acme.organization, role=Role.OWNER
        ),
        "superuser who claims to be northwind's": Viewer(
            kind="partner", user=root, organization=northwind.organization, role=Role.ADMIN
        ),
        "anonymous": NOBODY,
        "program that was stopped": Viewer.of_account(stopped),
        "program whose time is over": Viewer.of_account(lapsed),
        "customer in a partner's clothes": Viewer(kind="partner", user=alan.user, organization=acme.organization),
    }

    for name, viewer in strangers.items():
        through, past = both_lines(viewer)
        if viewer.is_staff:  # staff know sites by name; that is all
            past = past | {"Site": frozenset()}
        assert not any([*through.values(), *past.values()]), name


def test_a13_when_permissions_are_handed_out_past_grants_then_the_door_does_not_know_them_and_the_check_finds_them(
    furnished: World,
):
    """guardian's and Django's own ways (traps 1, 2 and 10): a model-level permission would open every tenant to stock code."""
    nora = furnished.northwind.viewer()
    permission = Permission.objects.get(codename="view_health", content_type__app_label="access")
    assert checks.faults() == []

    furnished.northwind.organization.group.permissions.add(permission)
    assert nothing(nora)
    assert any("view_health" in fault for fault in checks.faults())
    furnished.northwind.organization.group.permissions.clear()

    nora.user.user_permissions.add(permission)
    assert nothing(nora)
    assert any("view_health" in fault for fault in checks.faults())
    with job(furnished.acme.pk):
        assert SiteUserPermission.objects.count() == 0


def test_a14_when_any_key_between_tenants_would_name_a_row_of_another_then_the_database_refuses(
    lasting: World, behind: Any
):
    """Threat 5, every key x a foreign id: as the owner, whom no policy binds, so that the keys alone are tried."""
    lasting.acme.shares("hq", with_=lasting.northwind, categories=SHAREABLE)
    sight.sold_to(lasting.acme, lasting.northwind)
    behind.execute(
        "SELECT s.relname, t.relname, ARRAY(SELECT a.attname FROM unnest(k.conkey) WITH ORDINALITY c(n, i)"
        " JOIN pg_attribute a ON a.attrelid = s.oid AND a.attnum = c.n ORDER BY c.i)::text[],"
        " ARRAY(SELECT a.attname FROM unnest(k.confkey) WITH ORDINALITY c(n, i)"
        " JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = c.n ORDER BY c.i)::text[]"
        " FROM pg_constraint k JOIN pg_class s ON s.oid = k.conrelid JOIN pg_class t ON t.oid = k.confrelid"
        " WHERE k.contype = 'f' AND cardinality(k.conkey) = 2 AND NOT s.relispartition AND k.conparentid = 0 ORDER BY 1, 2"
    )
    keys = behind.fetchall()
    tried = 0
    for source, target, (first, column), (whose, wanted) in keys:
        behind.execute(
            f'SELECT s."{first}", t."{wanted}" FROM "{source}" s, "{target}" t'
            f' WHERE s."{first}" <> t."{whose}" AND s."{first}" IS NOT NULL LIMIT 1'
        )
        found = behind.fetchone()
        if found is None:
            continue
        mine, foreign = found
        with undone(behind):
            behind.execute(
                f'ALTER TABLE "{source}" DISABLE TRIGGER USER'
            )  # journals refuse any change; keys are no such triggers
            behind.execute(f'DELETE FROM "{source}" WHERE "{column}" = %s', [foreign])  # there may be only one for each
            one = f'(SELECT tableoid, ctid FROM "{source}" WHERE "{first}" = %s LIMIT 1)'
            behind.execute(
                f'UPDATE "{source}" SET "{column}" = %s WHERE (tableoid, ctid) = {one}', [foreign, str(mine)]
            )
            with pytest.raises(psycopg2.errors.ForeignKeyViolation):
                behind.execute("SET CONSTRAINTS ALL IMMEDIATE")
        tried += 1

    assert checks.faults() == []
    assert (len(keys) > 50, tried > 25) == (True, True), (len(keys), tried)


def test_a14_when_a_unique_key_spans_tenants_then_it_is_of_random_ids(world: World):
    """A global unique key is an existence oracle: 'taken' would say that somebody else has it."""
    whose = ("customer_id", "organization_id", "owner_id", "partner_id", "stay")
    exceptions = {
        ("access_organization", "slug"),  # a partner's public address; of a customer its random id
        ("partners_delivery", "subject_key"),  # with the destination's random id
    }
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, i.relname, array_agg(a.attname::text ORDER BY n.i) FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid"
            " JOIN pg_class i ON i.oid = x.indexrelid, unnest(x.indkey) WITH ORDINALITY n(k, i) JOIN pg_attribute a ON a.attnum = n.k"
            " WHERE a.attrelid = x.indrelid AND x.indisunique AND c.relrowsecurity AND NOT c.relispartition GROUP BY 1, 2 ORDER BY 1, 2"
        )
        found = cursor.fetchall()

    def is_random(column: str) -> bool:
        return column in {"id", "digest"} or column.endswith("_id")  # ids of rows, public ids, keys: drawn by lot

    strays = {(table, c) for table, _, columns in found if columns[0] not in whose for c in columns if not is_random(c)}
    assert strays == exceptions
    assert len(found) > 60


def test_a15_given_no_row_level_security_when_everybody_looks_then_the_door_shows_what_it_showed_with_it(
    lasting: World, behind: Any
):
    lasting.acme.shares("hq", with_=lasting.northwind, categories={HEALTH})
    lasting.acme.lets_expire(lasting.acme.shares("branch", with_=lasting.third, categories=SHAREABLE))
    with_policies = {who: through for who, (through, _) in everybody(lasting).items()}
    behind.execute(
        "SELECT c.relname FROM pg_class c WHERE c.relrowsecurity AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
    )
    tables = [row[0] for row in behind.fetchall()]
    try:
        for table in tables:
            behind.execute(f'ALTER TABLE "{table}" NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY')
        without = everybody(lasting)
    finally:
        for table in tables:
            behind.execute(f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY')

    assert {who: through for who, (through, _) in without.items()} == with_policies
    assert (
        without["rival rita"][1]["Site"] == without["acme ada"][1]["Site"]
    )  # the switch was off: plain SELECTs showed everything


# ---- A16 to A18: journals, and what a partner must not learn

SHOWN_TO_PARTNERS = (
    "triage",
    "customers",
    "customers/{acme}",
    "devices",
    "devices/{device}",
    "alerts",
    "alerts/{alert}",
)


def test_a16_when_a_partner_gets_data_in_any_way_then_the_look_is_on_record(lasting: World, browse: Any):
    world = lasting
    world.acme.shares("hq", with_=world.northwind, categories=SHAREABLE)
    page, call = browse(world.northwind.people["nora"]).get, api(world.northwind)

    for path in partner_paths(world):
        before = looks_at(world)
        assert page(path).status_code == 200, path
        assert looks_at(world) > before, path
    for path in ("/sites", "/devices", "/alerts"):
        before = looks_at(world)
        assert call("get", path).json()["results"], path
        assert looks_at(world) > before, path


def test_a16_given_a_log_that_takes_no_entry_when_a_partner_looks_then_it_gets_no_answer(lasting: World, behind: Any):
    world = lasting
    world.acme.shares("hq", with_=world.northwind, categories=SHAREABLE)
    client, call = Client(raise_request_exception=False), api(world.northwind)
    client.force_login(world.northwind.people["nora"], backend="allauth.account.auth_backends.AuthenticationBackend")
    secret = re.compile(rb"SN-hq|switch hq|nearly full")
    answers = {path: client.get(path) for path in partner_paths(world)}
    assert all(secret.search(a.content) for path, a in answers.items() if not path.endswith(("customers", "triage"))), (
        answers
    )

    behind.execute("REVOKE INSERT ON access_viewingentry FROM sc_app")
    try:
        for path in answers:
            answer = client.get(path)
            assert (answer.status_code, secret.search(answer.content)) == (503, None), path
        for path in ("/sites", "/devices", "/alerts", f"/devices/{world.acme.devices['switch hq'].public_id}"):
            answer = call("get", path)
            assert (answer.status_code, secret.search(answer.content)) == (503, None), path
    finally:
        behind.execute("GRANT INSERT ON access_viewingentry TO sc_app")


def test_a16_given_a_push_whose_end_nobody_saw_when_it_is_tried_again_then_the_customer_reads_that_it_may_have_arrived(
    furnished: World,
):
    acme, northwind = furnished.acme, furnished.northwind
    with exits.inbox() as box:
        exits.webhook(northwind, box)
        acme.shares("hq", with_=northwind, categories={HEALTH}, forward_alerts=True)
        exits.send()  # that access was given
        acme.raises(acme.devices["switch hq"], rule="cpu_high")
        exits.plan()
        claimed = [c for c in iter(sending.claim_due, None) if c.owner_id == northwind.pk]  # and the process is gone
        with job(northwind.pk):
            started = DeliveryAttempt.objects.filter(delivery__in=[c.id for c in claimed])
            assert {a.outcome for a in started} == {"started"}  # on record before a byte left
        exits.put_back(northwind, *exits.deliveries(northwind, pk__in=[c.id for c in claimed]))
        exits.send()

    with job(acme.pk):
        outcomes = list(
            sight.ViewingEntry.objects.filter(way="webhook").order_by("number").values_list("outcome", flat=True)
        )
    assert outcomes == ["may have been delivered", "delivered"]


def test_a17_when_the_customer_checks_its_journals_then_an_honest_one_holds_and_a_changed_one_is_shown(
    lasting: World, behind: Any
):
    world = lasting
    world.acme.shares("hq", with_=world.northwind, categories={HEALTH})
    call = api(world.acme)
    honest = call("get", "/viewing-log/verify").json()
    assert honest["ok"]
    assert honest["checked"] > 5

    behind.execute("SET session_replication_role = replica")
    change = "UPDATE access_auditentry SET after = replace(after, 'health', 'traffic') WHERE customer_id = %s AND action = 'grant.opened'"
    behind.execute(change, [str(world.acme.pk)])
    behind.execute("SET session_replication_role = origin")

    told = call("get", "/viewing-log/verify").json()
    assert not told["ok"]
    assert [fault["what"] for fault in told["broken"]] == ["changed"]


def test_a18_when_a_rival_is_given_access_asks_proposes_and_writes_then_a_partner_s_answers_do_not_change_by_a_byte(
    furnished: World, browse: Any
):
    acme = furnished.acme
    acme.shares("hq", with_=furnished.northwind, categories=SHAREABLE)
    client, call = browse(furnished.northwind.people["nora"]), api(furnished.northwind)
    paths = [*partner_paths(furnished), "/p/northwind/access", "/p/northwind/contracts", "/p/northwind/team"]
    resources = (
        "sites",
        "devices",
        "alerts",
        "grants",
        "access-requests",
        "contracts",
        "proposals",
        "tenders",
        "deliveries",
        "viewing-log",
    )

    moment = timezone.now()

    def answers() -> dict[str, bytes]:
        with sight.undone(), time_machine.travel(moment, tick=False):
            pages = {path: masked(client.get(path, headers=ROOT_ID)) for path in paths}
            return pages | {name: masked(call("get", f"/{name}")) for name in resources}

    before = answers()
    rita = furnished.rival.viewer()
    acme.shares("hq", with_=furnished.rival, categories=SHAREABLE, forward_alerts=True, purpose="a second opinion")
    acme.shares("branch", with_=furnished.rival, categories=SHAREABLE)
    contract = sight.sold_to(acme, furnished.rival)
    with acting(rita):
        reason = "We would like to see the depot, too"
        depot = acme.sites["depot"]
        requests.ask(by=rita, customer_name="Acme", categories=[HEALTH], days=30, reason=reason)
        alert = sight.Alert.objects.visible_to(rita).filter(site=acme.sites["hq"]).first()
        sight.alerting.comment(alert, text="We have seen this before", audience=sight.CommentAudience.CUSTOMER, by=rita)
        sight.alerting.comment(alert, text="Offer them a new switch", audience=sight.CommentAudience.COMPANY, by=rita)
    exits.plan()

    assert answers() == before
    assert contract.partner_id == furnished.rival.pk
    assert depot.closed_at is None


# ---- A19 to A22


def test_a19_given_an_emergency_whose_hours_are_over_when_nobody_books_it_then_neither_line_shows_staff_a_row(
    furnished: World,
):
    sam = Viewer.of_staff(furnished.sam)
    reason = "A flood in the building: which devices still answer at headquarters?"
    with acting(sam):
        hq = furnished.acme.sites["hq"]
        permission = staff.break_glass(
            by=sam, customer=furnished.acme.organization, sites=[hq], categories=[HEALTH], reason=reason
        )
    with job(furnished.acme.pk):
        assert (
            jobs.Job.unscoped.filter(kind="notice.break_glass", ref=permission.pk).count() == 1
        )  # told in the same transaction
    through, past = both_lines(sam)
    assert {table for table, rows in through.items() if rows} == OF_ANY | OF_KIND[HEALTH]
    assert past | {"Site": through["Site"]} == through

    with job(furnished.acme.pk):
        start = timezone.now() - timedelta(hours=5)
        StaffPermission.objects.filter(pk=permission.pk).update(starts_at=start, expires_at=start + timedelta(hours=4))

    through, past = both_lines(sam)
    assert not any([*through.values(), *(past | {"Site": frozenset()}).values()])


def test_a20_for_every_choice_of_kinds_the_sentence_says_what_the_grant_stores_and_what_both_lines_show(
    furnished: World,
):
    acme, northwind = furnished.acme, furnished.northwind
    choices = [frozenset(c) for n in range(1, 6) for c in combinations(SHAREABLE, n)]
    grant = acme.shares("hq", with_=northwind, categories=choices[0])
    sight.sold_to(acme, furnished.rival)

    for number, kinds in enumerate(choices):
        forwarded = HEALTH in kinds and number % 2 == 0
        grant = acme.changes(grant, categories=kinds, forward_alerts=forwarded)
        with job(acme.pk):
            stored = Grant.objects.select_related("partner", "site", "customer").get(pk=grant.pk)
            said = sentences.parse(sentences.of_grant(stored), sites=[s for s in acme.sites])
        assert said is not None
        assert (said.partner, said.sites, said.categories, said.forward_alerts) == (
            "Northwind",
            ("hq",),
            kinds,
            forwarded,
        )
        assert said.until == last_day(stored.expires_at, stored.customer)
        for line in both_lines(northwind.viewer()):
            shown = {table for table, rows in line.items() if rows}
            assert shown == OF_ANY.union(*(OF_KIND[c] for c in said.categories))
    assert len(choices) == 31


def test_a21_when_a_customer_looks_as_a_partner_then_no_row_of_any_table_is_written(
    lasting: World, browse: Any, behind: Any
):
    world = lasting
    world.acme.shares("hq", with_=world.northwind, categories={HEALTH})
    client = browse(world.acme.people["ada"])
    northwind, hq = world.northwind.organization.public_id, world.acme.sites["hq"].public_id
    drafts = f"?partner={northwind}&site={hq}&cat=inventory&cat=traffic&days=30"
    before = fingerprint(behind)

    for path in (f"/access/look-as/{northwind}", f"/access/look-as/{northwind}{drafts}", f"/access/preview{drafts}"):
        assert client.get(path).status_code == 200, path

    assert fingerprint(behind) == before


def test_a22_when_a_company_is_closed_then_its_grants_and_memberships_end_and_its_group_is_empty(furnished: World):
    northwind, sam = furnished.northwind, Viewer.of_staff(furnished.sam)
    for customer, site in ((furnished.acme, "hq"), (furnished.globex, "plant")):
        customer.shares(site, with_=northwind, categories=SHAREABLE)
    people = [northwind.viewer(name) for name in ("nora", "nils")]
    group = northwind.organization.group
    assert group.user_set.count() == 2

    with acting(sam):
        onboarding.close_organization(northwind.organization, by=sam)

    assert all(nothing(viewer) for viewer in people)
    assert group.user_set.count() == 0
    with job(furnished.acme.pk, furnished.globex.pk, northwind.pk):
        assert Grant.objects.filter(partner=northwind.pk, closed_at=None).count() == 0
        assert {g.revoked_at is None for g in Grant.objects.filter(partner=northwind.pk)} == {False}
        assert Membership.objects.filter(organization=northwind.pk).count() == 0
    assert sight.guardian_faults(furnished.acme, furnished.globex) == []

    gwen = furnished.globex.viewer()
    with acting(gwen):
        onboarding.close_organization(furnished.globex.organization, by=gwen)
    assert nothing(gwen)
    with job(furnished.globex.pk):
        furnished.globex.organization.refresh_from_db()
    assert furnished.globex.organization.status == OrganizationStatus.CLOSED


def test_each_of_the_twenty_two_invariants_has_a_test_here():
    names = [name for name in dir(sys.modules[__name__]) if name.startswith("test_a")]

    assert {int(re.match(r"test_a(\d+)_", name)[1]) for name in names} == set(range(1, 23))  # type: ignore[index]


# ---- words


def partner_paths(world: World) -> list[str]:
    names = {
        "acme": world.acme.organization.public_id,
        "device": world.acme.devices["switch hq"].public_id,
        "alert": sight.alerts_at(world.acme, "hq")[0].public_id,
    }
    return [f"/p/northwind/{path.format(**names)}" for path in SHOWN_TO_PARTNERS]


@contextmanager
def undone(behind: Any) -> Iterator[None]:
    behind.execute("BEGIN")
    try:
        yield
    finally:
        behind.execute("ROLLBACK")


def looks_at(world: World) -> int:
    with job(world.acme.pk):
        return sight.ViewingEntry.objects.filter(customer=world.acme.pk).count()


def fingerprint(behind: Any) -> dict[str, Any]:
    """Number and digest of the rows of every table; of sessions, which are used by looking, the number."""
    behind.execute("SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public'"
                   " AND c.relkind IN ('r', 'p') AND NOT c.relispartition")  # fmt: skip
    found = {}
    for (table,) in behind.fetchall():
        text = "''" if table == "django_session" else "t::text"
        behind.execute(
            f"SELECT count(*), md5(coalesce(string_agg({text}, '|' ORDER BY t::text), '')) FROM \"{table}\" t"
        )
        found[table] = behind.fetchone()
    return found
