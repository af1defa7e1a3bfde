from datetime import UTC, datetime, timedelta

import pytest

from telemetry.ingest import timing
from telemetry.ingest.batch import OTLP_METRICS, CanonicalBatch, DecodeError, DeviceReport, Event, Identity, Sample
from telemetry.ingest.formats import native
from tests.telemetry.ingest.messages import NATIVE_JSON, NOW, a_device, a_report, as_json, meta

SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
COUNTING_SINCE = NOW - 30 * DAY


def reported(sent_at=NOW, *, t=None, event_at=None, **device):
    """A report of one counter and one event, decoded and not yet corrected."""
    counter = {"m": "if.io", "i": "if/1", "v": 7, "start": COUNTING_SINCE.isoformat()}
    if t is not None:
        counter["t"] = t.isoformat()
    events = [{"id": "e1", "at": (event_at or sent_at).isoformat(), "text": "Fan failed"}]
    report = a_report(devices=[a_device(samples=[counter], events=events, **device)], sent_at=sent_at.isoformat())
    return native.decode(as_json(report), NATIVE_JSON)


def corrected(batch, *, clock=None, received_at=NOW):
    return timing.correct(batch, meta(source_clock=clock, received_at=received_at))


def times_of(batch):
    (device,) = batch.devices
    return [datetime.fromtimestamp(device.samples[0].t, UTC), datetime.fromtimestamp(device.events[0].at, UTC)]


@pytest.mark.parametrize("skew", [-300, -1, 0, 1, 300])
def test_given_a_clock_that_is_nearly_right_when_corrected_then_times_are_kept(skew):
    batch = reported(NOW - HOUR)

    after = corrected(batch, clock=NOW - skew * SECOND)

    assert after.devices == batch.devices
    assert not after.clock_adjusted
    assert not after.warnings


@pytest.mark.parametrize("skew", [-24 * 3600, -301, 301, 24 * 3600])
def test_given_a_clock_that_is_wrong_when_corrected_then_all_times_move_by_the_skew(skew):
    sent_at = NOW - HOUR - skew * SECOND  # made an hour ago, by that clock

    after = corrected(reported(sent_at), clock=NOW - skew * SECOND)

    assert times_of(after) == [NOW - HOUR, NOW - HOUR]
    assert after.sent_at == NOW - HOUR
    assert after.clock_adjusted
    assert [note.code for note in after.warnings] == ["clock_adjusted"]


def test_given_a_wrong_clock_when_corrected_then_the_mark_of_a_counter_stays_the_senders():
    after = corrected(reported(NOW - HOUR), clock=NOW - HOUR)

    assert after.devices[0].samples[0].start == COUNTING_SINCE.timestamp()


@pytest.mark.parametrize("skew", [-24 * 3600 - 1, 24 * 3600 + 1, 50 * 365 * 24 * 3600])
def test_given_a_dead_clock_when_corrected_then_the_time_of_receipt_counts_and_people_are_told(skew):
    after = corrected(reported(NOW - skew * SECOND), clock=NOW - skew * SECOND)

    assert times_of(after) == [NOW, NOW]
    assert after.sent_at == NOW
    told = after.devices[0].events[-1]
    assert (told.code, told.severity) == ("clock_unsync", "warning")


def test_given_a_dead_clock_when_it_reports_twice_a_day_then_people_are_told_once():
    first = corrected(reported(NOW - 400 * DAY), clock=NOW - 400 * DAY).devices[0].events[-1]
    later = NOW + 5 * HOUR
    second = corrected(reported(later - 400 * DAY), clock=later - 400 * DAY, received_at=later).devices[0].events[-1]

    assert first.dedupe_id == second.dedupe_id


def test_given_no_clock_header_when_the_report_is_old_then_it_is_late_and_not_wrong():
    after = corrected(reported(NOW - 3 * DAY))

    assert times_of(after) == [NOW - 3 * DAY, NOW - 3 * DAY]
    assert not after.clock_adjusted


def test_given_no_clock_header_when_the_report_is_from_the_future_then_its_clock_is_wrong():
    after = corrected(reported(NOW + HOUR))

    assert times_of(after) == [NOW, NOW]
    assert after.clock_adjusted


def test_given_a_report_of_seven_days_when_it_is_a_second_older_then_it_is_refused():
    assert corrected(reported(NOW - 7 * DAY)).counts.samples == 1

    with pytest.raises(DecodeError) as refusal:
        corrected(reported(NOW - 7 * DAY - SECOND, t=NOW))
    assert (refusal.value.status, refusal.value.code) == (400, "too_old")


def test_given_a_report_of_seven_days_by_a_wrong_clock_when_corrected_then_the_corrected_age_counts():
    sent_at = NOW - 7 * DAY - HOUR

    assert corrected(reported(sent_at), clock=NOW - 2 * HOUR).counts.samples == 1


def test_given_a_sample_of_seven_days_when_it_is_a_second_older_then_it_alone_is_rejected():
    assert corrected(reported(t=NOW - 7 * DAY)).rejected_total == 0

    after = corrected(reported(t=NOW - 7 * DAY - SECOND))

    assert [(note.code, note.path) for note in after.rejected] == [("too_old", "devices[0].samples[0]")]
    assert after.counts.samples == 0
    assert after.counts.events == 1


