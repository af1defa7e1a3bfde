"""The engine's promises: any cut, any order, any repetition, one result."""

import numpy as np
import pytest

from telemetry.analysis import engine
from telemetry.analysis.facts import Event
from tests.telemetry.analysis import made


def leaking(days=12.0, rate=6.0, start=50.0):
    t = made.times(days)
    d = (t - t[0]) / made.DAY
    memory = start + np.clip(d - 4, 0, None) * rate + 2 * np.sin(2 * np.pi * d) + made.noise(t.size, 0.3)
    flash = 40e6 + made.noise(t.size, 1e4, 2)
    return made.device(
        {made.MEMORY: memory / 100, made.FLASH_USED: flash, made.FLASH_LIMIT: 100e6, made.UPTIME: 1e6 + t - t[0]}, t
    )


@pytest.mark.parametrize("rows", [1, 7, 12, 500])
def test_given_blocks_of_any_size_when_applied_in_order_then_state_and_changes_equal_one_pass(rows):
    facts = leaking(days=9.5)

    whole = made.run(facts)
    pieces = made.run(facts, rows=rows)

    assert "memory_exhaustion" in made.kinds(whole)
    assert pieces.changes == whole.changes
    assert pieces.findings == whole.findings


def test_given_a_block_was_applied_when_it_comes_again_then_nothing_changes():
    block = made.cut(leaking(days=10), 10_000)[0]
    once = engine.advance(None, block, 0.0)

    twice = engine.advance(once.state, block, 0.0)

    assert twice.repeated
    assert twice.state == once.state
    assert twice.findings == once.findings
    assert twice.changes == []


def test_given_blocks_without_numbers_when_one_comes_again_then_the_state_stays_as_it_was():
    facts = leaking(days=3.02)
    once = engine.advance(None, facts, 0.0)

    twice = engine.advance(once.state, facts, 0.0)

    assert twice.state == once.state


def test_given_events_alone_when_they_are_applied_then_state_and_findings_are_those_of_a_quiet_device():
    before = engine.advance(None, made.cut(leaking(days=2), 10_000)[0], 0.0)
    told = Event(made.START + 3 * made.DAY, "boot: crash", made.START + 3 * made.DAY)
    alone = made.device({}, made.times(0), events=(told,), sequence=2)

    first_ever = engine.advance(None, alone, 0.0)
    later = engine.advance(before.state, alone, 0.0)

    assert first_ever.findings == []
    assert later.findings == before.findings


def test_given_other_devices_in_the_batch_when_order_changes_then_each_result_stays():
    one, other = leaking(days=9), made.device({made.MEMORY: 0.4}, made.times(9), device_id="dev-2")
    context = engine.Context()

    forward = engine.advance_many([(None, one, context), (None, other, context)], 0.0)
    backward = engine.advance_many([(None, other, context), (None, one, context)], 0.0)

    assert forward == backward[::-1]


def test_given_a_state_of_another_version_when_a_block_comes_then_it_begins_anew():
    block = leaking(days=1)
    fresh = engine.advance(None, block, 0.0)
    foreign = fresh.state[:4] + b"\xff\xff" + fresh.state[6:]

    assert engine.advance(foreign, block, 0.0).state == fresh.state


def test_given_a_whole_day_of_history_at_once_when_warm_up_is_shortened_then_a_leak_has_a_date_and_is_provisional():
    t = made.times(1)
    d = (t - t[0]) / made.DAY
    facts = made.device({made.MEMORY: (60 + 22 * d + made.noise(t.size, 0.3)) / 100}, t)

    usual = made.run(facts)
    eager = made.run(facts, engine.Context(warm_up_s=6 * 3600), rows=1)

    assert usual.findings == []
    (finding,) = eager.findings
    assert finding.kind == "memory_exhaustion"
    assert finding.evidence["provisional"]
    assert t[-1] < finding.eta_lo < finding.eta < finding.eta_hi
