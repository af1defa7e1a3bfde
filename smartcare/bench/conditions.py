"""The conditions every benchmark prints with its figures: without them a figure says nothing."""

import os
import platform
from collections.abc import Sequence
from typing import Any

import django
import psycopg2

from smartcare.bench import store
from smartcare.bench.cost import processor


def conditions(load_before: Sequence[float], **own: Any) -> dict[str, Any]:
    """Machine, versions and settings now, and what the benchmark has of its own. load_before: os.getloadavg() at its start."""
    with store.owner() as cursor:
        database = store.settings_of(cursor)
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "load_average_before": round(load_before[0], 2),
        "load_average_after": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "django": django.get_version(),
        "psycopg2": psycopg2.__version__.split()[0],
        "database": database,
        **own,
    }
