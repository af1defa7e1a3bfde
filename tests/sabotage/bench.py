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
from urllib.parse import urlsplit, urlunsplit

import psycopg2

from smartcare import devstack
from smartcare.devstack import environment
from tests.sabotage.holes import Edit

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("access", "telemetry", "partners", "smartcare", "templates", "tests", "docs")
FILES = ("manage.py", "pyproject.toml", "README.md", "LICENSE")
LONGEST_S = 900
ADDRESSES = ("DATABASE_URL", "DATABASE_OWNER_URL")


class Misplanted(Exception):
    """The source does not say (any more) what the hole is to replace, or says it twice."""


@dataclass(frozen=True)
class Run:
    """One run of pytest. failed: node id and first words of each test whose own assertion failed. went: whether it ran as it should:
    tests were found, and nothing broke outside of them."""

    code: int
    failed: tuple[tuple[str, str], ...]
    went: bool
    output: str


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
        command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "tests.sabotage.witness", *arguments]
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
            return Run(-1, (), False, f"no end after {LONGEST_S} s")
        seen = json.loads(report.read_text()) if report.exists() else {"failed": [], "errors": ["did not start"]}
        failed = tuple((node, words) for node, words in seen["failed"])
        return Run(done.returncode, failed, not seen["errors"] and done.returncode in {0, 1}, done.stdout)

    def sql(self, database: str, *statements: str) -> None:
        """As the superuser of the throw-away server."""
        connection = psycopg2.connect(_of_database(self.env["DATABASE_OWNER_URL"], database))
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
        finally:
            connection.close()

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
