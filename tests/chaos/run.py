"""One run: the product up, devices reporting, plugs pulled, and then quiet; with the figures of it."""

import contextlib
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.chaos import census
from tests.chaos.census import Census, percentile, read
from tests.chaos.stack import ROOT, Stack, standing, wait_until
from tests.chaos.storm import Storm
from tests.chaos.world import HOOK_OWNERS, World


@dataclass
class Run:
    """A product under load. Use `started`."""

    stack: Stack
    world: World
    began: float = field(default_factory=time.monotonic)
    seconds: dict[str, float] = field(default_factory=dict)
    loads: list["Load"] = field(default_factory=list)

    def note(self, what: str) -> None:
        self.seconds[what] = round(time.monotonic() - self.began, 1)

    @property
    def acknowledged(self) -> census.Lines:
        return [line for load in self.loads for line in read(load.ledger)]

    def settle(self, within_s: float) -> float:
        """Until nothing is due and nothing under way; seconds it took."""
        try:
            return wait_until(lambda: not census.unrest(self.stack), "the product comes to rest", within_s, every_s=0.5)
        except AssertionError as error:
            raise AssertionError(f"{error}: {census.unrest(self.stack)}") from error

    def count(self) -> Census:
        return census.take(self.stack, self.world, self.acknowledged)

    def log_lines(self, *words: str) -> list[str]:
        """Of the programs' logs, those that hold one of these words."""
        found = []
        for log in sorted(self.stack.folder.glob("*.log")):
            lines = log.read_text(errors="replace").splitlines()
            found += [f"{log.stem}: {line}" for line in lines if any(word in line for word in words)]
        return found


class Load:
    """The devices, in a process of their own."""

    def __init__(self, run: Run, *, rate: float) -> None:
        folder, number = run.stack.folder, len(run.loads)
        self.ledger = folder / f"acknowledged-{number}.jsonl"
        self.answer: dict[str, Any] = {}
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.chaos.load",
                str(folder / "world.json"),
                run.stack.url,
                str(self.ledger),
                str(rate),
            ],
            cwd=ROOT,
            env=run.stack.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        run.loads.append(self)

    def end(self, within_s: float = 70) -> None:
        """No more reports are made; those under way are sent until they are acknowledged."""
        out, _ = self.process.communicate("over\n", timeout=within_s)
        self.answer = json.loads(out)
        assert self.answer == {"refused": [], "unfinished": []}, self.answer


@contextlib.contextmanager
def started(*, devices: int = 12, workers: int = 2) -> Iterator[Run]:
    """Everything runs, and the webhooks of acme, globex and northwind have answered their challenges."""
    began = time.monotonic()
    with standing(workers=workers) as stack:
        text = stack.run("-m", "tests.chaos.world", stack.hooks, str(devices))
        (stack.folder / "world.json").write_text(text)
        run = Run(stack, World.read(text), began)
        run.note("servers and world")
        stack.start()
        stack.wait_for_web()
        wait_until(lambda: _verified(stack) == len(HOOK_OWNERS), "the webhooks are verified", 60)
        run.note("programs")
        yield run


def _verified(stack: Stack) -> int:
    return stack.count("SELECT count(*) FROM partners_destination WHERE kind = 'webhook' AND verified_at IS NOT NULL")


def storm(
    run: Run, *, seconds: float, pause_s: tuple[float, float], seed: int, rate: float, at_least: Counter[str]
) -> Counter[str]:
    """Devices report throughout; plugs are pulled in the middle. Returns the plugs by kind."""
    load = Load(run, rate=rate)
    try:
        time.sleep(2)
        raging = Storm(run.stack, seed=seed)
        raging.rage(seconds, pause_s=pause_s, at_least=at_least)
        run.stack.start_what_is_down()
        run.note("storm")
        run.stack.wait_for_web()
        load.end()
        run.note("last acknowledgement")
    finally:
        if load.process.poll() is None:
            load.process.kill()
            load.process.wait()
    return raging.pulled


def ledger_table(run: Run, pulled: Counter[str], found: Census, *, seed: int) -> str:
    """What a person reads afterwards."""
    answers = [line["answer_s"] for line in run.acknowledged]
    repeated = sum(line["status"] == 200 for line in run.acknowledged)
    rows = {
        "seed": seed,
        "plugs pulled": sum(pulled.values()),
        **{f"  {kind}": count for kind, count in sorted(pulled.items())},
        **found.table,
        "answered as repeated": repeated,
        "tries a report": f"{sum(line['tries'] for line in run.acknowledged) / max(1, len(answers)):.2f}",
        "answer p50 / p99": f"{percentile(answers, 0.5) * 1000:.0f} / {percentile(answers, 0.99) * 1000:.0f} ms",
        **{f"s until {what}": at for what, at in run.seconds.items()},
    }
    return "\n".join(f"{name:<28} {value}" for name, value in rows.items())


def keep_logs(run: Run, folder: Path) -> None:
    """For a look at a run that failed."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in [*run.stack.folder.glob("*.log"), *run.stack.folder.glob("*.jsonl")]:
        (folder / path.name).write_bytes(path.read_bytes())
