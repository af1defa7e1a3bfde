"""/metrics in Prometheus text: for loopback or a token alone. Numbers of work and refusals, never of a tenant."""

import hmac
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.http import Http404, HttpRequest, HttpResponse
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest
from prometheus_client.core import GaugeMetricFamily

LOOPBACK = {"127.0.0.1", "::1", ""}  # "" is a Unix socket


class Queues:
    """Ages and sizes of the queues of record, read at each scrape."""

    def describe(self) -> list[GaugeMetricFamily]:
        """Nothing, so that registering asks the database nothing: a process must be importable without one."""
        return []

    def collect(self):  # type: ignore[no-untyped-def]  # prometheus_client's protocol
        ready = GaugeMetricFamily("smartcare_jobs_ready", "Work that waits or runs", labels=["kind"])
        dead = GaugeMetricFamily("smartcare_jobs_dead", "Work given up", labels=["kind"])
        oldest = GaugeMetricFamily(
            "smartcare_job_oldest_seconds", "Age of the oldest work that is due", labels=["kind"]
        )
        for kind, waiting, given_up, age in self._rows("SELECT kind, ready, dead, oldest_s FROM queue_ages()"):
            ready.add_metric([kind], waiting)
            dead.add_metric([kind], given_up)
            oldest.add_metric([kind], age)
        deliveries = GaugeMetricFamily("smartcare_deliveries", "Deliveries by state", labels=["state"])
        for state, count, _ in self._rows("SELECT state, deliveries, oldest_s FROM delivery_ages()"):
            deliveries.add_metric([state], count)
        yield from (ready, dead, oldest, deliveries)

    @staticmethod
    def _rows(query: str) -> list[tuple[Any, ...]]:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(query)
                return list(cursor.fetchall())
        except DatabaseError:
            return []  # a scrape must answer when the database does not; its absence is /readyz's matter


REGISTRY.register(Queues())


def metrics(request: HttpRequest) -> HttpResponse:
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    by_token = bool(settings.METRICS_TOKEN) and hmac.compare_digest(given.encode(), settings.METRICS_TOKEN.encode())
    forwarded = "X-Forwarded-For" in request.headers or "Forwarded" in request.headers
    if not by_token and (request.META.get("REMOTE_ADDR", "") not in LOOPBACK or forwarded):
        raise Http404
    return HttpResponse(generate_latest(REGISTRY), content_type=CONTENT_TYPE_LATEST)
