"""Runs that take minutes stay out of the ordinary run: `-m chaos` (two minutes) and `-m soak` (`make soak`) ask for them."""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "chaos: pulls plugs for two minutes; .ci/run asks for it in a step of its own")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "chaos" in config.getoption("-m"):
        return
    left_out = [item for item in items if item.get_closest_marker("chaos")]
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=left_out)
