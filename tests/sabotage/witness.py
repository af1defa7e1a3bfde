"""`-p tests.sabotage.witness`: notes which tests failed by their own doing, and what broke beside them."""

import json
import os
from pathlib import Path

import pytest

_failed: list[tuple[str, str]] = []
_errors: list[str] = []


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
    Path(os.environ["SABOTAGE_WITNESS"]).write_text(json.dumps({"failed": _failed, "errors": _errors}))


def _first_words(report: pytest.TestReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    return (crash.message if crash else report.longreprtext).partition("\n")[0][:160]
