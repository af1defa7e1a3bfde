"""The servers of the test run: `-p tests.stack` starts them before pytest-django reads the settings.

Workers of pytest-xdist inherit the addresses and start nothing. Not durable, in a folder that is gone afterwards.
"""

import contextlib
import os
import signal
from collections.abc import Generator
from types import FrameType

import pytest

from smartcare import devstack
from smartcare.devstack import environment

_started: list[devstack.Server] = []
_undo = contextlib.ExitStack()


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Like Ctrl-C: pytest then ends in order, and the servers with it."""
    raise KeyboardInterrupt


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests() -> Generator[None]:
    """A wrapper runs before pytest-django's own hook, which reads the settings."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        signal.signal(signal.SIGTERM, _interrupt)
        environment.complete(os.environ)
        try:
            data = _undo.enter_context(devstack.throw_away())
            _started.extend(_undo.enter_context(devstack.servers(data, durable=False, env=os.environ)))
        except devstack.StackError as error:
            _undo.close()
            raise pytest.UsageError(str(error)) from None
    try:
        return (yield)
    except BaseException:  # settings or a conftest that cannot be loaded: pytest_unconfigure will not be called
        _undo.close()
        raise


def pytest_report_header() -> str:
    if not _started:
        return "servers: those of DATABASE_URL and REDIS_URL"
    return "servers: " + ", ".join(f"{server.name} {server.started_in_s:.2f} s" for server in _started)


def pytest_unconfigure() -> None:
    _undo.close()
