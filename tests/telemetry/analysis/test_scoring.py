import gzip

import numpy as np
import pytest

from telemetry.analysis import seriesfile
from telemetry.analysis.scoring import DeviceScorer, SingleScorer
from tests.telemetry.analysis import made

DAYS = 6


def daily(days=DAYS):
    t = made.times(days)
    return t, 50 + 20 * np.sin(2 * np.pi * t / made.DAY) + made.noise(t.size, 1.0)


def scores(t, values):
    scorer = SingleScorer()
    return np.array([scorer.score(at, value) for at, value in zip(t, values, strict=True)])


def test_given_a_daily_rhythm_when_it_goes_on_then_hardly_anything_is_marked():
    t, values = daily()

    assert (scores(t, values)[t > t[0] + 2 * made.DAY] >= 0.5).sum() <= 1


def test_given_a_value_that_does_not_belong_to_the_hour_when_it_comes_then_it_is_marked():
    t, values = daily()
    odd = t.size - 100
    values[odd] += 25

    assert scores(t, values)[odd] > 0.5


def test_given_a_mark_when_more_of_the_same_follows_within_a_day_then_it_says_nothing_new():
    t, values = daily()
    values[-100:-40] += 30

    told = scores(t, values)

    assert told[-100] > 0.5
    assert (told[-99:-40] >= 0.5).sum() == 0


def test_given_later_values_when_they_change_then_earlier_scores_do_not():
    t, values = daily()
    other = values.copy()
    other[-50:] += 100

    assert np.array_equal(scores(t, values)[:-50], scores(t, other)[:-50])


def ports(n=400, signals=("if0in", "if0out", "if1in", "if1out", "cpu")):
    rng = np.random.default_rng(5)
    moves = rng.poisson(1000, (n, len(signals))).astype(float)
    values = np.cumsum(moves, axis=0)
    values[:, -1] = 30 + rng.normal(0, 1, n)
    return list(signals), 6.0 * np.arange(n), values


def device_scores(names, t, values):
    scorer = DeviceScorer(names)
    return np.array([scorer.score(at, row) for at, row in zip(t, values, strict=True)])


def test_given_a_port_that_always_carried_traffic_when_it_falls_still_and_wakes_then_both_are_marked():
    names, t, values = ports()
    values[200:260, 2:4] = values[199, 2:4]
    values[260:, 2:4] -= values[260, 2:4] - values[199, 2:4] - 1000

    told = device_scores(names, t, values)

    assert told[:200].max() < 0.5
    assert told[200:204].max() >= 0.5
    assert told[260] >= 0.5


def test_given_one_counter_alone_when_it_pauses_then_the_port_is_not_called_quiet():
    names, t, values = ports()
    values[200:, 2] = values[199, 2]

    assert device_scores(names, t, values).max() < 0.5


def test_given_many_signals_when_they_are_odd_together_for_two_samples_then_it_is_marked():
    rng = np.random.default_rng(2)
    values = 50 + rng.normal(0, 1, (400, 12))
    values[300:303, :6] += 40

    told = device_scores([f"s{n}x" for n in range(12)], 60.0 * np.arange(400), values)

    assert told[301] > 0.5
    assert told[300] < 0.5


@pytest.mark.parametrize("name", ["series.csv", "series.csv.gz"])
def test_given_a_file_when_scored_then_rows_and_timestamps_stay_and_gaps_score_nothing(tmp_path, name):
    opener = gzip.open if name.endswith(".gz") else open
    lines = ["timestamp,value"] + [f"2026-01-05 {h:02d}:{m:02d}:00,{h}" for h in range(24) for m in (0, 30)]
    lines[7] = lines[7].rpartition(",")[0] + ","
    with opener(tmp_path / name, "wt") as file:
        file.write("\n".join(lines) + "\n")

    seriesfile.score(tmp_path / name, tmp_path / f"scored-{name}")

    with opener(tmp_path / f"scored-{name}", "rt") as file:
        out = file.read().splitlines()
    assert out[0] == "timestamp,value,score"
    assert [row.rpartition(",")[0] for row in out[1:]] == lines[1:]
    assert out[7].endswith(",,0.000000")


def test_given_a_folder_when_scored_then_each_series_is_and_other_files_are_not(tmp_path):
    (tmp_path / "in" / "sub").mkdir(parents=True)
    (tmp_path / "in" / "a.csv").write_text("timestamp,value\n1,2\n2,3\n")
    (tmp_path / "in" / "sub" / "b.csv").write_text("timestamp,x1,x2\n1,2,3\n")
    (tmp_path / "in" / "events.csv").write_text("node,start,end,event\na,1,2,x\n")

    assert seriesfile.score(tmp_path / "in", tmp_path / "out") == 2

    assert sorted(str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*.csv")) == [
        "a.csv",
        "sub/b.csv",
    ]
    assert (tmp_path / "out" / "sub" / "b.csv").read_text() == "timestamp,score\n1,0.000000\n"


@pytest.mark.parametrize(
    "text", ["time,value\n1,2\n", "timestamp\n1\n", "timestamp,value\n1,2,3\n", "timestamp,value\nx,1\n"]
)
def test_given_a_file_that_is_no_series_when_scored_then_one_line_says_why_and_nothing_is_left(tmp_path, text):
    (tmp_path / "bad.csv").write_text(text)

    with pytest.raises(seriesfile.BadSeries, match=r"^bad\.csv[^\n]*$"):
        seriesfile.score(tmp_path / "bad.csv", tmp_path / "out.csv")

    assert sorted(p.name for p in tmp_path.iterdir()) == ["bad.csv"]
