"""`-p tests.sabotage.witness`: notes which tests failed by their own doing, and what broke beside them."""

import json
import os
from pathlib import Path

import pytest

_failed: list[tuple[str, str]] = []
_errors: list[str] = []
_leaks: list[str] = []
_looked = 0


def pytest_configure() -> None:
    """Counts the answers that are searched for marked words, and the words found with those who may not have them."""
    from tests.matrix import canaries

    search = canaries.leaks

    def counted(actor: str, *chunks: bytes) -> set[str]:
        global _looked
        _looked += 1
        found = search(actor, *chunks)
        _leaks.extend(f"{actor} reads {word}" for word in sorted(found))
        return found

    canaries.leaks = counted


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if not report.failed:
        return
    if report.when == "call":
        _failed.append((report.nodeid, _first_words(report)))
    else:
        _errors.append(f"{report.nodeid}: {report.when}: {_first_words(report)}")


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.failed:
        _errors.append(f"{report.nodeid}: {report.longreprtext[-300:]}")


def pytest_sessionfinish() -> None:
    """Written here and not at the end of the process: what stops a server must not cost the report."""
    said = json.dumps({"failed": _failed, "errors": _errors, "leaks": _leaks, "looked": _looked})
    Path(os.environ["SABOTAGE_WITNESS"]).write_text(said)


def _first_words(report: pytest.TestReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    return (crash.message if crash else report.longreprtext).partition("\n")[0][:160]
