"""Pull the plug and count: whatever dies, each acknowledged report is there once, analysed once, told to whom it concerns."""

import os
import random
from collections import Counter
from pathlib import Path

import pytest

from tests.chaos.run import Run, keep_logs, ledger_table, started, storm

SEED = int(os.environ.get("CHAOS_SEED") or random.SystemRandom().randrange(10**6))
SECONDS = float(os.environ.get("CHAOS_SECONDS") or 3600)
KEPT_LOGS = os.environ.get("CHAOS_LOGS")
EACH_ONCE = Counter(
    ["stands still", "web worker", "web", "worker child", "worker", "beat", "broker", "broker flushed", "database"]
)


def accounts(run: Run, pulled: Counter[str], *, within_s: float, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        run.settle(within_s)
        run.note("rest")
        found = run.count()
        with capsys.disabled():
            print(f"\n{ledger_table(run, pulled, found, seed=SEED)}")
        assert found.wrong == []
        assert found.acknowledged > 0
        assert found.repeated_on_the_wire <= sum(pulled.values())
    except BaseException:
        if KEPT_LOGS:
            keep_logs(run, Path(KEPT_LOGS))
        raise


@pytest.mark.chaos
def test_when_every_plug_is_pulled_under_load_then_nothing_is_lost_and_nothing_doubled(
    capsys: pytest.CaptureFixture[str],
):
    """Two minutes."""
    with started() as run:
        pulled = storm(run, seconds=45, pause_s=(0.5, 2.0), seed=SEED, rate=1.0, at_least=EACH_ONCE + EACH_ONCE)

        accounts(run, pulled, within_s=90, capsys=capsys)


@pytest.mark.soak
def test_when_plugs_are_pulled_for_an_hour_then_nothing_is_lost_and_nothing_doubled(
    capsys: pytest.CaptureFixture[str],
):
    """CHAOS_SECONDS and CHAOS_SEED choose how long and which."""
    with started(devices=60) as run:
        wanted = EACH_ONCE + Counter({"database": 20})
        pulled = storm(run, seconds=SECONDS, pause_s=(1.0, 12.0), seed=SEED, rate=1.0, at_least=wanted)

        accounts(run, pulled, within_s=170, capsys=capsys)
