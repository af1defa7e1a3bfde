from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.ingest import rfc3339


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-24T02:20:03Z", datetime(2026, 11, 24, 2, 20, 3, tzinfo=UTC)),
        ("2026-11-24t02:20:03.120z", datetime(2026, 11, 24, 2, 20, 3, 120_000, UTC)),
        ("2026-11-24 02:20:03.123456789Z", datetime(2026, 11, 24, 2, 20, 3, 123_456, UTC)),
        ("2026-11-24T03:50:03+01:30", datetime(2026, 11, 24, 2, 20, 3, tzinfo=UTC)),
        ("2026-11-23T22:20:03-04:00", datetime(2026, 11, 24, 2, 20, 3, tzinfo=UTC)),
        ("2016-12-31T23:59:60Z", datetime(2017, 1, 1, tzinfo=UTC)),
    ],
)
def test_when_a_time_is_written_as_the_standard_says_then_it_is_read(text, moment):
    assert rfc3339.parse(text) == moment


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-24",
        "2026-11-24T02:20:03",
        "2026-11-24T02:20Z",
        "20261124T022003Z",
        "2026-W48-2T02:20:03Z",
        "2026-11-24T24:00:00Z",
        "2026-11-31T02:20:03Z",
        "2026-11-24T02:20:61Z",
        "2026-11-24T02:20:03,5Z",
        "2026-11-24T02:20:03+0100",
        "٢٠٢٦-11-24T02:20:03Z",
        "0001-01-01T00:00:00+10:00",
        "9999-12-31T23:59:60Z",
        " 2026-11-24T02:20:03Z",
    ],
)
def test_when_a_time_is_written_in_any_other_way_then_it_is_refused(text):
    with pytest.raises(ValueError):
        rfc3339.parse(text)


@given(st.datetimes(timezones=st.just(UTC)))
def test_when_python_writes_a_time_then_it_is_the_same_when_read(moment):
    assert rfc3339.parse(moment.isoformat()) == moment


def test_when_the_same_text_is_asked_for_twice_then_it_is_remembered():
    times = rfc3339.EpochTimes()

    assert times["2026-11-24T02:20:03Z"] == times["2026-11-24T02:20:03Z"] == 1795486803.0
    assert len(times) == 1
