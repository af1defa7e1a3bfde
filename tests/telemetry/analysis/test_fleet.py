"""Simulated fleets of the evaluation kit: no looking ahead, every kind found, quiet where nothing is wrong."""

import csv
import importlib.util
import os
import sys
from pathlib import Path

import pytest

from telemetry.analysis import alertfile, detection
from telemetry.analysis.trend import Factors

ROOT = Path(__file__).resolve().parents[3]
KIT = Path(os.environ.get("SMARTCARE_EVAL", ROOT.parent / "shared" / "eval"))
SEED = 5  # of the development seeds

pytestmark = pytest.mark.skipif(
    not (KIT / "fleetgen.py").exists(), reason=f"no evaluation kit at {KIT} (set SMARTCARE_EVAL)"
)


def tool(name):
    spec = importlib.util.spec_from_file_location(name, KIT / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def fleet(folder, *options):
    tool("fleetgen").main(["--seed", str(SEED), "--out", str(folder), *map(str, options)])
    return folder


def detect(folder):
    """The fleet's alerts as the command writes them, and the kit's verdict."""
    alertfile.write(folder / "alerts.csv", detection.detect(folder / "fleet", factors=Factors()))
    judge = tool("eval_predict")
    truth, devices = judge.read(folder / "truth" / "truth.csv"), judge.read(folder / "fleet" / "devices.csv")
    return judge.read(folder / "alerts.csv"), judge.evaluate(truth, devices, judge.read(folder / "alerts.csv"))


def test_given_a_fleet_cut_at_a_moment_when_detected_then_every_row_until_then_is_the_same(tmp_path):
    fleet(tmp_path / "whole", "--devices", 7, "--days", 22, "--fault-share", 0.9)
    rows, _ = detect(tmp_path / "whole")
    until = sorted(float(row["time"]) for row in rows)[len(rows) // 2] + 100

    cut = tmp_path / "cut"
    tool("cutfleet").main(["--fleet", str(tmp_path / "whole" / "fleet"), "--until", str(until), "--out", str(cut)])
    alertfile.write(tmp_path / "cut.csv", detection.detect(cut, factors=Factors()))

    with (tmp_path / "cut.csv").open(newline="") as lines:
        seen = [row for row in csv.DictReader(lines) if float(row["time"]) <= until]
    assert seen == [row for row in rows if float(row["time"]) <= until]
    assert len(seen) >= 5


KINDS = {
    "memory_leak": 26,
    "flash_fill": 26,
    "fan_wear": 24,
    "link_errors": 22,
    "flapping": 22,
    "duplex_mismatch": 20,
    "reboot_loop": 24,
    "sudden_death": 20,
}


@pytest.mark.parametrize("kind", KINDS)
def test_given_a_fleet_with_one_kind_of_fault_when_detected_then_it_is_found_as_what_it_is(tmp_path, kind):
    fleet(tmp_path, "--devices", 3, "--days", KINDS[kind], "--fault-share", 1, "--kinds", kind)

    rows, verdict = detect(tmp_path)

    judge = tool("eval_predict")
    onset = {row["device"]: float(row["onset"]) for row in judge.read(tmp_path / "truth" / "truth.csv")}
    found = {
        row["device"]
        for row in rows
        if judge.fault_name(row["kind"]) in judge.ACCEPT[kind] and float(row["time"]) >= onset.get(row["device"], 1e18)
    }
    assert found
    assert verdict["total"]["misdiagnosed"] <= 1


def test_given_a_fleet_where_nothing_is_wrong_when_detected_then_it_stays_below_the_bar_of_false_alarms(tmp_path):
    fleet(tmp_path, "--devices", 9, "--days", 30, "--fault-share", 0)

    _, verdict = detect(tmp_path)

    # 0.10 a device-month is the bar; on 9 device-months that is one alarm, and two are within chance.
    assert verdict["total"]["false_alarms"] <= 2
