"""A copy of the checkout with servers of its own, in which tests run with holes in the source: the checkout itself is never touched.

PostgreSQL copies `template1` for every new database. It is migrated once, so that a run of a few tests starts within seconds.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg2

from smartcare import devstack
from smartcare.devstack import environment
from tests.sabotage.holes import Edit, Redefinition

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("access", "telemetry", "partners", "smartcare", "templates", "tests", "docs")
FILES = (
    "manage.py",
    "pyproject.toml",
    "README.md",
    "LICENSE",
    ".env.example",
    "docker-compose.yml",
    "Dockerfile",
    ".dockerignore",
)
LONGEST_S = 900
ADDRESSES = ("DATABASE_URL", "DATABASE_OWNER_URL")


class Misplanted(Exception):
    """The source does not say (any more) what the hole is to replace, or says it twice."""


@dataclass(frozen=True)
class Run:
    """One run of pytest. failed: node id and first words of each test whose own assertion failed. went: whether it ran as it should:
    tests were found, and nothing broke outside of them. leaks: marked words that somebody read; looked: answers searched for them."""

    failed: tuple[tuple[str, str], ...]
    went: bool
    output: str
    leaks: tuple[str, ...] = ()
    looked: int = 0


@dataclass
class Bench:
    folder: Path
    env: dict[str, str]

    @classmethod
    @contextlib.contextmanager
    def up(cls) -> Iterator["Bench"]:
        """Call it from the main thread: it starts servers."""
        with contextlib.ExitStack() as undo:
            folder = undo.enter_context(devstack.throw_away())
            kept = {k: v for k, v in os.environ.items() if k not in {*ADDRESSES, "REDIS_URL"}}
            environment.complete(kept)
            undo.enter_context(devstack.servers(folder / "data", durable=False, env=kept))
            bench = cls(folder / "checkout", kept | {"PYTHONDONTWRITEBYTECODE": "1"})
            bench._copy()
            bench._migrate_the_template()
            yield bench

    @contextlib.contextmanager
    def planted(self, edits: Sequence[Edit]) -> Iterator[None]:
        """Raises Misplanted."""
        with contextlib.ExitStack() as undo:
            for edit in edits:
                place = self.folder / edit.file
                kept = place.read_text()
                if kept.count(edit.old) != 1:
                    raise Misplanted(f"{edit.file} has {kept.count(edit.old)} times: {edit.old.strip()[:80]}")
                place.write_text(kept.replace(edit.old, edit.new))
                undo.callback(_put_back, place, kept)
            yield

    def pytest(self, *arguments: str, **env: str) -> Run:
        """Run tests in the copy, in one process."""
        report = self.folder.with_name("report.json")
        report.unlink(missing_ok=True)
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-n",
            "0",
            "-p",
            "no:randomly",
            "-p",
            "tests.sabotage.witness",
            *arguments,
        ]
        try:
            done = subprocess.run(
                command,
                cwd=self.folder,
                env=self.env | env | {"SABOTAGE_WITNESS": str(report)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=LONGEST_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Run((), False, f"no end after {LONGEST_S} s")
        if not report.exists():
            return Run((), False, done.stdout)
        seen = json.loads(report.read_text())
        went = not seen["errors"] and done.returncode in {0, 1}
        failed = tuple((node, words) for node, words in seen["failed"])
        return Run(failed, went, done.stdout, tuple(seen["leaks"]), seen["looked"])

    @contextlib.contextmanager
    def template(self) -> Iterator[Any]:
        """A cursor of the superuser in the database that every new one is copied from; nobody may be in it when that is done."""
        connection = psycopg2.connect(_of_database(self.env["DATABASE_OWNER_URL"], "template1"))
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                yield cursor
        finally:
            connection.close()

    @contextlib.contextmanager
    def altered(self, change: str, back: str) -> Iterator[None]:
        """Every protected table of every new database."""
        with self.template() as cursor:
            cursor.execute("SELECT oid::regclass::text FROM pg_class WHERE relrowsecurity AND relkind IN ('r', 'p')")
            tables = [row[0] for row in cursor.fetchall()]
            for table in tables:
                cursor.execute(f"ALTER TABLE {table} {change}")
        try:
            yield
        finally:
            with self.template() as cursor:
                for table in tables:
                    cursor.execute(f"ALTER TABLE {table} {back}")

    @contextlib.contextmanager
    def redefined(self, functions: Sequence[Redefinition]) -> Iterator[None]:
        """In every new database. Raises Misplanted."""
        kept: list[str] = []
        try:
            for change in functions:
                with self.template() as cursor:
                    cursor.execute("SELECT pg_get_functiondef(oid) FROM pg_proc WHERE proname = %s", [change.function])
                    (definition,) = cursor.fetchone() or ("",)
                    if definition.count(change.old) != 1:
                        raise Misplanted(f"{change.function}() has {definition.count(change.old)} times: {change.old}")
                    cursor.execute(definition.replace(change.old, change.new))
                    kept.append(definition)
            yield
        finally:
            for definition in kept:
                with self.template() as cursor:
                    cursor.execute(definition)

    def _copy(self) -> None:
        skip = shutil.ignore_patterns("__pycache__", "node_modules", "*.pyc")
        for name in COPIED:
            shutil.copytree(ROOT / name, self.folder / name, ignore=skip)
        for name in FILES:
            shutil.copy2(ROOT / name, self.folder / name)
        # Compiled once; a planted file has another time and is compiled anew in each run.
        subprocess.run([sys.executable, "-m", "compileall", "-q", *COPIED[:4]], cwd=self.folder, check=True)

    def _migrate_the_template(self) -> None:
        env = self.env | {name: _of_database(self.env[name], "template1") for name in ADDRESSES}
        subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=self.folder, env=env, check=True)


def _of_database(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def _put_back(place: Path, text: str) -> None:
    place.write_text(text)
