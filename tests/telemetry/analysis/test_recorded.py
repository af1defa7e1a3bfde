"""Recorded fleets by hand: what is read, what is refused, and what is written."""

import numpy as np
import pytest

from telemetry.analysis import alertfile, calibration, detection, recorded
from telemetry.analysis.findings import Finding
from telemetry.analysis.replay import Row, Span, Told, without_explained
from telemetry.analysis.trend import Factors
from tests.telemetry.analysis import made


@pytest.fixture
def folder(tmp_path):
    return made.recording(tmp_path)


def test_given_a_fleet_when_read_then_unknown_columns_and_arrays_are_ignored(folder):
    recording = recorded.read(folder)

    router, switch = recording.devices
    facts = recording.facts(router)

    assert (switch.kind, switch.parent, switch.timezone) == ("switch", "r1", "Europe/Berlin")
    assert {key.metric for key in facts.series} == {"device.memory.utilization", "if.oper_status"}
    assert facts.maintenance[0].holds(made.START)


def test_given_events_when_read_then_each_is_visible_with_the_next_report_and_the_last_words_are_lost(folder):
    recording = recorded.read(folder)

    (event,) = recording.facts(recording.devices[1]).events

    assert event.seen_at == made.START + 6 * 300
    assert event.text == "boot: firmware"


@pytest.mark.parametrize("jobs", [1, 2])
def test_given_a_leak_when_detected_on_one_core_or_two_then_the_rows_are_the_same(folder, tmp_path, jobs):
    rows = detection.detect(folder, factors=Factors(), jobs=jobs)
    alertfile.write(tmp_path / "alerts.csv", rows)

    first, *_ = (tmp_path / "alerts.csv").read_text().splitlines()[1:]
    assert first.startswith("w1,memory_exhaustion,17")
    assert {row.device for row in rows} == {"w1"}
    assert all(b.time - a.time >= 6 * 3600 - 300 for a, b in zip(rows, rows[1:], strict=False))


@pytest.mark.parametrize("harm", ["no folder", "format", "column", "array", "order"])
def test_given_a_broken_recording_when_read_then_one_line_says_what_is_wrong(folder, harm):
    t = made.times(1).astype(np.int64)
    if harm == "no folder":
        folder = folder / "nowhere"
    elif harm == "format":
        (folder / "fleet.json").write_text('{"format": "other/9"}')
    elif harm == "column":
        (folder / "devices.csv").write_text("device,site\nr1,s1\n")
    elif harm == "array":
        np.savez(folder / "series" / "r1.npz", t=t, mem_pct=np.zeros(3))
    else:
        np.savez(folder / "series" / "r1.npz", t=t[::-1])

    with pytest.raises(recorded.BadRecording, match=r"^[^\n]+$"):
        detection.detect(folder, factors=Factors())


def row(at, device, kind):
    return Row(at, device, Finding("r", 1, kind, "", "major", "", {}, 10.0, 20.0, 40.0))


def test_given_an_open_finding_in_front_when_rows_are_written_then_what_it_explains_is_left_out():
    rows = [row(5, "w1", "wan_loss"), row(15, "w1", "wan_loss"), row(6, "w1", "fan_wear"), row(4, "r1", "wan_loss")]
    spans = [Span("r1", "wan_loss", 4, 10)]

    kept = without_explained(Told(rows, spans), {"w1": "r1"})

    assert [(r.time, r.device, r.finding.kind) for r in kept] == [
        (4, "r1", "wan_loss"),
        (6, "w1", "fan_wear"),
        (15, "w1", "wan_loss"),
    ]


def test_given_closed_faults_when_factors_are_fitted_then_each_fault_weighs_the_same():
    pairs = [(f"d{n}", 1.0 + n / 100) for n in range(24)] + [("d0", 50.0)] * 500

    fitted = calibration.fit({"memory_exhaustion": pairs}, version=7)

    low, middle, high = fitted.of("memory_exhaustion")
    assert fitted.version == 7
    assert low == pytest.approx(1.03, abs=0.02)
    assert middle == pytest.approx(1.12, abs=0.02)
    assert high < 2


def test_given_too_few_faults_when_factors_are_fitted_then_the_start_values_stay():
    assert calibration.fit({"poe_budget": [("a", 9.0)] * 100}, version=2).of("poe_budget") == Factors().of("poe_budget")


def test_given_rows_on_a_true_fault_when_compared_then_the_factor_they_were_made_with_is_taken_out():
    truth = [calibration.Fault("w1", "memory_leak", onset=0.0, failure=25.0)]
    made_with = Factors(1, {"memory_exhaustion": (0.5, 2.0, 3.0)})
    rows = [
        row(5.0, "w1", "memory_exhaustion"),
        row(5.0, "r1", "memory_exhaustion"),
        row(30.0, "w1", "memory_exhaustion"),
    ]

    ((fault, ratio),) = calibration.ratios(rows, truth, made_with)["memory_exhaustion"]

    assert fault == "w1"
    assert ratio == pytest.approx(20 / (15 / 2.0))


def test_given_factors_when_stored_and_read_then_they_are_the_same_and_other_files_are_refused(tmp_path):
    factors = Factors(3, {"poe_budget": (0.5, 1.0, 2.0)})
    (tmp_path / "f.json").write_text(calibration.dumps(factors))
    (tmp_path / "g.json").write_text('{"format": "smartcare.factors/1", "version": 1, "factors": {"x": [1, -2]}}')

    assert calibration.load(tmp_path / "f.json").of("poe_budget") == (0.5, 1.0, 2.0)
    for name in ("g.json", "none.json"):
        with pytest.raises(calibration.BadFactors):
            calibration.load(tmp_path / name)
