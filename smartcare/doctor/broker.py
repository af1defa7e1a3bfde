"""Valkey or Redis, and who listens there. It may be flushed at any time; it must not forget on its own."""

from collections.abc import Iterator

import redis
from celery import current_app

from smartcare.celery import QUEUES
from smartcare.doctor.findings import Finding, fault, good, note
from smartcare.health import broker

ASK_FOR_S = 1.0
OLDEST = 7


def answers() -> Iterator[Finding]:
    client = broker()
    try:
        client.ping()
        told = client.info()
        policy = str(told.get("maxmemory_policy", ""))
    except (redis.RedisError, OSError) as error:
        yield fault(
            "broker",
            f"does not answer: {type(error).__name__}",
            "start Valkey or Redis, or correct REDIS_URL; work waits in the database meanwhile, nothing is lost",
        )
        return
    finally:
        client.close()
    yield from _server(str(told.get("redis_version", "0")), policy)
    yield from _workers()


def _server(version: str, policy: str) -> Iterator[Finding]:
    if int(version.split(".")[0] or 0) < OLDEST:
        yield note("broker", f"speaks as version {version}", "use Valkey 8 or newer, or Redis 7 or newer")
    if policy not in {"noeviction", ""}:
        yield fault(
            "broker",
            f"throws messages away when it is full (maxmemory-policy {policy})",
            "set maxmemory-policy noeviction",
        )
        return
    yield good("broker", "answers and forgets nothing by itself")


def _workers() -> Iterator[Finding]:
    found = current_app.control.inspect(timeout=ASK_FOR_S).active_queues() or {}
    served = {queue["name"] for queues in found.values() for queue in queues}
    missing = [queue for queue in QUEUES.split(",") if queue not in served]
    if missing:
        yield note(
            "workers",
            f"{len(found)} answer; nobody works on {', '.join(missing)}",
            f"start celery -A smartcare worker -Q {QUEUES}",
        )
    else:
        yield good("workers", f"{len(found)} answer, every queue is worked on")
