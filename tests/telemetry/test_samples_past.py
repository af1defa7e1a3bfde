"""Readings of days before a device was known: they read like any others, and leave what comes later alone."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

from access.principal import job
from telemetry import samples
from telemetry.analysis.facts import SeriesKey
from telemetry.ingest.memory import forget_everything
from telemetry.models import Device
from telemetry.samples import past
from telemetry.samples.series import Series
from tests.cast import World
from tests.telemetry.ingest.senders import cpu, octets
from tests.telemetry.test_samples import Agent, midnight, read

pytestmark = pytest.mark.django_db
CPU = Series(SeriesKey("device.cpu.utilization", "cpu/1"), "gauge")
RX = Series(SeriesKey("if.io", "if/Gi1/0/1", (("dir", "rx"),)), "counter")
NEVER_REPORTED = Series(SeriesKey("fan.speed", "fan/9"), "gauge")


@pytest.fixture(autouse=True)
def _fresh_memory() -> Iterator[None]:
    forget_everything()
    yield
    forget_everything()


@pytest.fixture
def switch(world: World) -> Device:
    """Has reported once, today: its series are known."""
    device = world.acme.installs("core switch", site="hq", serial="SN1")
    Agent(world, device).tells(cpu(0.9), octets(10), at=midnight(0))
    return device


def keep(world: World, device: Device, day: datetime, **columns: Any) -> None:
    """Hourly readings of a day; series by their short names."""
    names = {"cpu": CPU, "rx": RX, "strange": NEVER_REPORTED}
    hours = len(next(iter(columns.values())))
    readings = past.Past(
        [names[name] for name in columns],
        day.timestamp() + np.arange(hours) * 3600.0,
        np.array(list(columns.values()), float).T,
    )
    with job(world.acme.pk):
        past.keep_day(world.acme.pk, day.date(), {device.stay_number: readings})


def test_when_a_day_long_ago_is_kept_then_it_reads_as_it_was(world: World, switch: Device) -> None:
    keep(world, switch, midnight(30), cpu=[0.1, 0.2, 0.3], rx=[0, 3_600_000, 7_200_000])
    ada = world.acme.viewer()

    fine = read(ada, switch, "device.cpu.utilization", "cpu/1", days=31)
    rates = read(ada, switch, "if.io", "if/Gi1/0/1", (("dir", "rx"),), days=31)
    by_hour = read(ada, switch, "device.cpu.utilization", "cpu/1", days=31, step_s=10_800)

    assert fine.mean.tolist()[:3] == [0.1, 0.2, 0.3]
    assert rates.mean.tolist()[:2] == [1000.0, 1000.0]
    assert by_hour.mean[0] == pytest.approx(0.2)


def test_given_the_day_before_when_the_next_is_kept_then_a_counter_goes_on_over_midnight(
    world: World, switch: Device
) -> None:
    keep(world, switch, midnight(30), rx=[hour * 3_600_000 for hour in range(24)])
    keep(world, switch, midnight(29), rx=[hour * 3_600_000 for hour in range(24, 48)])

    hours = read(world.acme.viewer(), switch, "if.io", "if/Gi1/0/1", (("dir", "rx"),), days=31, step_s=86_400)

    assert hours.mean.tolist()[:2] == [1000.0, 1000.0]


def test_when_the_same_day_is_kept_again_then_the_later_telling_counts(world: World, switch: Device) -> None:
    keep(world, switch, midnight(30), cpu=[0.1])
    keep(world, switch, midnight(30), cpu=[0.4])

    assert read(world.acme.viewer(), switch, "device.cpu.utilization", "cpu/1", days=31).mean.tolist()[0] == 0.4


def test_given_a_series_that_was_never_reported_when_kept_then_it_is_left_out(world: World, switch: Device) -> None:
    keep(world, switch, midnight(30), cpu=[0.1], strange=[4_000.0])
    ada = world.acme.viewer()

    assert read(ada, switch, "device.cpu.utilization", "cpu/1", days=31).mean.tolist()[0] == 0.1
    assert read(ada, switch, "fan.speed", "fan/9", days=31) is None


def test_given_rows_of_the_same_day_that_are_still_hot_when_compacted_then_both_are_kept(
    world: World, switch: Device
) -> None:
    keep(world, switch, midnight(4), cpu=[0.1, 0.2])
    Agent(world, switch).tells(cpu(0.3), at=midnight(4) + timedelta(hours=5))

    samples.compact()

    found = read(world.acme.viewer(), switch, "device.cpu.utilization", "cpu/1").mean.tolist()
    assert found == [0.1, 0.2, 0.3, 0.9]


def test_when_kept_then_no_other_customer_reads_it(world: World, switch: Device) -> None:
    keep(world, switch, midnight(30), cpu=[0.1])

    assert read(world.globex.viewer(), switch, "device.cpu.utilization", "cpu/1", days=31) is None
