"""pytest, stopped after collecting: from here each mutant gets a child that has everything imported.

First all tests run once without a mutant, to learn what each costs and which lines it runs. Then a mutant meets the tests that run
its lines, the cheapest first, until one fails. At the end the tests that failed run once more without a mutant: they must pass.
"""

import importlib
import os
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

from tests.mutation.children import TookTooLong, in_child
from tests.mutation.exchange import CannotExchange, codes, exchange, functions
from tests.mutation.mutants import Mutant
from tests.mutation.outcomes import Outcome, Result
from tests.mutation.subjects import Subject

TOOL = 4  # sys.monitoring: free for anybody
# A machine under load makes the database give up waiting: such a failure is asked for once more.
ABOUT_LOAD = ("QueryCanceled", "LockNotAvailable", "DeadlineExceeded", "canceling statement", "lock timeout")


@dataclass
class Test:
    """What the run without a mutant found. cost: seconds, with the set-up it shares with its module. lines: of the subject."""

    name: str
    cost: float
    lines: frozenset[int]
    passed: bool
    text: str = ""


@dataclass
class Findings:
    tests: list[Test] = field(default_factory=list)
    left: list[Mutant] = field(default_factory=list)  # those that want a new import
    false_alarms: list[str] = field(default_factory=list)


class Zygote:
    """A pytest plugin that runs mutants instead of the tests."""

    def __init__(
        self,
        subject: Subject,
        mutants: list[Mutant],
        say: Callable[[str], None],
        tell: Callable[[Result], None],
        killers: dict[str, str],
    ) -> None:
        self.subject, self.mutants, self.say, self.tell = subject, mutants, say, tell
        self.killers = killers  # function -> the test that noticed a change in it last
        self.source = Path(subject.path).read_text()
        self.found = Findings()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self.items = {item.nodeid: item for item in session.items}
        self.module = importlib.import_module(self.subject.module)
        self._first_run(session.items)
        killing = set()
        for mutant in self.mutants:
            result = self._run(mutant) if mutant.within else None
            if result is None:
                self.found.left.append(mutant)
                continue
            self.tell(result)
            if result.outcome is Outcome.KILLED:
                killing.add(result.by)
                self.killers[mutant.where] = result.by
        self._last_run(killing)
        return True

    def _first_run(self, items: list[pytest.Item]) -> None:
        began = time.monotonic()
        self.found.tests = in_child(lambda: _observed(items, self.module), cpu_s=3600, wall_s=7200, log=self.log)
        clean()
        failing = [t for t in self.found.tests if not t.passed]
        for test in failing:
            self.say(f"not used, fails without a mutant: {test.name}: {test.text}")
        self.say(f"{len(items)} tests in {time.monotonic() - began:.0f} s, {len(failing)} of them not used")

    @property
    def log(self) -> str:
        return os.environ.get("MUTATION_LOG", os.devnull)

    def _run(self, mutant: Mutant) -> Result | None:
        chosen = self._chosen(mutant)
        if not chosen:
            return Result.of(mutant, Outcome.SURVIVED, why="no test runs these lines")
        cost = sum(t.cost for t in chosen)

        def work() -> tuple[str, str] | str:
            try:
                exchange(mutant, self.source, self.module)
            except CannotExchange:
                return "left"
            return _until_one_fails([self.items[t.name] for t in chosen], self._another(chosen))

        for attempt in (1, 2):
            try:
                answer = in_child(work, cpu_s=20 + 5 * cost, wall_s=120 + 20 * cost, log=self.log)
            except TookTooLong:
                clean()
                return Result.of(mutant, Outcome.TIMEOUT)
            if answer == "left":
                return None
            name, why = answer
            if name:
                clean()
            if not (attempt == 1 and any(word in why for word in ABOUT_LOAD)):
                break
        return Result.of(mutant, Outcome.KILLED if name else Outcome.SURVIVED, by=name, why=why)

    def _chosen(self, mutant: Mutant) -> list[Test]:
        lines = set(range(mutant.lines[0], mutant.lines[1] + 1))
        tests = [t for t in self.found.tests if t.passed and t.lines & lines]
        favourite = self.killers.get(mutant.where)
        return sorted(tests, key=lambda t: (t.name != favourite, t.cost))

    def _another(self, chosen: list[Test]) -> pytest.Item:
        """An item to name as the next one after the last, so that what the session shares is not torn down."""
        return next(i for n, i in self.items.items() if n != chosen[-1].name)

    def _last_run(self, killing: set[str]) -> None:
        for name in sorted(killing):
            if why := self._fails_alone(name):
                self.found.false_alarms.append(f"{name}: {why}")

    def _fails_alone(self, name: str) -> str:
        """What the test says without a mutant, three times in a row; '' as soon as it passes."""
        another = next(item for n, item in self.items.items() if n != name)
        why = ""

        def work() -> tuple[str, str]:
            return _until_one_fails([self.items[name]], another)

        for _ in range(3):
            failed, why = in_child(work, cpu_s=900, wall_s=1800, log=self.log)
            if not failed:
                return ""
            clean()
        return why


