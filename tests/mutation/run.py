"""The run itself, in the copy: `python -m tests.mutation.run RESULTS ONLY SUBJECT…`. The servers stay up from the first mutant to the last.

This process imports nothing of the product: a child for each subject does (zygote.py), and one for each mutant of what runs
when a module is imported.
"""

import importlib
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest

from smartcare import devstack
from smartcare.devstack import environment
from tests.mutation import outcomes
from tests.mutation.children import TookTooLong, in_child
from tests.mutation.exchange import Finder
from tests.mutation.mutants import Mutant, mutants
from tests.mutation.outcomes import Outcome, Result
from tests.mutation.subjects import SUBJECTS, Subject
from tests.mutation.zygote import Findings, Test, Zygote, clean

DATABASE = "test_smartcare_mutation"
PYTEST = ["-q", "-n", "0", "-p", "no:cacheprovider", "-p", "no:randomly", "-p", "no:schemathesis", "--no-header"]
# Imported once here instead of in each child.
EARLY = (
    "django.contrib.postgres.fields", "django.db.models", "django.test", "psycopg2.extras", "hypothesis", "numpy", "celery",
    "kombu", "redis", "requests", "zstandard", "cramjam", "cryptography.fernet", "jsonschema", "yaml", "time_machine",
)  # fmt: skip


def main(results: Path, only: set[str], names: list[str]) -> int:
    environment.complete(os.environ)
    earlier = {r.id: r for r in outcomes.load(results)}
    _quiet_hypothesis()
    for name in EARLY:
        importlib.import_module(name)
    with devstack.throw_away() as data, devstack.servers(data, durable=False, env=os.environ):
        os.environ["TEST_DATABASE"] = DATABASE
        in_child(_prepare, cpu_s=600, wall_s=1200, log=_log())
        alarms: list[str] = []
        for subject in (s for s in SUBJECTS if s.name in names):
            alarms += _subject(subject, earlier, only, results)
    for alarm in alarms:
        say(f"fails without a mutant as well, so it proves nothing: {alarm}")
    return 2 if alarms else 0


def _subject(subject: Subject, earlier: dict[str, Result], only: set[str], results: Path) -> list[str]:
    """Runs what was not killed earlier; returns what fails without a mutant too."""
    began = time.monotonic()
    all_of_them = mutants(subject.path, Path(subject.path).read_text(), prose=subject.prose)
    kept = [r for m in all_of_them if (r := earlier.get(m.id)) and r.outcome is not Outcome.SURVIVED]
    known = {r.id for r in kept}
    wanted = [m for m in all_of_them if m.id not in known and (not only or m.id in only)]
    say(f"== {subject.path}: {len(wanted)} of {len(all_of_them)} mutants")
    if not wanted:
        return []
    killers = {r.where: r.by for r in kept if r.by}

    def tell(result: Result) -> None:
        outcomes.note(result, results)
        say(f"{result.outcome:9} {result.id} {result.where}: {result.change[:110]}")

    findings: Findings = in_child(
        lambda: _within(subject, wanted, killers, tell), cpu_s=86_400, wall_s=86_400, log=_log()
    )
    for mutant in findings.left:
        tell(_imported(subject, mutant, findings.tests))
    say(f"== {subject.path}: {time.monotonic() - began:.0f} s")
    return findings.false_alarms


def _prepare() -> None:
    """The database of all tests, migrated. Dropped with its server."""
    import django

    django.setup()
    from tests.conftest import database

    database(DATABASE).__enter__()


def _within(
    subject: Subject, wanted: list[Mutant], killers: dict[str, str], tell: Callable[[Result], None]
) -> Findings:
    zygote = Zygote(subject, wanted, say, tell, killers)
    code = pytest.main([*PYTEST, *_tests(subject)], plugins=[zygote])
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        raise RuntimeError(f"pytest ended with {code}")
    return zygote.found


def _tests(subject: Subject) -> list[str]:
    return [path for path in subject.tests if Path(path).exists()]


class _Order:
    """A pytest plugin: the cheapest tests first, none that fails by itself; remembers what failed."""

    def __init__(self, tests: list[Test]) -> None:
        self.cost = {t.name: t.cost for t in tests if t.passed}
        self.by = self.why = ""

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = sorted((i for i in items if i.nodeid in self.cost), key=lambda i: self.cost[i.nodeid])

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and not self.by:
            self.by, self.why = report.nodeid, str(report.longrepr)[-300:]


def _imported(subject: Subject, mutant: Mutant, tests: list[Test]) -> Result:
    """A change of what runs at import: everything is imported anew."""

    def work() -> tuple[int, str, str]:
        Finder(subject.module, mutant).install()
        order = _Order(tests)
        code = pytest.main([*PYTEST, "-x", *_tests(subject)], plugins=[order])
        return int(code), order.by, order.why

    cost = sum(t.cost for t in tests)
    try:
        code, by, why = in_child(work, cpu_s=60 + 5 * cost, wall_s=300 + 20 * cost, log=_log())
        outcome = Outcome.SURVIVED if code == pytest.ExitCode.OK else Outcome.KILLED
    except RuntimeError:  # pytest itself could not go on, e.g. the settings cannot be imported
        outcome, by, why = Outcome.KILLED, "", "cannot be imported"
    except TookTooLong:
        outcome, by, why = Outcome.TIMEOUT, "", ""
    if outcome is not Outcome.SURVIVED:
        in_child(_clean, cpu_s=60, wall_s=600, log=_log())
    return Result.of(mutant, outcome, by=by, why=why)


def _clean() -> None:
    import django

    django.setup()
    clean()


def _quiet_hypothesis() -> None:
    """The same examples for every mutant, and no limit of time: the machine may be busy."""
    hypothesis.settings.register_profile("mutation", derandomize=True, database=None, deadline=None)
    os.environ["HYPOTHESIS_PROFILE"] = "mutation"


def _log() -> str:
    return os.environ.get("MUTATION_LOG", os.devnull)


_terminal = os.dup(2)


def say(text: str) -> None:
    """To the terminal, also from children whose output goes elsewhere."""
    os.write(_terminal, f"{text}\n".encode())


if __name__ == "__main__":
    results, only, *names = sys.argv[1:]
    sys.exit(main(Path(results), {i for i in only.split(",") if i}, names))
