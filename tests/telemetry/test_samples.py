"""Tables of samples: what goes in comes out of every tier, for those who may see it, once."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from django.db import ProgrammingError, connection
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from access.models import Category
from access.principal import acting, job
from access.viewer import Viewer
from telemetry import retention, samples
from telemetry.analysis.facts import STATES, SeriesData
from telemetry.ingest import keys, limits, timing
from telemetry.ingest.accept import accept
from telemetry.ingest.answers import Receipt
from telemetry.ingest.batch import RequestMeta
from telemetry.ingest.formats import native
from telemetry.ingest.memory import forget_everything
from telemetry.models import Device
from telemetry.samples import codec, rates, rollups
from telemetry.samples.blocks import folded
from telemetry.samples.codec import Matrix
from telemetry.samples.series import Layouts
from telemetry.vocabulary import METRICS
from tests.cast import World
from tests.telemetry.ingest.senders import cpu, device_key, fan, octets, report

DAY = timedelta(days=1)


# ---- the codec


def matrix(v: Any, t: Any = None) -> Matrix:
    v = np.asarray(v, np.float64)
    times = np.arange(v.shape[0], dtype=np.int64) * 300_000_000 if t is None else np.asarray(t, np.int64)
    return Matrix(times, np.arange(v.shape[1], dtype=np.uint16), v)


def same(a: Matrix, b: Matrix) -> bool:
    """Bit for bit, but any NaN is a gap like any other."""
    gaps = np.isnan(a.v)
    return bool(
        (a.t == b.t).all()
        and (a.series == b.series).all()
        and (gaps == np.isnan(b.v)).all()
        and (a.v.view(np.int64)[~gaps] == b.v.view(np.int64)[~gaps]).all()
    )


@given(
    v=hnp.arrays(np.float64, hnp.array_shapes(min_dims=2, max_dims=2, max_side=12), elements=st.floats(width=64)),
    data=st.data(),
)
def test_whatever_is_encoded_comes_out_bit_for_bit(v: Any, data: st.DataObject) -> None:
    t = data.draw(hnp.arrays(np.int64, v.shape[0], elements=st.integers(-(2**62), 2**62)))

    (out,) = codec.decode(codec.encode([matrix(v, t)]))

    assert same(matrix(v, t), out)


@given(st.lists(st.decimals(-1_000_000, 1_000_000, places=4), min_size=1, max_size=50))
def test_short_decimals_come_out_as_they_were_written(numbers: list[Any]) -> None:
    v = np.array([[float(number)] for number in numbers])

    (out,) = codec.decode(codec.encode([matrix(v)]))

    assert (out.v == v).all()


def test_a_day_of_slow_readings_takes_less_than_two_bytes_a_sample() -> None:
    chance = np.random.default_rng(7)
    v = np.round(20 + np.cumsum(chance.normal(0, 0.1, (288, 35)), axis=0), 1)

    assert len(codec.encode([matrix(v)])) / v.size < 1.0


@pytest.mark.parametrize("data", [b"", b"nonsense", codec.encode([matrix([[1.0]])])[:-3]])
def test_bytes_that_are_no_block_are_refused_in_one_way(data: bytes) -> None:
    with pytest.raises(codec.Unreadable):
        codec.decode(data)


def test_given_one_series_and_time_in_two_parts_when_folded_then_the_first_stays() -> None:
    first, late = matrix([[1.0, np.nan]], [10]), matrix([[9.0, 2.0], [9.0, 3.0]], [10, 20])

    (out,) = folded([first, late])

    assert out.t.tolist() == [10, 20]
    assert out.v.tolist() == [[1.0, 2.0], [9.0, 3.0]]


def test_given_two_sets_of_series_when_folded_then_a_shared_series_keeps_its_first_value() -> None:
    first = Matrix(np.array([10]), np.array([1], np.uint16), np.array([[1.0]]))
    late = Matrix(np.array([10]), np.array([0, 1], np.uint16), np.array([[5.0, 9.0]]))

    values = {
        place: part.v[0, i]
        for part in folded([first, late])
        for i, place in enumerate(part.series.tolist())
        if not np.isnan(part.v[0, i])
    }

    assert values == {0: 5.0, 1: 1.0}


# ---- rates and hours


def counter(*values: float, bits: int = 64) -> SeriesData:
    return SeriesData(np.arange(len(values)) * 100.0, np.array(values), bits)


def test_a_counter_reads_as_increase_per_second() -> None:
    assert rates.of_counter(counter(0, 100, 300)).v.tolist() == [1.0, 2.0]


def test_given_a_reset_when_read_then_the_step_is_a_gap_and_never_negative() -> None:
    assert rates.of_counter(counter(500, 600, 10, 110)).v.tolist() == [1.0, 1.0]


def test_given_a_32_bit_counter_that_wrapped_when_read_then_the_increase_goes_on() -> None:
    assert rates.of_counter(counter(2**32 - 50, 50, bits=32)).v.tolist() == [1.0]


def test_given_a_new_start_when_read_then_the_counter_counts_from_there() -> None:
    starts = SeriesData(np.arange(2) * 100.0, np.array([-1000.0, 50.0]))

    assert rates.of_counter(counter(500, 600), starts).v.tolist() == [12.0]


def test_hours_come_out_as_they_went_in_to_seven_digits() -> None:
    figures = np.full((2, 4, 24), np.nan)
    figures[:, :, 3] = [[1.5, 2.5, 2.0, 12.0], [0.1, 0.3, 0.2, 3600.0]]

    out = rollups.decode(rollups.encode(rollups.Hours(np.array([0, 7], np.uint16), figures)))

    assert out.series.tolist() == [0, 7]
    np.testing.assert_allclose(out.figures, figures, rtol=1e-6)


def test_states_are_numbered_as_the_detectors_number_them() -> None:
    assert {name: METRICS[name].states for name in STATES} == dict(STATES)


def test_a_number_that_is_no_state_has_no_word() -> None:
    assert Layouts().word("fan.status", 17.0) is None


# ---- through the tables


@pytest.fixture(autouse=True)
def _fresh_memory() -> Iterator[None]:
    forget_everything()
    yield
    forget_everything()


@pytest.fixture
def switch(world: World) -> Device:
    return world.acme.installs("core switch", site="hq", serial="SN1")


class Agent:
    """Reports of one device, stored as the door would have stored them when they came."""

    def __init__(self, world: World, device: Device) -> None:
        self.sender = keys.find(device_key(world.acme, device).key, "header")

    def tells(self, *said: dict[str, Any], at: datetime) -> None:
        received = timezone.now()
        meta = RequestMeta("native", "application/json", received, limits.DEVICE)
        body = json.dumps(report(*said, at=at)).encode()
        (outcome,) = accept([(self.sender, timing.correct(native.decode(body, meta), meta))])
        assert isinstance(outcome, Receipt), outcome


@pytest.fixture
def agent(world: World, switch: Device) -> Agent:
    return Agent(world, switch)


def midnight(days_ago: int) -> datetime:
    return timezone.now().replace(hour=0, minute=0, second=0, microsecond=0) - days_ago * DAY


def read(viewer: Viewer, device: Device, metric: str, *place: Any, days: float = 7, step_s: int | None = 0) -> Any:
    end = timezone.now() + timedelta(minutes=1)
    with acting(viewer):
        return samples.readings(
            device, viewer, metric, *place, start=end - timedelta(days=days), end=end, step_s=step_s
        )


def count(table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM telemetry_{table}")
        return int(cursor.fetchone()[0])


pytest_db = pytest.mark.django_db


@pytest_db
def test_given_old_rows_when_compacted_then_they_read_the_same(world: World, switch: Device, agent: Agent) -> None:
    ada = world.acme.viewer()
    for hour in range(6):
        agent.tells(cpu(hour / 10), octets(hour * 3_600_000), fan("ok"), at=midnight(4) + timedelta(hours=hour))
    before = {m: read(ada, switch, m, *p) for m, p in SERIES.items()}

    assert samples.compact() == 2

    with job(world.acme.pk):
        assert (count("healthsample"), count("trafficsample"), count("healthblock")) == (0, 0, 1)
    for metric, place in SERIES.items():
        after = read(ada, switch, metric, *place)
        assert after.t.tolist() == before[metric].t.tolist()
        assert after.mean.tolist() == before[metric].mean.tolist()
    assert read(ada, switch, "if.io", *SERIES["if.io"]).mean.tolist() == [1000.0] * 5


SERIES: dict[str, tuple[Any, ...]] = {
    "device.cpu.utilization": ("cpu/1",),
    "fan.status": ("fan/1",),
    "if.io": ("if/Gi1/0/1", (("dir", "rx"),)),
}


@pytest_db
def test_given_rows_of_the_last_two_days_when_compacted_then_they_stay_hot(world: World, agent: Agent) -> None:
    agent.tells(cpu(), at=timezone.now() - timedelta(hours=30))

    assert samples.compact() == 0


@pytest_db
def test_given_a_block_when_a_late_sample_comes_then_it_is_read_at_once_and_folded_in_later(
    world: World, switch: Device, agent: Agent
) -> None:
    ada = world.acme.viewer()
    agent.tells(cpu(0.1), at=midnight(4))
    agent.tells(cpu(0.3), at=midnight(4) + timedelta(hours=2))
    samples.compact()

    agent.tells(cpu(0.2), at=midnight(4) + timedelta(hours=1))
    hot = read(ada, switch, "device.cpu.utilization", "cpu/1").mean.tolist()
    samples.compact()
    folded_in = read(ada, switch, "device.cpu.utilization", "cpu/1").mean.tolist()

    assert hot == folded_in == [0.1, 0.2, 0.3]


@pytest_db
def test_given_a_block_when_a_time_is_told_again_then_the_first_value_stays(
    world: World, switch: Device, agent: Agent
) -> None:
    agent.tells(cpu(0.1), at=midnight(4))
    samples.compact()
    agent.tells(cpu(0.9), at=midnight(4))
    hot = read(world.acme.viewer(), switch, "device.cpu.utilization", "cpu/1").mean.tolist()
    samples.compact()

    assert hot == read(world.acme.viewer(), switch, "device.cpu.utilization", "cpu/1").mean.tolist() == [0.1]


@pytest_db
def test_when_read_by_the_hour_then_rolled_up_days_and_hot_days_join(
    world: World, switch: Device, agent: Agent
) -> None:
    for at in (midnight(4), midnight(4) + timedelta(minutes=20), timezone.now() - timedelta(hours=2)):
        agent.tells(cpu(0.1 if at.minute == 20 else 0.3), at=at)
    samples.compact()

    found = read(world.acme.viewer(), switch, "device.cpu.utilization", "cpu/1", step_s=3_600)

    assert found.tier == "hours"
    np.testing.assert_allclose(found.mean, [0.2, 0.3], rtol=1e-6)
    np.testing.assert_allclose(found.least, [0.1, 0.3], rtol=1e-6)


@pytest_db
def test_when_read_by_day_then_hours_are_weighed(world: World, switch: Device, agent: Agent) -> None:
    for minutes, value in ((0, 0.2), (10, 0.2), (20, 0.2), (60, 0.6)):
        agent.tells(cpu(value), at=midnight(4) + timedelta(minutes=minutes))
    samples.compact()

    found = read(world.acme.viewer(), switch, "device.cpu.utilization", "cpu/1", step_s=86_400)

    np.testing.assert_allclose(found.mean, [0.3], rtol=1e-6)
    np.testing.assert_allclose(found.most, [0.6], rtol=1e-6)


@pytest_db
def test_given_a_step_when_read_then_each_point_says_least_mean_and_most(
    world: World, switch: Device, agent: Agent
) -> None:
    start = midnight(1)
    for minute, value in ((0, 0.1), (2, 0.3), (6, 0.5)):
        agent.tells(cpu(value), at=start + timedelta(minutes=minute))

    found = read(world.acme.viewer(), switch, "device.cpu.utilization", "cpu/1", step_s=300)

    assert found.t.tolist() == [start.timestamp(), start.timestamp() + 300]
    assert (found.least.tolist(), found.most.tolist()) == ([0.1, 0.5], [0.3, 0.5])
    np.testing.assert_allclose(found.mean, [0.2, 0.5])


@pytest_db
def test_given_a_partner_with_health_when_it_reads_traffic_then_there_is_nothing(
    world: World, switch: Device, agent: Agent
) -> None:
    agent.tells(cpu(), octets(1), at=timezone.now())
    with job(world.acme.pk):
        news = samples.news({switch.stay_number: 0})
        samples.keep_latest({stay: n.health for stay, n in news.items()}, Category.HEALTH)
        samples.keep_latest({stay: n.traffic for stay, n in news.items()}, Category.TRAFFIC)
    world.acme.shares("hq", with_=world.northwind)
    nora = world.northwind.viewer()

    with acting(nora):
        assert samples.latest([switch], nora, Category.HEALTH)
        assert not samples.latest([switch], nora, Category.TRAFFIC)
        assert not samples.series_of(switch, nora, Category.TRAFFIC)
    assert read(nora, switch, "device.cpu.utilization", "cpu/1").mean.tolist() == [0.25]
    assert read(nora, switch, "if.io", "if/Gi1/0/1", (("dir", "rx"),)) is None


@pytest_db
def test_given_a_partner_without_a_grant_when_it_reads_then_there_is_nothing(
    world: World, switch: Device, agent: Agent
) -> None:
    agent.tells(cpu(), at=timezone.now())

    assert read(world.rival.viewer(), switch, "device.cpu.utilization", "cpu/1") is None


@pytest_db
@pytest.mark.parametrize("table", ["healthsample", "trafficsample", "healthlayout", "healthblock", "healthlatest"])
def test_given_no_principal_when_a_table_of_samples_is_read_then_it_is_empty(agent: Agent, table: str) -> None:
    agent.tells(cpu(), at=timezone.now())

    assert count(table) == 0


@pytest_db
@pytest.mark.parametrize("table", ["report", "healthsample", "trafficsample"])
def test_when_the_application_writes_samples_by_itself_then_it_is_refused(world: World, table: str) -> None:
    with pytest.raises(ProgrammingError), job(world.acme.pk), connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM telemetry_{table}")


@pytest_db
def test_given_another_customers_job_when_it_takes_hot_rows_then_it_gets_none(
    world: World, switch: Device, agent: Agent
) -> None:
    agent.tells(cpu(), at=midnight(4))

    with job(world.globex.pk), connection.cursor() as cursor:
        cursor.execute("SELECT * FROM take_hot_health(%s, %s)", [[switch.stay_number], midnight(4).date()])
        assert cursor.fetchall() == []


@pytest_db
def test_when_a_late_sample_comes_then_the_newest_value_stays(world: World, switch: Device, agent: Agent) -> None:
    agent.tells(cpu(0.9), fan("failed"), at=timezone.now())
    with job(world.acme.pk):
        news = samples.news({switch.stay_number: 0})[switch.stay_number]
        samples.keep_latest({switch.stay_number: news.health}, Category.HEALTH)

    agent.tells(cpu(0.1), at=timezone.now() - timedelta(hours=1))
    ada = world.acme.viewer()
    with job(world.acme.pk):
        late = samples.news({switch.stay_number: news.up_to})[switch.stay_number]
        samples.keep_latest({switch.stay_number: late.health}, Category.HEALTH)

    with acting(ada):
        found = {r.key.metric: (r.value, r.state) for r in samples.latest([switch], ada, Category.HEALTH)[switch.pk]}
    assert found == {"device.cpu.utilization": (0.9, None), "fan.status": (2.0, "failed")}


@pytest_db
def test_given_more_news_than_one_call_holds_when_read_on_then_nothing_is_missed(
    world: World, switch: Device, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(400):
        agent.tells(cpu(n / 1000), at=midnight(1) + timedelta(minutes=n))

    seen: list[float] = []
    cursor, more = 0, True
    with job(world.acme.pk):
        while more:
            news = samples.news({switch.stay_number: cursor})[switch.stay_number]
            seen += next(iter(news.health.series.values())).v.tolist()
            cursor, more = news.up_to, news.more

    assert seen == [n / 1000 for n in range(400)]


# ---- retention


@pytest_db
def test_partitions_reach_from_eight_days_back_to_three_ahead(db: None) -> None:
    assert retention.make_partitions() == []

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT right(c.relname, 8) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
            " WHERE i.inhparent = 'telemetry_report'::regclass ORDER BY 1"
        )
        days = [row[0] for row in cursor.fetchall()]
    today = timezone.now().date()
    assert {(today + timedelta(days=n)).strftime("%Y%m%d") for n in range(-8, 4)} <= set(days)


def make_partition(behind: Any, table: str, days_ago: int) -> str:
    day = timezone.now().date() - timedelta(days=days_ago)
    name = f"telemetry_{table}_{day:%Y%m%d}"
    behind.execute("SET ROLE sc_owner; SET timezone = 'UTC'")
    behind.execute(f"CREATE TABLE {name} PARTITION OF telemetry_{table} FOR VALUES FROM ('{day}') TO ('{day + DAY}')")
    behind.execute("RESET ROLE")
    return name


@pytest.mark.django_db(transaction=True)
def test_old_identities_go_after_thirty_days_and_samples_only_once_they_are_compacted(behind: Any) -> None:
    kept = make_partition(behind, "report", 30)
    gone = make_partition(behind, "report", 31)
    empty = make_partition(behind, "healthsample", 12)
    full = make_partition(behind, "healthsample", 13)
    behind.execute(
        "INSERT INTO telemetry_healthsample (stay, at, received, layout, values, customer_id)"
        " VALUES (1, current_date - 13, 1, 1, '', gen_random_uuid())"
    )
    try:
        dropped = retention.drop_partitions()
    finally:
        for name in (kept, full):
            behind.execute(f"DROP TABLE {name}")

    assert set(dropped) == {gone, empty}


@pytest.mark.django_db(transaction=True)
def test_partitions_answer_nobody_by_their_own_name(behind: Any) -> None:
    name = f"telemetry_healthsample_{timezone.now().date():%Y%m%d}"

    with connection.cursor() as cursor, pytest.raises(ProgrammingError, match="permission denied"):
        cursor.execute(f"SELECT * FROM {name}")
