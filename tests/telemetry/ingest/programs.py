"""Programs of other makers that tests run: from the system, never from us."""

import os
import shutil

import pytest


def program(name: str, *, package: str = "") -> str:
    """Its path. Without it the test is skipped with a hint, or fails where REQUIRE_CLIENTS is set (as in `make check`)."""
    found = shutil.which(name)
    if found is not None:
        return found
    text = f"no {name}: apt-get install {package or name}"
    if os.environ.get("REQUIRE_CLIENTS"):
        pytest.fail(text)
    pytest.skip(text)
