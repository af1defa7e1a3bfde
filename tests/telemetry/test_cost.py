"""What a report costs grows with the report, not with the installation, nor with how often its device sends one."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection
from django.test import override_settings
from django.utils import timezone

from telemetry import samples
from telemetry.ingest.memory import forget_everything
from telemetry.models import Device
from tests.cast import World
from tests.telemetry.ingest.senders import cpu, now, text
from tests.telemetry.watching import Reporter, analysed, job

pytestmark = pytest.mark.django_db

SPACING_S = 5


@pytest.fixture
def switch(world: World) -> Reporter:
    return Reporter.at(world.acme, "hq", "sw-1")


@pytest.fixture
def spaced() -> Iterator[None]:
    with override_settings(ANALYSIS_SPACING_S=SPACING_S):
        yield


def scans(kind: str, table: str) -> int:
    """How often this transaction has read tables of this name, or its days: 'seq_scan' whole, 'idx_scan' by an index."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT coalesce(sum({kind}), 0) FROM pg_stat_xact_user_tables WHERE relname ~ %s",  # noqa: S608 - our own word
            [f"^{table}$"],
        )
        return int(cursor.fetchone()[0])


# ---- the front door


@pytest.mark.parametrize(
    "table", ["telemetry_devicekey", "access_organization", "telemetry_device", "telemetry_report_[0-9]+"]
)
def test_when_a_report_is_accepted_then_no_table_of_the_installation_is_read_whole(switch: Reporter, table: str):
    switch.says()  # whatever is remembered by process is known now
    before = scans("seq_scan", table)

    switch.says()

    assert scans("seq_scan", table) == before


# ---- which days the analysis looks into


def days(category: str, since: int, until: int) -> str:
    """Names of the hot table's days, counted from today."""
    return "|".join(
        f"telemetry_{category}sample_{(timezone.now() + timedelta(days=day)):%Y%m%d}" for day in range(since, until)
    )


def test_given_news_of_today_when_it_is_analysed_then_no_earlier_day_is_looked_into(switch: Reporter):
    switch.says(at=now())
    earlier = f"({days('health', -6, -1)}|{days('traffic', -6, -1)})"
    before = scans("idx_scan", earlier) + scans("seq_scan", earlier)

    analysed()

    assert scans("idx_scan", earlier) + scans("seq_scan", earlier) == before
    assert switch.health.last_sample_at is not None


def test_given_a_report_with_a_sample_of_four_days_ago_when_it_is_analysed_then_that_sample_is_read_too(
    switch: Reporter,
):
    then = now() - timedelta(days=4)
    switch.says(cpu(0.1, t=text(then)), cpu(0.2), at=now())
    assert switch.flag is not None
    assert switch.flag.oldest == then

    analysed()

    assert (switch.flag, read_up_to_the_end(switch)) == (None, True)


def test_given_late_news_beside_that_of_today_when_another_report_comes_then_the_late_one_is_not_forgotten(
    switch: Reporter,
):
    then = now() - timedelta(days=4)
    switch.says(cpu(0.1), at=then)
    switch.says(cpu(0.2), at=now())

    assert switch.flag is not None
    assert switch.flag.oldest == then
    assert read(switch) == [0.1, 0.2]


def test_given_a_flag_that_does_not_say_how_old_its_news_is_when_it_is_read_then_every_day_is(switch: Reporter):
    switch.says(cpu(0.1), at=now() - timedelta(days=4))
    switch.changes_flag(oldest=None)
    switch.says(cpu(0.2), at=now())

    assert switch.flag is not None
    assert switch.flag.oldest is None
    assert read(switch) == [0.1, 0.2]


def read(switch: Reporter) -> list[float]:
    """What the worker would read of it now."""
    with job(switch.customer.pk):
        stay = Device.unscoped.get(pk=switch.device.pk).stay_number
        (news,) = samples.news({stay: 0}, devices=[switch.device.pk]).values()
    (data,) = news.health.series.values()
    return data.v.tolist()


def read_up_to_the_end(switch: Reporter) -> bool:
    with job(switch.customer.pk):
        stay = Device.unscoped.get(pk=switch.device.pk).stay_number
        return samples.news({stay: switch.state.read_up_to}) == {}


# ---- how often a device is analysed


def test_given_a_new_device_when_it_reports_for_the_first_time_then_it_is_analysed_at_once(
    switch: Reporter, spaced: None
):
    switch.says()

    assert analysed() == 1


def test_given_a_device_just_analysed_when_it_reports_again_then_that_waits_and_comes_as_one_block(
    switch: Reporter, spaced: None
):
    switch.says()
    analysed()

    switch.says()
    switch.says()

    assert analysed() == 0
    assert switch.flag is not None
    assert switch.flag.touched == 2
    assert timezone.now() < switch.flag.run_at <= timezone.now() + timedelta(seconds=SPACING_S)

    switch.is_due_now()
    assert analysed() == 1
    assert (switch.flag, read_up_to_the_end(switch)) == (None, True)


def test_given_a_device_analysed_a_while_ago_when_it_reports_then_it_is_analysed_at_once(
    switch: Reporter, spaced: None
):
    switch.says()
    analysed()
    switch.was_analysed(timezone.now() - timedelta(seconds=2 * SPACING_S))

    switch.says()

    assert analysed() == 1


def test_given_a_device_at_rest_when_it_reports_then_its_rest_is_not_cut_short(switch: Reporter, spaced: None):
    switch.says()
    later = timezone.now() + timedelta(hours=1)
    switch.changes_flag(run_at=later)

    switch.says()

    assert switch.flag is not None
    assert switch.flag.run_at == later


@pytest.fixture(autouse=True)
def _fresh_memory() -> None:
    forget_everything()
