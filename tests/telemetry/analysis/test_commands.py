"""The commands for outside judges: no database, no settings, exit status 0, or 2 with one line on stderr."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.telemetry.analysis import made

ROOT = Path(__file__).resolve().parents[3]


def manage(*arguments):
    """The command in an environment that names no installation."""
    command = [sys.executable, str(ROOT / "manage.py"), *map(str, arguments)]
    return subprocess.run(command, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, timeout=120)


def test_given_a_recorded_fleet_when_detect_runs_twice_then_it_writes_the_same_bytes(tmp_path):
    folder = made.recording(tmp_path)

    first = manage("detect", "--input", folder, "--out", tmp_path / "one.csv")
    second = manage("detect", "--input", folder, "--out", tmp_path / "two.csv")

    assert (first.returncode, first.stdout, second.returncode) == (0, "", 0)
    text = (tmp_path / "one.csv").read_text()
    assert text.startswith("device,kind,time,eta_lo,eta,eta_hi,severity,subject\nw1,memory_exhaustion,")
    assert text == (tmp_path / "two.csv").read_text()


@pytest.mark.parametrize("command", ["detect", "score-series"])
def test_given_input_that_is_not_there_when_run_then_it_exits_with_2_and_one_line(tmp_path, command):
    result = manage(command, "--input", tmp_path / "nowhere.csv", "--out", tmp_path / "out.csv")

    assert result.returncode == 2
    assert len(result.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "out.csv").exists()


def test_given_a_series_when_scored_then_a_score_stands_beside_every_row(tmp_path):
    (tmp_path / "in.csv").write_text("timestamp,value\n" + "".join(f"{60 * n},{n % 7}\n" for n in range(50)))

    result = manage("score-series", "--input", tmp_path / "in.csv", "--out", tmp_path / "out.csv")

    assert (result.returncode, result.stdout) == (0, "")
    rows = (tmp_path / "out.csv").read_text().splitlines()
    assert rows[0] == "timestamp,value,score"
    assert len(rows) == 51


def test_given_a_fleet_with_its_truth_when_calibrated_then_detect_takes_the_factors(tmp_path):
    folder = made.recording(tmp_path)
    (tmp_path / "truth.csv").write_text(
        f"device,kind,onset,failure\nw1,memory_leak,{made.START + 9 * made.DAY},{made.START + 18 * made.DAY}\n"
    )

    made_factors = manage(
        "calibrate", "--input", folder, "--truth", tmp_path / "truth.csv", "--out", tmp_path / "factors.json"
    )
    used = manage("detect", "--input", folder, "--factors", tmp_path / "factors.json", "--out", tmp_path / "a.csv")

    assert (made_factors.returncode, used.returncode) == (0, 0)
    assert "w1,memory_exhaustion" in (tmp_path / "a.csv").read_text()
