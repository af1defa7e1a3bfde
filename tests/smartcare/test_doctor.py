"""`doctor`: green on a sound installation, and each fault is found by name, with what to do about it."""

import contextlib
import json
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from django.test import override_settings
from django.utils import timezone

from smartcare import doctor
from smartcare.doctor import State, broker, configuration, database, mail, protection, queues
from smartcare.doctor.findings import Finding
from tests.cast import HEALTH, World

pytestmark = pytest.mark.django_db(transaction=True)


def faults(found: Any) -> dict[str, Finding]:
    return {finding.name: finding for finding in found if finding.state is State.FAULT}


@contextlib.contextmanager
def altered(behind: Any, change: str, back: str) -> Iterator[None]:
    """The database as somebody has left it, and as it was again afterwards."""
    behind.execute(change)
    try:
        yield
    finally:
        behind.execute(back)


@pytest.mark.parametrize("check", doctor.WITH_DATABASE, ids=lambda check: check.__name__)
def test_given_a_sound_database_when_examined_then_no_check_of_it_finds_a_fault(check: Any) -> None:
    # The servers of a test run are not durable on purpose.
    found = {name: f for name, f in faults(check()).items() if name != "durability"}

    assert not found


def test_when_any_fault_is_found_then_the_exit_code_is_1_and_the_json_says_which() -> None:
    out = StringIO()

    with pytest.raises(SystemExit) as ended:
        call_command("doctor", "--json", stdout=out)  # the durability of a test run's server is one

    said = json.loads(out.getvalue())
    assert ended.value.code == 1
    assert said["ok"] is False
    durability = next(check for check in said["checks"] if check["name"] == "durability")
    assert durability["state"] == "fault"
    assert "fsync" in durability["said"]
    assert durability["advice"]


def test_when_no_fault_is_found_then_it_ends_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """The servers of a test run are told not to wait for the disk; a real one is not."""
    monkeypatch.setattr(database, "MUST_BE_ON", ())
    out = StringIO()
    strong = "a key of this test run, long enough and of many different letters 0123456789"

    with override_settings(SECRET_KEY=strong, ALLOWED_HOSTS=["127.0.0.1"], SECOND_FACTOR="required"):
        call_command("doctor", stdout=out)

    assert "FAULT" not in out.getvalue()
    assert "row-level security: forced on" in out.getvalue()


@pytest.mark.parametrize(
    ("table", "change", "back"),
    [
        ("telemetry_alert", "NO FORCE ROW LEVEL SECURITY", "FORCE ROW LEVEL SECURITY"),
        ("telemetry_healthsample", "DISABLE ROW LEVEL SECURITY", "ENABLE ROW LEVEL SECURITY"),
        ("access_organization", "DISABLE ROW LEVEL SECURITY", "ENABLE ROW LEVEL SECURITY"),
        ("partners_destination", "NO FORCE ROW LEVEL SECURITY", "FORCE ROW LEVEL SECURITY"),
    ],
)
def test_given_a_table_whose_rows_are_open_when_examined_then_it_is_named(
    behind: Any, table: str, change: str, back: str
) -> None:
    with altered(behind, f"ALTER TABLE {table} {change}", f"ALTER TABLE {table} {back}"):
        found = faults(protection.rows_are_protected())

    assert table in found["row-level security"].said


def test_given_a_new_table_of_a_tenant_without_policies_when_examined_then_it_is_named(behind: Any) -> None:
    with altered(behind, "CREATE TABLE forgotten (customer_id uuid)", "DROP TABLE forgotten"):
        found = faults(protection.rows_are_protected())

    assert "forgotten" in found["row-level security"].said


def test_given_rights_on_a_partition_when_examined_then_it_is_named(behind: Any) -> None:
    behind.execute(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'telemetry_report'::regclass LIMIT 1"
    )
    (partition,) = behind.fetchone()

    with altered(behind, f"GRANT SELECT ON {partition} TO sc_app", f"REVOKE SELECT ON {partition} FROM sc_app"):
        found = faults(protection.partitions_are_closed())

    assert partition in found["partitions alone"].said


