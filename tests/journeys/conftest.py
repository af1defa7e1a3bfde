"""What every journey needs: the product at an address, with and without scripts, and a line about how long it took."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.browsing import server


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "/journeys/" in str(item.path):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def running(django_db_setup: None) -> Iterator[str]:
    """Outlives the tests; each brings its own world."""
    with server() as url:
        yield url


@pytest.fixture
def address(running: str, settings: Any) -> str:
    """Where the product is, also for the links in its mails."""
    settings.PUBLIC_URL = running
    return running


@pytest.fixture(params=[True, False], ids=["with scripts", "without scripts"])
def js(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Clicks and seconds of the journeys that measured them."""
    reports = [r for r in terminalreporter.stats.get("passed", []) if r.when == "call"]
    lines = [str(value) for report in reports for name, value in report.user_properties if name == "journey"]
    if lines:
        terminalreporter.section("journeys")
        for line in sorted(lines):
            terminalreporter.write_line(line)
