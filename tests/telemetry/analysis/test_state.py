"""The state blob: round trip, size, versions, and what gaps and late samples do to it."""

import struct
import zlib

import numpy as np
import pytest
import zstandard

from telemetry.analysis import blob, engine, tables
from telemetry.analysis.facts import DAY, SeriesKey
from tests.telemetry.analysis import made


def some_state(days=3.0):
    t = made.times(days)
    series = {made.MEMORY: 0.5 + made.noise(t.size, 0.01), made.UPTIME: 1e6 + t - t[0], made.FAN: 5000.0}
    series |= {SeriesKey("if.errors", f"if/{n}", (("dir", "rx"),)): np.arange(t.size) for n in range(8)}
    return made.run(made.device(series, t)).state


def test_given_a_state_when_read_and_written_again_then_it_is_the_same_bytes():
    state = some_state()

    assert blob.pack(blob.unpack(state, tables.DTYPES), tables.DTYPES) == state


def as_version_1(state: bytes) -> bytes:
    """The same state as it was written before: sections as they are, keys and tracks under zlib."""
    head, body = state[:50], zstandard.ZstdDecompressor().decompress(state[50:])
    sections = []
    while body:
        (length,) = struct.unpack_from("<I", body)
        sections.append(body[4 : 4 + length])
        body = body[4 + length :]
    sections[0] = zlib.compress(sections[0], 6)
    sections[-1] = zlib.compress(sections[-1], 6) if sections[-1] else b""
    said = b"".join(struct.pack("<I", len(section)) + section for section in sections)
    return head[:4] + struct.pack("<H", 1) + head[6:] + said


@pytest.mark.parametrize("raised", [False, True])
def test_given_a_state_of_the_version_before_when_it_is_read_then_nothing_of_it_is_forgotten(raised):
    t = made.times(0.3)
    state = made.run(made.device({made.FAN_STATUS: 2.0 if raised else 0.0, made.MEMORY: 0.5}, t)).state

    before = as_version_1(state)

    assert blob.pack(blob.unpack(before, tables.DTYPES), tables.DTYPES) == state
    assert engine.open_findings(before) == engine.open_findings(state)
    assert bool(engine.open_findings(before)) == raised


def test_given_an_open_finding_when_the_state_is_read_then_it_is_still_there():
    t = made.times(0.3)
    result = made.run(made.device({made.FAN_STATUS: 2.0}, t))

    assert engine.open_findings(result.state) == result.findings


@pytest.mark.parametrize("harm", [b"", b"XXXX", "version", "cut"])
def test_given_bytes_that_are_no_state_of_this_version_when_read_then_it_is_refused(harm):
    state = some_state(1)
    broken = {"version": state[:4] + b"\x07\x00" + state[6:], "cut": state[:-3]}.get(harm, harm)

    with pytest.raises(blob.UnknownState):
        blob.unpack(broken, tables.DTYPES)


def test_given_a_device_with_24_ports_when_days_have_passed_then_its_state_takes_less_than_250_bytes_a_series():
    t = made.times(4)
    series = {made.MEMORY: 0.5, made.FLASH_USED: 5.0, made.FLASH_LIMIT: 10.0, made.TEMPERATURE: 40.0, made.FAN: 5e3}
    for port in range(24):
        for metric in ("if.errors", "if.packets", "if.io"):
            for direction in ("rx", "tx"):
                series[SeriesKey(metric, f"if/Gi1/0/{port}", (("dir", direction),))] = np.arange(t.size)
        series[SeriesKey("if.oper_status", f"if/Gi1/0/{port}")] = 0.0

    state = made.run(made.device(series, t)).state

    assert len(state) / len(series) < 250


def test_given_a_day_without_reports_when_they_come_back_then_missing_hours_are_missing_not_zero():
    t = made.times(16)
    there = (t < t[0] + 9 * DAY) | (t >= t[0] + 10 * DAY)
    t = t[there]
    facts = made.device({made.MEMORY: 0.6 + made.noise(t.size, 0.003), made.LOSS: 0.0, made.FAN: 5000.0}, t)

    result = made.run(facts)

    ring = blob.unpack(result.state, tables.DTYPES).tables["trend"]["ring"][0]
    assert np.isnan(ring).sum() >= 3
    assert np.nanmin(ring) > 59
    assert result.changes == []


def test_given_five_weeks_of_silence_when_the_device_returns_then_it_begins_anew():
    t = np.concatenate([made.times(3), made.times(1, start=made.START + 60 * DAY)])

    state = blob.unpack(made.run(made.device({made.MEMORY: 0.5}, t)).state, tables.DTYPES)

    assert state.first_at == made.START + 60 * DAY


def test_given_a_late_sample_of_the_open_hour_when_it_comes_then_it_takes_its_place():
    t = made.times(0.5)[:20]
    values = np.linspace(0.4, 0.6, 20)
    late = np.isin(np.arange(20), [15])
    context = engine.Context(with_residuals=False)  # they learn in the order of arrival
    order = engine.advance(None, made.device({made.MEMORY: values}, t), 0.0, context)

    first = engine.advance(None, made.device({made.MEMORY: values[~late]}, t[~late]), 0.0, context)
    then = engine.advance(first.state, made.device({made.MEMORY: values[late]}, t[late]), 0.0, context)

    assert then.state == order.state


def test_given_two_customers_when_their_devices_share_a_name_then_nothing_of_one_shows_in_the_other():
    t = made.times(9)
    leaking = made.device({made.MEMORY: 0.5 + 0.05 * (t - t[0]) / DAY, SeriesKey("fan.speed", "fan/acme"): 5e3}, t)
    calm = made.device({made.MEMORY: 0.5}, t)
    alone = engine.advance(None, calm, 0.0)

    together = engine.advance_many([(None, leaking, engine.Context()), (None, calm, engine.Context())], 0.0)[1]

    assert together == alone
    assert b"acme" not in together.state