def test_given_a_login_that_owns_tables_when_examined_then_it_is_said_that_nothing_binds_it() -> None:
    """The owner's login in DATABASE_URL, the commonest mistake."""
    powerless, owner = connections["default"].settings_dict, connections["owner"].settings_dict
    kept = dict(powerless)
    connections["default"].close()
    powerless.update({name: owner[name] for name in ("USER", "PASSWORD", "HOST", "PORT")})
    try:
        found = faults(protection.login_is_powerless())
    finally:
        connections["default"].close()
        powerless.update(kept)

    assert "row-level security does not bind it" in found["database login"].said


@pytest.mark.parametrize("right", ["UPDATE", "DELETE", "TRUNCATE"])
def test_given_a_right_to_change_a_journal_when_examined_then_it_is_named(behind: Any, right: str) -> None:
    grant = f"{right} ON access_auditentry"

    with altered(behind, f"GRANT {grant} TO sc_app", f"REVOKE {grant} FROM sc_app"):
        found = faults(protection.journals_only_grow())

    assert f"{right} on access_auditentry" in found["journals"].said


def test_given_a_trigger_that_is_off_when_examined_then_it_is_said(behind: Any) -> None:
    table = "ALTER TABLE access_viewingentry"

    with altered(behind, f"{table} DISABLE TRIGGER only_added", f"{table} ENABLE TRIGGER only_added"):
        found = faults(protection.journals_only_grow())

    assert "access_viewingentry" in found["journals"].said


def test_given_a_definer_function_of_a_superuser_when_examined_then_it_is_named(behind: Any) -> None:
    function = "CREATE FUNCTION back_door() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'"

    with altered(behind, function, "DROP FUNCTION back_door()"):
        found = faults(protection.definers_are_ours())

    assert "back_door" in found["definer functions"].said


def test_given_a_migration_that_did_not_run_when_examined_then_it_is_named(behind: Any) -> None:
    newest = "id = (SELECT max(id) FROM django_migrations WHERE app = 'partners')"
    behind.execute(f"DELETE FROM django_migrations WHERE {newest} RETURNING name, applied")
    name, applied = behind.fetchone()
    try:
        found = faults(database.migrated())
    finally:
        behind.execute(
            "INSERT INTO django_migrations (app, name, applied) VALUES ('partners', %s, %s)", [name, applied]
        )

    assert f"partners.{name}" in found["migrations"].said


def test_given_a_day_without_a_table_when_examined_then_it_is_said(behind: Any) -> None:
    behind.execute("SELECT to_char((now() AT TIME ZONE 'UTC') + interval '1 day', 'YYYYMMDD')")
    name = f"telemetry_report_{behind.fetchone()[0]}"

    with altered(behind, f"ALTER TABLE {name} RENAME TO elsewhere", f"ALTER TABLE elsewhere RENAME TO {name}"):
        found = faults(database.partitions_ahead())

    assert name in found["partitions ahead"].said


@pytest.mark.parametrize(("seconds", "state"), [(0, State.OK), (3, State.NOTE), (-3, State.NOTE), (60, State.FAULT)])
def test_given_clocks_that_differ_when_examined_then_it_is_said_how_much_it_matters(seconds: int, state: State) -> None:
    with time_machine.travel(timezone.now() + timedelta(seconds=seconds)):
        (found,) = database.clock_agrees()

    assert found.state is state


def test_given_a_database_that_is_away_when_examined_then_that_is_the_fault_and_the_rest_is_not_asked() -> None:
    where = connections["default"].settings_dict
    kept = where["HOST"]
    connections["default"].close()
    where["HOST"] = "/nonexistent"
    try:
        found = doctor.examine()
    finally:
        connections["default"].close()
        where["HOST"] = kept

    assert "does not answer" in faults(found)["database"].said
    assert sum(finding.state is State.SKIPPED for finding in found) == len(doctor.WITH_DATABASE)


# ---- broker, mail, settings


def test_given_a_broker_that_is_away_when_examined_then_it_is_said_that_nothing_is_lost() -> None:
    with override_settings(REDIS_URL="redis+socket:///nonexistent/valkey.sock?virtual_host=0"):
        found = faults(broker.answers())

    assert "nothing is lost" in found["broker"].advice


def test_given_no_worker_when_examined_then_it_is_noted_who_is_missing() -> None:
    notes = {f.name: f for f in broker.answers() if f.state is State.NOTE}

    assert "analyse" in notes["workers"].said


def mailer(url: str) -> Any:
    from smartcare.settings import mailer as of

    return override_settings(EMAIL_URL=url, MAILERS={"default": of(url)})


