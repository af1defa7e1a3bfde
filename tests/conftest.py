"""What every test may use: a migrated database as the application's powerless role, the cast, a browser."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any
from urllib.parse import parse_qs, urlsplit

import hypothesis
import psycopg2
import pytest
from django.conf import settings
from django.db import connections
from django.test import Client, TransactionTestCase
from psycopg2 import sql

from tests.cast import World
from tests.signing_in import sign_in

CHROMIUM_ARGS = [
    *(["--no-sandbox"] if os.geteuid() == 0 else []),
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
KEPT_TABLES = {"django_content_type", "auth_permission", "django_migrations"}


def owner_connection(database: str) -> Any:
    """psycopg2 connection of the login that owns everything, past every policy: for set-up, and to look behind the curtain."""
    parts = urlsplit(os.environ["DATABASE_OWNER_URL"])
    query = parse_qs(parts.query)
    return psycopg2.connect(
        dbname=database,
        user=parts.username,
        password=parts.password,
        host=query["host"][0] if "host" in query else parts.hostname,
        port=parts.port,
    )


def pytest_configure(config: pytest.Config) -> None:
    # How long an example takes says more about the machine's other work than about ours.
    hypothesis.settings.register_profile("suite", deadline=None)
    hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))
    # Hashing is slow on purpose; the suite signs in thousands of times.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.SECOND_FACTOR = "optional"
    settings.ALLOWED_HOSTS = ["*"]
    settings.ANALYSIS_SPACING_S = 0.0  # a day of reports in a moment, each looked at as it comes
    settings.STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}


@contextmanager
def database(name: str) -> Iterator[None]:
    """A new database, migrated by the owner's login; dropped afterwards.

    `TEST["MIRROR"]` would run the tests in the real database; hence by hand.
    """
    admin = owner_connection("postgres")
    admin.autocommit = True
    with admin.cursor() as cursor:
        cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    connections["owner"].settings_dict["TEST"]["NAME"] = name
    connections["owner"].creation.create_test_db(verbosity=0, autoclobber=True, keepdb=True)
    connections["owner"].close()
    connections["default"].close()
    yield
    connections.close_all()
    with admin.cursor() as cursor:
        cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
    admin.close()


@pytest.fixture(scope="session")
def django_db_setup(request: pytest.FixtureRequest, django_db_blocker: Any) -> Iterator[None]:
    """Migrated by the owner's login, used by the application's: row-level security is on in every test.

    A database of its own per worker, or the one that TEST_DATABASE names: migrated, empty, and left so (tests/mutation).
    """
    prepared = os.environ.get("TEST_DATABASE")
    name = prepared or f"test_smartcare_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
    with django_db_blocker.unblock(), nullcontext() if prepared else database(name):
        connections["default"].settings_dict["NAME"] = name
        settings.DATABASES["default"]["NAME"] = name
        with django_db_blocker.block():
            yield


@pytest.fixture(scope="session")
def behind(django_db_setup: None) -> Iterator[Any]:
    """A cursor of the owner, which no policy binds, on the committed state of this worker's test database."""
    connection = owner_connection(connections["default"].settings_dict["NAME"])
    connection.autocommit = True
    with connection.cursor() as cursor:
        yield cursor
    connection.close()


def empty_everything(_: object = None) -> None:
    """After a test that commits: everything goes, as the owner, past policies and the triggers that keep journals."""
    connection = owner_connection(connections["default"].settings_dict["NAME"])
    with connection, connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(
            "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
        )
        tables = [sql.Identifier(row[0]) for row in cursor.fetchall() if row[0] not in KEPT_TABLES]
        # Most tables are empty after most tests: asking is cheaper than giving a hundred tables and partitions new files.
        asked = [sql.SQL("SELECT {} WHERE EXISTS (SELECT FROM {})").format(sql.Literal(t.string), t) for t in tables]
        cursor.execute(sql.SQL(" UNION ALL ").join(asked))
        for (name,) in cursor.fetchall():
            cursor.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(name)))
    connection.close()


TransactionTestCase._fixture_teardown = empty_everything  # type: ignore[method-assign]


@pytest.fixture
def world(db: None) -> World:
    """The cast of the interface page, rolled back afterwards."""
    return World.build()


@pytest.fixture
def lasting_world(transactional_db: None) -> World:
    """The cast, committed: for tests with other processes, threads or a browser."""
    return World.build()


@pytest.fixture
def browse() -> Any:
    """browse(user) -> a test client signed in as that user."""

    def signed_in(user: Any) -> Client:
        return sign_in(Client(), user)

    return signed_in


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Headless Chromium: Debian's, else Playwright's own; skipped with a hint where there is none."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    from playwright.sync_api import Error, sync_playwright

    names = ("chromium", "chromium-browser", "google-chrome")
    found = os.environ.get("CHROMIUM") or next((p for n in names if (p := shutil.which(n))), None)
    with sync_playwright() as playwright:
        try:
            chromium = playwright.chromium.launch(executable_path=found, args=CHROMIUM_ARGS)
        except Error:
            text = "no browser: install Debian's chromium, or run `playwright install chromium`"
            if os.environ.get("REQUIRE_BROWSER"):
                pytest.fail(text)
            pytest.skip(text)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    context = browser.new_context()
    yield context.new_page()
    context.close()