def test_given_an_event_five_minutes_ahead_when_it_is_a_second_more_then_it_alone_is_rejected():
    assert corrected(reported(event_at=NOW + 300 * SECOND)).rejected_total == 0

    after = corrected(reported(event_at=NOW + 301 * SECOND))

    assert [(note.code, note.path) for note in after.rejected] == [("in_future", "devices[0].events[0]")]
    assert after.counts.samples == 1


def test_given_a_native_report_when_every_item_is_too_old_then_it_is_refused():
    old = NOW - 8 * DAY

    with pytest.raises(DecodeError) as refusal:
        corrected(reported(t=old, event_at=old))
    assert (refusal.value.status, refusal.value.code) == (400, "too_old")


def test_given_refused_items_before_when_more_are_too_old_then_places_are_still_the_senders():
    old = (NOW - 8 * DAY).isoformat()
    samples = [{"m": "no.such", "v": 1}, {"m": "fan.speed", "v": 1}, {"m": "fan.speed", "v": 2, "t": old}]
    batch = native.decode(as_json(a_report(*samples)), NATIVE_JSON)

    after = corrected(batch)

    assert [note.path for note in after.rejected] == ["devices[0].samples[0].m", "devices[0].samples[2]"]
    assert after.devices[0].path_of_sample(0) == "devices[0].samples[1]"


def test_given_a_device_whose_own_clock_is_wrong_when_polled_then_its_events_move_and_people_are_told():
    device_clock = NOW - 2 * HOUR

    after = corrected(reported(event_at=device_clock - 60 * SECOND, clock=device_clock.isoformat()))

    sample_at, event_at = times_of(after)
    assert (sample_at, event_at) == (NOW, NOW - 60 * SECOND)
    assert after.devices[0].events[-1].code == "clock_unsync"


def test_given_a_device_whose_own_clock_is_nearly_right_when_polled_then_its_events_stay():
    batch = reported(event_at=NOW - HOUR, clock=(NOW - 300 * SECOND).isoformat())

    assert corrected(batch).devices == batch.devices


def test_given_an_inventory_of_tomorrow_when_corrected_then_it_is_kept_without_its_time():
    tomorrow = (NOW + DAY).isoformat()
    listed = {"complete": True, "at": tomorrow, "components": [{"id": "fan/1", "class": "fan"}]}

    (device,) = corrected(reported(inventory=listed)).devices

    assert device.inventory.at is None
    assert device.inventory.components[0].id == "fan/1"


def foreign(*times, sent_at=NOW):
    samples = tuple(Sample("fan.speed", "fan/1", (), "gauge", 1, None, t.timestamp()) for t in times)
    event = Event("e", times[0].timestamp(), "info", "", "", "x")
    device = DeviceReport("r1", Identity(), samples=samples, events=(event,), path="resourceMetrics[0]")
    return CanonicalBatch(OTLP_METRICS, None, b"", sent_at, (device,))


def test_given_a_format_without_a_clock_when_corrected_then_nothing_moves_and_limits_hold():
    after = corrected(foreign(NOW, NOW - 8 * DAY, NOW + HOUR, sent_at=NOW + HOUR), clock=NOW - HOUR)

    assert [sample.t for sample in after.devices[0].samples] == [NOW.timestamp()]
    assert [note.code for note in after.rejected] == ["too_old", "in_future"]


def test_given_a_format_without_a_clock_when_every_item_is_too_old_then_it_is_still_accepted():
    after = corrected(foreign(NOW - 8 * DAY, sent_at=NOW - 8 * DAY))

    assert after.counts.samples == 0
    assert after.rejected_total == 2


def test_given_items_at_both_edges_when_others_are_beyond_them_then_the_edges_are_kept():
    oldest, newest = NOW - 7 * DAY, NOW + 300 * SECOND

    after = corrected(foreign(oldest, newest, oldest - SECOND, newest + SECOND))

    assert [sample.t for sample in after.devices[0].samples] == [oldest.timestamp(), newest.timestamp()]
    assert [note.code for note in after.rejected] == ["too_old", "in_future"]


@pytest.mark.parametrize(
    ("sent_at", "key_at"),
    [
        (NOW - HOUR, NOW - HOUR),
        (NOW - 7 * DAY, NOW - 7 * DAY),
        (NOW + DAY, NOW + DAY),
        (NOW - 7 * DAY - SECOND, NOW.replace(hour=0, minute=0)),
        (NOW + DAY + SECOND, NOW.replace(hour=0, minute=0)),
        (datetime(1970, 1, 1, tzinfo=UTC), NOW.replace(hour=0, minute=0)),
        (None, NOW.replace(hour=0, minute=0)),
    ],
)
def test_when_the_identity_needs_a_time_then_it_is_the_reports_where_a_partition_may_exist(sent_at, key_at):
    assert timing.key_time(foreign(NOW, sent_at=sent_at), NOW) == key_at


@pytest.mark.parametrize("sent_at", [NOW - HOUR, NOW + HOUR, datetime(1970, 1, 1, tzinfo=UTC), None])
def test_when_a_report_is_sent_again_on_the_same_day_then_its_identity_has_the_same_time(sent_at):
    batch = foreign(NOW, sent_at=sent_at)

    assert timing.key_time(batch, NOW) == timing.key_time(batch, NOW + 20 * HOUR)


def test_when_times_are_corrected_then_the_identitys_time_is_the_one_before():
    after = corrected(reported(NOW + HOUR))

    assert after.key_at == NOW + HOUR
    assert after.sent_at == NOW
