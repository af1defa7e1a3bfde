"""A child of the test process that runs the product's own code until a failpoint ends it, as a power cut would."""

import contextlib
import importlib
import os
import traceback
from collections.abc import Callable

from celery import Celery
from django.db import connections

from access import failpoints


def dies_at(place: str, act: Callable[[], object]) -> None:
    """`act` runs in a process with connections of its own; it must reach `place`, and nothing after it happens."""
    connections.close_all()  # neither process may speak on the other's connection
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            _run(place, act)
        os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == failpoints.DIED, f"{place} was not reached"


def _run(place: str, act: Callable[[], object]) -> None:
    os.environ |= {failpoints.PLACE: place, failpoints.WANTED: "1"}
    importlib.reload(failpoints)  # the function that everybody has imported reads the module anew
    Celery("of the child", broker="memory://", set_as_current=False).set_current()
    try:
        act()
    except BaseException:
        traceback.print_exc()
        raise