def clean() -> None:
    """What a child left committed goes."""
    from django.db import connections

    from tests.conftest import empty_everything

    connections["default"].settings_dict["NAME"] = os.environ["TEST_DATABASE"]
    empty_everything()


def _until_one_fails(items: list[pytest.Item], last: pytest.Item) -> tuple[str, str]:
    """Name of the first test that fails, and what it says; two empty texts when all pass."""
    for item, nextitem in zip(items, [*items[1:], last], strict=True):
        for report in runtestprotocol(item, log=False, nextitem=nextitem):
            if report.failed:
                return item.nodeid, _short(report)
    return "", ""


def _short(report: pytest.TestReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    return " ".join(str(crash.message if crash else report.longrepr).split())[:300]


def _observed(items: list[pytest.Item], module: ModuleType) -> list[Test]:
    seen: set[int] = set()

    def line(code: CodeType, number: int) -> Any:
        seen.add(number)
        return sys.monitoring.DISABLE

    sys.monitoring.use_tool_id(TOOL, "mutation")
    sys.monitoring.register_callback(TOOL, sys.monitoring.events.LINE, line)
    for function in functions(module).values():
        for code in codes(function.__code__):
            sys.monitoring.set_local_events(TOOL, code, sys.monitoring.events.LINE)
    found: list[tuple[pytest.Item, Test]] = []
    shared: dict[str, float] = {}
    for item, nextitem in zip(items, [*items[1:], items[0]], strict=True):
        seen.clear()
        sys.monitoring.restart_events()
        began = time.process_time(), time.monotonic()
        reports = runtestprotocol(item, log=False, nextitem=nextitem)
        failed = [r for r in reports if r.failed]
        passed = not failed and any(r.when == "call" and r.passed for r in reports)
        set_up = next((r.duration for r in reports if r.when == "setup"), 0.0)
        key = _shared_set_up(item)
        shared[key] = max(shared.get(key, 0.0), set_up) if key else 0.0
        found.append((item, Test(item.nodeid, time.monotonic() - began[1], frozenset(seen), passed, _text(reports))))
    for item, test in found:
        test.cost += shared[_shared_set_up(item)]
    return [test for _, test in found]


def _text(reports: Iterable[pytest.TestReport]) -> str:
    return next((_short(r) for r in reports if r.failed), "skipped")


def _shared_set_up(item: pytest.Item) -> str:
    """The module whose fixture this test shares; a child has to set it up whichever of the tests it runs."""
    definitions = item._fixtureinfo.name2fixturedefs  # type: ignore[attr-defined]
    shares = any(d[-1].scope == "module" for d in definitions.values())
    return item.nodeid.split("::")[0] if shares else ""
