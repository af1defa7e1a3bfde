"""What gets into a log line, and what does not."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from smartcare import log

SECRET = "k7Qm2v9xR4tY8wZ1pL5nB3cD6fG0hJ_-"


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What production would write; the tests' own logging is put back afterwards."""
    root, before = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers[:], root.level
    written = io.StringIO()
    monkeypatch.setattr("sys.stderr", written)
    log.configure(debug=False)
    yield written
    root.handlers[:], _ = handlers, root.setLevel(level)
    structlog.configure(**before)


def last(written: io.StringIO) -> dict[str, Any]:
    return dict(json.loads(written.getvalue().splitlines()[-1]))


def fails(error: Exception) -> None:
    raise error


@pytest.mark.parametrize("logger", [structlog.get_logger("ours"), logging.getLogger("a.library")])
def test_when_an_exception_is_logged_then_kind_cause_and_place_are_told(lines: io.StringIO, logger: Any) -> None:
    try:
        try:
            fails(TypeError("int is not iterable"))
        except TypeError as cause:
            raise RuntimeError("of the device") from cause
    except RuntimeError:
        logger.exception("it.failed")

    said = last(lines)
    assert said["event"] == "it.failed"
    assert said["exception"] == "RuntimeError < TypeError: int is not iterable"
    assert said["trace"][-1].startswith("tests/smartcare/test_log.py:")
    assert "exc_info" not in said


def test_when_an_exception_quotes_what_a_device_sent_then_the_line_does_not(lines: io.StringIO) -> None:
    try:
        int("canary-acme-hq-health")
    except ValueError:
        structlog.get_logger("ours").exception("it.failed")

    assert "canary" not in lines.getvalue()
    assert last(lines)["exception"] == "ValueError"


@pytest.mark.parametrize(
    "path",
    [
        f"/ingest/callhome/v1/scd_abcdefgh2345_{SECRET}",
        f"/ingest/callhome/v1/scd%5Fabcdefgh2345%5f{SECRET}",
        f"/ingest/openwisp/?key=scd_abcdefgh2345_{SECRET}&time=1",
        f"/ingest/openwisp/?time=1&key={SECRET}",
        f"/?token={SECRET}",
    ],
)
def test_when_a_key_travels_in_an_address_then_its_secret_is_in_no_line(lines: io.StringIO, path: str) -> None:
    structlog.get_logger("ours").warning("refused", path=path)
    logging.getLogger("a.library").warning("Not Found: %s", path)

    said = lines.getvalue()
    assert SECRET not in said
    assert ("abcdefgh2345" in said) == ("abcdefgh2345" in path)
