"""/healthz: this process answers. /readyz: the database, the broker and the migrations are what the code needs."""

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse


def healthz(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"ok": True})


def readyz(request: HttpRequest) -> JsonResponse:
    """503 names what is missing in words an operator can act on; no address, no version."""
    faults = [fault for fault in (database_fault(), broker_fault()) if fault]
    return JsonResponse({"ok": not faults, "faults": faults}, status=503 if faults else 200)


def database_fault() -> str:
    try:
        executor = MigrationExecutor(connection)
    except DatabaseError:
        return "database: does not answer"
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return f"database: {len(missing)} migrations are missing (manage.py migrate)" if missing else ""


def broker() -> redis.Redis:
    """A client of the broker with short patience."""
    url = settings.REDIS_URL
    if url.startswith("redis+socket://"):
        url = "unix://" + url.removeprefix("redis+socket://").split("?")[0]
    return redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1)


def broker_fault() -> str:
    try:
        client = broker()
        client.ping()
        client.close()
    except (redis.RedisError, OSError):
        return "broker: does not answer (work waits in the database; nothing is lost)"
    return ""
