"""`demo --check` is honest: green when the whole way works, red within its time when any link of it does not.

The breaking runs take a minute each: `make soak`.
"""

import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from smartcare.devstack import folders
from tests.smartcare.demo.running import Running, Sabotage, command_of, running, send

pytestmark = pytest.mark.xdist_group("demo")  # one at a time: each keeps two cores busy
LONGEST_S = 120
REPORTING, CONNECTING = "report a day of their lives", "connects a webhook"
TOLD = "the alert is delivered"


def test_when_everything_works_then_the_check_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    with running(tmp_path, "--check") as demo:
        code = demo.ends()

        assert code == 0, demo.said
        line = demo.last_line
        assert line["ok"] is True
        assert line["reports_accepted"] == line["reports_analysed"] >= 9
        assert line["alerts_opened"] == 3
        assert line["deliveries_sent"] >= 7
        assert line["leaks"] == 0
        assert line["seconds"] < LONGEST_S
        assert not demo.data.exists()


def killed(*words: str) -> Sabotage:
    return lambda demo: send(signal.SIGKILL, main_process(demo, *words))


def stopped(*words: str) -> Sabotage:
    """All of it, as `pkill -STOP` would."""
    return lambda demo: send(signal.SIGSTOP, demo.processes(*words))


def main_process(demo: Running, *words: str) -> list[int]:
    """The program itself, without the guard and keeper that watch it and without its own children."""
    return [pid for pid in demo.processes(*words) if "keeper.py" not in command_of(pid)][:1]


@contextlib.contextmanager
def behind(demo: Running) -> Iterator[Any]:
    """A cursor behind the product's back, as its owner; committed at the end."""
    connection = psycopg2.connect(dbname="smartcare", user="smartcare", host=str(folders._sockets_of(demo.data)))
    with connection, connection.cursor() as cursor:
        yield cursor
    connection.close()


def grant_removed(demo: Running) -> None:
    with behind(demo) as cursor:
        cursor.execute("DELETE FROM access_sitegrouppermission")
        cursor.execute("UPDATE access_grant SET revoked_at = now(), closed_at = now() WHERE closed_at IS NULL")
        assert cursor.rowcount == 1


def forwarding_removed(demo: Running) -> None:
    with behind(demo) as cursor:
        cursor.execute(
            "UPDATE access_grant SET forward_alerts = false, forwarding_since = NULL WHERE closed_at IS NULL"
        )


def grant_doubled(demo: Running) -> None:
    """Rival gets what northwind has, without anybody's decision."""
    with behind(demo) as cursor:
        cursor.execute("SELECT id, group_id FROM access_organization WHERE slug = 'rival'")
        rival, group = cursor.fetchone()
        cursor.execute(
            "INSERT INTO access_grant SELECT (jsonb_populate_record(g, jsonb_build_object('id', gen_random_uuid(),"
            " 'public_id', 'gr-doubled', 'partner_id', %s))).* FROM access_grant g WHERE closed_at IS NULL RETURNING id",
            [rival],
        )
        (grant,) = cursor.fetchone()
        cursor.execute(
            "INSERT INTO access_sitegrouppermission (permission_id, group_id, content_object_id, grant_id)"
            " SELECT permission_id, %s, content_object_id, %s FROM access_sitegrouppermission",
            [group, grant],
        )


WORKER, BEAT, WEB, OUTSIDE = ("celery", "worker"), ("celery", "beat"), ("granian",), ("smartcare.demo.outside",)


@pytest.mark.soak
@pytest.mark.parametrize(
    ("at", "sabotage", "reason"),
    [
        pytest.param(REPORTING, killed(*WORKER), "worker ended by itself", id="worker killed"),
        pytest.param(REPORTING, stopped(*WORKER), "waited in vain", id="worker stopped"),
        pytest.param(REPORTING, killed(*BEAT), "beat ended by itself", id="beat killed"),
        pytest.param(REPORTING, killed(*WEB), "", id="web killed"),
        pytest.param(REPORTING, stopped(*WEB), "", id="web stopped"),
        pytest.param(REPORTING, killed(*OUTSIDE), "", id="receiver killed"),
        pytest.param(REPORTING, stopped(*OUTSIDE), "", id="receiver stopped"),
        pytest.param(CONNECTING, grant_removed, "northwind", id="grant removed"),
        pytest.param(TOLD, grant_removed, "northwind", id="grant removed after the delivery"),
        pytest.param(CONNECTING, forwarding_removed, "northwind's webhook", id="alerts no longer forwarded"),
        pytest.param(CONNECTING, grant_doubled, "rival", id="rival sees what northwind sees"),
    ],
)
def test_given_a_broken_link_when_checked_then_it_ends_red_in_time_and_says_why(
    tmp_path: Path, at: str, sabotage: Sabotage, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with running(tmp_path, "--check") as demo:
        demo.wait_for(at)
        sabotage(demo)

        code = demo.ends()

        with capsys.disabled():
            print(f" [{demo.seconds:.0f} s: {demo.said.strip().splitlines()[-1]}]", end="")
        assert code == 1
        assert demo.seconds < LONGEST_S
        assert demo.last_line["ok"] is False
        assert reason in demo.said.rpartition("CommandError: ")[2]
        assert not demo.data.exists()
