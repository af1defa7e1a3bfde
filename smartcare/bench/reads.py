"""What people's questions cost the database: newest values of a device, a week of one series, ninety days of one series.

Asked as a page asks, for a person of the customer under row-level security, of days that lie in blocks and hours.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import numpy as np
from django.db import connection
from django.utils import timezone

from access.models import Category, Membership
from access.principal import acting, job, principal
from access.viewer import Viewer
from smartcare.bench.asking import asked
from telemetry import samples
from telemetry.models import Device
from telemetry.samples.past import Past, keep_day
from telemetry.samples.series import COUNTERS, START, STATE, Series, layouts_of
from telemetry.samples.tables import TABLES

STEP_S: Final = 300
DAYS: Final = 90
DEVICES: Final = 5
RUNS: Final = 60
SERIES: Final = ("if.io", "if/Gi1/0/1", (("dir", "rx"),))
"""A counter: to be shown it must become a rate, which costs more than a gauge."""


def measure(customer: UUID, say: Callable[[str], None], *, days: int = DAYS, runs: int = RUNS) -> dict[str, Any]:
    """Milliseconds by question. The customer's first devices get a past first; their series must be known."""
    say(f"a past of {days} days")
    boss, device = _boss_and_device(customer)
    _make_past(customer, days)
    now = timezone.now()
    questions: dict[str, Callable[[], object]] = {
        "latest_of_a_device": lambda: samples.latest([device], boss, Category.HEALTH)[device.pk],
        "chart_of_7_days": lambda: _readings(device, boss, now - timedelta(days=7), now),
        "hours_of_90_days": lambda: _readings(device, boss, now - timedelta(days=days), now, step_s=21_600),
    }
    with acting(boss):
        return {name: asked(ask, runs) for name, ask in questions.items()}


def _readings(device: Device, boss: Viewer, start: datetime, end: datetime, step_s: int | None = None) -> object:
    metric, instance, labels = SERIES
    found = samples.readings(device, boss, metric, instance, labels, start=start, end=end, step_s=step_s)
    if found is None or found.t.size < 2:
        raise ValueError("the readings that were to be measured are not there")
    return found


def _boss_and_device(customer: UUID) -> tuple[Viewer, Device]:
    with job(customer):
        device = Device.unscoped.filter(customer=customer).order_by("stay_number").select_related("site")[0]
        owner = Membership.objects.filter(organization=customer).values_list("user", flat=True)[0]
    with principal(kind="login", user=owner):
        membership = Membership.objects.select_related("organization", "user").get(user=owner, organization=customer)
        return Viewer.of_membership(membership), device


def _make_past(customer: UUID, days: int) -> None:
    """Days that ended before the hot tier begins, each device's series as it reported them, values that move a little."""
    today = timezone.now().astimezone(UTC).date()
    with job(customer), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        chosen = Device.unscoped.filter(customer=customer).order_by("stay_number").values_list("stay_number", flat=True)
        stays = list(chosen[:DEVICES])
        known = {stay: _series(stay) for stay in stays}
        news = samples.news(dict.fromkeys(stays, 0))
        samples.keep_latest({stay: one.health for stay, one in news.items()}, Category.HEALTH)
    chance = np.random.default_rng(1)
    counted = {stay: np.full(len(series), 1e7) for stay, series in known.items()}
    for ago in range(days, 2, -1):
        day = today - timedelta(days=ago)
        told = {stay: _day(day, series, counted[stay], chance) for stay, series in known.items()}
        with job(customer):
            keep_day(customer, day, told)


def _series(stay: int) -> list[Series]:
    known = [layouts_of(tables, [stay]).get(stay) for tables in TABLES.values()]
    return [series for layouts in known if layouts is not None for series in layouts.every if series.kind != START]


def _day(day: date, series: list[Series], counted: np.ndarray, chance: np.random.Generator) -> Past:
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
    t = midnight + STEP_S * np.arange(86_400 // STEP_S, dtype=np.float64)
    v = np.round(30 + np.cumsum(chance.normal(0, 0.05, (t.size, len(series))), axis=0), 1)
    for column, one in enumerate(series):
        if one.kind == STATE:
            v[:, column] = 0
        elif one.kind in COUNTERS:
            v[:, column] = counted[column] + np.cumsum(np.floor(chance.uniform(1e6, 4e8, t.size)))
            counted[column] = v[-1, column]
    return Past(series, t, v)
