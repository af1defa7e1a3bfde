"""What a question costs: its statements, the time of the database's answers, and the whole time; with percentiles."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections

WARM_UP = 3


@contextmanager
def counting(alias: str = DEFAULT_DB_ALIAS) -> Iterator[list[float]]:
    """Seconds of each statement on a connection; psycopg2 has fetched all rows when execute returns."""
    spent: list[float] = []

    def timed(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        began = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            spent.append(time.perf_counter() - began)

    with connections[alias].execute_wrapper(timed):
        yield spent


def percentiles(seconds: Sequence[float], digits: int = 3) -> dict[str, float]:
    """Milliseconds."""
    ordered = sorted(seconds)
    at = {
        name: ordered[min(len(ordered) - 1, int(len(ordered) * share))] for name, share in (("p50", 0.5), ("p99", 0.99))
    }
    return {f"{name}_ms": round(value * 1e3, digits) for name, value in at.items()}


def asked(ask: Callable[[], object], runs: int, alias: str = DEFAULT_DB_ALIAS) -> dict[str, Any]:
    """Statements of one call, and percentiles of the database's and the whole time; some first calls are not measured."""
    for _ in range(WARM_UP):
        ask()
    inside, whole = [], []
    with counting(alias) as spent:
        for _ in range(runs):
            spent.clear()
            began = time.perf_counter()
            ask()
            whole.append(time.perf_counter() - began)
            inside.append(sum(spent))
    return {"statements": len(spent), "database": percentiles(inside), "whole": percentiles(whole)}