def test_given_a_mail_server_that_is_away_when_examined_then_it_is_a_fault() -> None:
    with mailer("smtp://127.0.0.1:9"):
        found = faults(mail.server_answers())

    assert "127.0.0.1:9" in found["mail"].said


@pytest.mark.parametrize(("loopback", "state"), [(True, State.NOTE), (False, State.FAULT)])
def test_given_mail_that_goes_nowhere_when_examined_then_it_is_a_fault_where_others_rely_on_it(
    loopback: bool, state: State
) -> None:
    with mailer("console://"), override_settings(IS_LOOPBACK=loopback):
        (found,) = mail.server_answers()

    assert found.state is state


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"SECRET_KEY": "short"}, "SECRET_KEY"),
        ({"SECRET_KEY": "a" * 60}, "SECRET_KEY"),
        ({"DEBUG": True}, "DEBUG"),
        ({"ALLOWED_HOSTS": ["*"]}, "ALLOWED_HOSTS"),
        ({"SECOND_FACTOR": "optional", "IS_LOOPBACK": False}, "SECOND_FACTOR"),
    ],
)
def test_given_a_setting_that_breaks_a_promise_when_examined_then_it_is_a_fault(
    changes: dict[str, Any], name: str
) -> None:
    sound = {"SECRET_KEY": settings.SECRET_KEY, "ALLOWED_HOSTS": ["care.example.org"], "SECOND_FACTOR": "required"}

    with override_settings(**sound | changes):
        found = faults(configuration.settings_fit())

    assert list(found) == [name]


# ---- queues


def test_given_work_that_waits_for_minutes_when_examined_then_it_is_a_fault(lasting_world: World, behind: Any) -> None:
    lasting_world.acme.opens("annex")
    behind.execute(
        "INSERT INTO telemetry_job (id, customer_id, kind, ref, dedupe_key, payload, state, run_at, attempts, max_attempts,"
        " last_error, created_at) VALUES (gen_random_uuid(), %s, 'waiting', gen_random_uuid(), 'x', '{}', 'ready',"
        " now() - interval '2 minutes', 0, 5, '', now())",
        [lasting_world.acme.pk],
    )

    assert "work waiting" in faults(queues.work_moves())


def test_given_work_that_was_given_up_when_examined_then_it_is_noted(lasting_world: World, behind: Any) -> None:
    behind.execute("UPDATE telemetry_job SET state = 'done'")
    behind.execute(
        "INSERT INTO telemetry_job (id, customer_id, kind, ref, dedupe_key, payload, state, run_at, attempts, max_attempts,"
        " last_error, created_at) VALUES (gen_random_uuid(), %s, 'poison', gen_random_uuid(), 'x', '{}', 'dead', now(), 5, 5,"
        " '', now())",
        [lasting_world.acme.pk],
    )

    (found,) = queues.work_moves()

    assert found.state is State.NOTE
    assert "1 given up" in found.said
    assert "manage.py jobs --again poison" in found.advice


def test_given_an_ended_access_that_is_not_drained_when_examined_then_it_is_a_fault(
    lasting_world: World, behind: Any
) -> None:
    grant = lasting_world.acme.shares("hq", with_=lasting_world.northwind, categories=[HEALTH])
    lasting_world.acme.revokes(grant)
    assert not faults(queues.ended_access_is_drained())
    behind.execute("UPDATE access_grant SET closed_at = now() - interval '2 minutes'")

    assert "not drained" in faults(queues.ended_access_is_drained())["ended access"].said


@pytest.mark.parametrize(
    "entry", ["127.0.0.1:9000", "https://hooks.example.com", "hooks.example.com/in", "[::1]:80", "a b"]
)
def test_given_an_egress_entry_that_matches_nothing_when_examined_then_it_is_named(entry: str) -> None:
    with override_settings(EGRESS_ALLOW=["10.0.0.0/8", entry]):
        found = faults(configuration.settings_fit())["EGRESS_ALLOW"]

    assert found.said.startswith(f"{entry} matches")
    assert "without port" in found.advice


def test_given_egress_entries_that_can_match_when_examined_then_none_is_a_fault() -> None:
    with override_settings(EGRESS_ALLOW=["127.0.0.1", "10.0.0.0/8", "[::1]", "fd00::/8", "sink", "Hooks.Example.com."]):
        assert "EGRESS_ALLOW" not in faults(configuration.settings_fit())
