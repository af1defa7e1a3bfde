"""When web, worker and beat really answer: not when their processes exist."""

import time
from collections.abc import Callable

import requests
from celery import current_app

ASK_AGAIN_S = 0.25
SWEEP = "smartcare.sweep"


class NotReady(Exception):
    """Something does not answer in time; the text names it and what it said."""


def wait(what: str, question: Callable[[], str], *, until: float, between: Callable[[], None]) -> None:
    """Ask until the answer is '' (else it says what is missing). until: monotonic. between: raises if a program has ended.

    Raises NotReady.
    """
    while said := question():
        between()
        if time.monotonic() > until:
            raise NotReady(f"{what} is not ready: {said}")
        time.sleep(ASK_AGAIN_S)


def web(address: str) -> str:
    """What keeps /healthz or /readyz from saying yes; '' if nothing does."""
    for path in ("/healthz", "/readyz"):
        try:
            answer = requests.get(f"{address}{path}", timeout=5)
        except requests.RequestException as error:
            return f"{path}: {type(error).__name__}"
        if not answer.ok:
            return f"{path}: {answer.text[:300]}"
    return ""


def receiver(address: str) -> str:
    try:
        return "" if requests.get(f"{address}/received", timeout=5).ok else "it says no"
    except requests.RequestException as error:
        return type(error).__name__


def worker() -> str:
    return "" if current_app.control.ping(timeout=1.0) else "no worker answers a ping"


def beat() -> str:
    """Its first sweep has been run by the worker: both of them and the broker between them work."""
    stats = current_app.control.inspect(timeout=1.0).stats() or {}
    swept = sum(int(found.get("total", {}).get(SWEEP, 0)) for found in stats.values())
    return "" if swept else "no sweep has been run yet"
