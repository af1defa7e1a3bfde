import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.ingest.limits import COLLECTOR, DEVICE, DEVICE_PACE, MIB, Pace, TokenBuckets, collector_pace


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def admitted(buckets, key, pace, tries):
    return sum(buckets.admit(key, pace) for _ in range(tries))


def test_when_the_published_limits_are_asked_for_then_they_are_these():
    assert MIB == 1_048_576
    assert (DEVICE.wire_bytes, DEVICE.body_bytes) == (MIB, 8 * MIB)
    assert (COLLECTOR.wire_bytes, COLLECTOR.body_bytes) == (8 * MIB, 32 * MIB)
    assert (DEVICE.devices_kept, DEVICE.samples, DEVICE.events) == (1, 5_000, 1_000)
    assert (COLLECTOR.devices_kept, COLLECTOR.samples, COLLECTOR.events) == (500, 50_000, 5_000)
    assert (DEVICE.bodies_at_once, COLLECTOR.bodies_at_once) == (2, 4)
    for both in (DEVICE, COLLECTOR):
        assert (both.components, both.labels, both.label_chars, both.text_chars) == (5_000, 8, 64, 4_000)
        assert (both.json_depth, both.otlp_depth, both.xml_depth, both.xml_elements) == (8, 24, 64, 20_000)
        assert (both.callhome_wire_bytes, both.inflation, both.inflation_free_bytes) == (8 * MIB, 100, MIB)
        assert (both.rejections_listed, both.devices) == (100, 500)
        assert both.json_values == 24 * both.samples


def test_when_a_body_is_compressed_then_it_may_become_a_hundred_times_as_large_up_to_the_limit():
    assert DEVICE.inflated_bytes(1) == MIB
    assert DEVICE.inflated_bytes(20_000) == 2_000_000
    assert DEVICE.inflated_bytes(MIB) == 8 * MIB


@pytest.mark.parametrize(("pace", "burst"), [(DEVICE_PACE, 30), (collector_pace(0), 200), (collector_pace(500), 200)])
def test_given_a_rested_sender_when_it_comes_many_times_at_once_then_its_burst_is_admitted(clock, pace, burst):
    assert admitted(TokenBuckets(clock), "key", pace, burst + 50) == burst


def test_given_a_spent_bucket_when_time_passes_then_it_fills_at_its_rate(clock):
    buckets = TokenBuckets(clock)
    admitted(buckets, "key", DEVICE_PACE, 30)

    clock.now += 0.9
    early = buckets.admit("key", DEVICE_PACE)
    clock.now += 0.1
    in_time = admitted(buckets, "key", DEVICE_PACE, 5)
    clock.now += 3600
    rested = admitted(buckets, "key", DEVICE_PACE, 50)

    assert (early, in_time, rested) == (False, 1, 30)


def test_given_a_noisy_key_when_another_comes_then_that_one_is_admitted(clock):
    buckets = TokenBuckets(clock)

    admitted(buckets, "noisy", DEVICE_PACE, 1000)

    assert buckets.admit("quiet", DEVICE_PACE)


def test_when_a_collector_has_more_devices_then_it_may_come_more_often():
    assert collector_pace(0).rate == 10
    assert collector_pace(500).rate == 60


def test_given_a_clock_that_stands_still_when_refused_often_then_refusals_cost_nothing_later(clock):
    buckets = TokenBuckets(clock)
    admitted(buckets, "key", DEVICE_PACE, 10_000)

    clock.now += 1

    assert buckets.admit("key", DEVICE_PACE)


def test_given_many_keys_when_they_have_rested_then_they_are_forgotten(clock):
    buckets = TokenBuckets(clock, remembered=10)
    for number in range(10):
        buckets.admit(number, DEVICE_PACE)
    admitted(buckets, "spent", DEVICE_PACE, 30)
    clock.now += 5

    buckets.admit("new", DEVICE_PACE)

    assert set(buckets._full_at) == {"spent", "new"}
    assert admitted(buckets, "spent", DEVICE_PACE, 30) == 5


def test_when_many_threads_come_at_once_then_no_token_is_given_twice(clock):
    buckets = TokenBuckets(clock)
    got = []
    threads = [
        threading.Thread(target=lambda: got.append(admitted(buckets, "key", collector_pace(0), 100))) for _ in range(8)
    ]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(got) == 200


def test_given_a_request_that_is_being_counted_when_another_comes_then_it_waits_for_its_turn(clock):
    counted, go_on = threading.Event(), threading.Event()
    got = []

    class SlowKey:
        """Looked up slowly: its bucket is being read while the other request comes."""

        def __hash__(self):
            counted.set()
            go_on.wait(10)
            return 1

    buckets = TokenBuckets(clock)
    first = threading.Thread(target=lambda: got.append(("first", buckets.admit(SlowKey(), DEVICE_PACE))))
    second = threading.Thread(target=lambda: got.append(("second", buckets.admit("key", DEVICE_PACE))))
    first.start()
    counted.wait(10)
    second.start()
    second.join(0.2)
    alone = list(got)
    go_on.set()
    for thread in (first, second):
        thread.join(10)

    assert alone == []
    assert got == [("first", True), ("second", True)]


@given(st.lists(st.floats(0, 10), max_size=60), st.floats(0.1, 50), st.integers(1, 20))
def test_when_requests_come_in_any_rhythm_then_no_more_than_burst_and_rate_are_admitted(waits, rate, burst):
    clock = Clock()
    buckets, pace = TokenBuckets(clock), Pace(rate, burst)
    began, count = clock.now, 0

    for wait in waits:
        clock.now += wait
        count += buckets.admit("key", pace)

    assert count <= burst + (clock.now - began) * rate + 1e-6
