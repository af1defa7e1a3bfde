"""`make sabotage`: plant every hole, see each noticed, print the table. Exit code 1 when one was not.

python -m tests.sabotage.run [--only WORDS] [--benches N] [--write]
"""

import argparse
import contextlib
import json
import queue
import sys
import threading
from collections.abc import Callable, Iterator, Sequence

from tests.sabotage import table
from tests.sabotage.bench import ROOT, Bench, Misplanted, Run
from tests.sabotage.code import HOLES
from tests.sabotage.holes import CodeHole, Verdict
from tests.sabotage.lines import LINES, TESTS

PAGE = ROOT / "docs" / "sabotage.md"
Work = Callable[[Bench], list[Verdict]]


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    with contextlib.ExitStack() as undo:
        benches = [undo.enter_context(Bench.up()) for _ in range(options.benches)]
        verdicts = _done(benches, list(_work(options.only)))
    if options.write:
        PAGE.write_text(table.text(verdicts))
    print(table.text(verdicts))
    for verdict in verdicts:
        if not verdict.is_good:
            print(f"{verdict.verdict}: {verdict.group}: {verdict.name}: {verdict.by}")
    print(table.totals(verdicts))
    return 0 if verdicts and all(v.is_good for v in verdicts) else 1


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make sabotage", description=__doc__)
    parser.add_argument("--only", default="", help="holes with these words in their name")
    parser.add_argument("--benches", type=int, default=2, help="how many at once (2)")
    parser.add_argument("--write", action="store_true", help=f"write the table to {PAGE.relative_to(ROOT)}")
    return parser.parse_args(arguments)


def _work(only: str) -> Iterator[Work]:
    """What takes longest first."""
    yield lambda bench: in_database(bench, only)
    for name in LINES:
        if only in name:
            yield lambda bench, name=name: [line_alone(bench, name)]
    holes = [hole for hole in HOLES if only in hole.name]
    if holes:
        yield lambda bench: control(bench, holes)
    for hole in holes:
        yield lambda bench, hole=hole: [in_code(bench, hole)]


def _done(benches: Sequence[Bench], work: Sequence[Work]) -> list[Verdict]:
    """In the order of the work, whoever did it first."""
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in range(len(work)):
        waiting.put(number)
    found: dict[int, list[Verdict]] = {}

    def run(bench: Bench) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                number = waiting.get_nowait()
                try:
                    found[number] = work[number](bench)
                except Exception as error:  # the others go on, and this one is no proof of anything
                    found[number] = [Verdict("code", f"work {number}", "broken", repr(error))]
                for verdict in found[number]:
                    if not verdict.is_good or verdict.group in {"code", "line"}:
                        print(f"{verdict.verdict}: {verdict.name}: {verdict.by}", file=sys.stderr, flush=True)

    threads = [threading.Thread(target=run, args=[bench]) for bench in benches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [verdict for number in sorted(found) for verdict in found[number]]


def in_database(bench: Bench, only: str) -> list[Verdict]:
    """All holes of the catalogue, in one process with one seeded house."""
    place = bench.folder.with_name("verdicts.json")
    run = bench.pytest(
        "-m", "soak", "tests/sabotage/test_database.py", SABOTAGE_VERDICTS=str(place), SABOTAGE_HOLES=only
    )
    verdicts = [Verdict.of(row) for row in json.loads(place.read_text())] if place.exists() else []
    if (run.failed or not run.went) and all(v.is_good for v in verdicts):
        return [*verdicts, Verdict("table", "the proofs of the database", "broken", _last_words(run))]
    return verdicts


def line_alone(bench: Bench, name: str) -> Verdict:
    left, taken_away = LINES[name]
    with taken_away(bench):
        run = bench.pytest(*TESTS, SABOTAGE_LINE=left)
    own = [words for test, words in run.failed if "test_lines" in test]
    if not run.went or not run.looked:
        return Verdict("line", name, "broken", _last_words(run))
    if run.leaks or own:
        return Verdict("line", name, "SURVIVED", "; ".join([*run.leaks, *own][:5]))
    return Verdict("line", name, "leaks 0", f"in {run.looked} answers searched, and in every table as everybody")


def control(bench: Bench, holes: Sequence[CodeHole]) -> list[Verdict]:
    """Nothing planted: the same tests must be green, or their red would mean nothing."""
    run = bench.pytest(*dict.fromkeys(test for hole in holes for test in hole.tests))
    if run.went and not run.failed:
        return []
    return [Verdict("code", "nothing planted", "broken", repr(run.failed[:3]) if run.failed else _last_words(run))]


def in_code(bench: Bench, hole: CodeHole) -> Verdict:
    try:
        with bench.planted(hole.edits), bench.redefined(hole.redefined):
            run = bench.pytest("-x", *hole.tests)
    except Misplanted as no:
        return Verdict("code", hole.name, "broken", str(no))
    if not run.went:
        return Verdict("code", hole.name, "broken", _last_words(run))
    return (
        Verdict("code", hole.name, "caught", run.failed[0][0])
        if run.failed
        else Verdict("code", hole.name, "SURVIVED", "")
    )


def _last_words(run: Run) -> str:
    return " / ".join(run.output.strip().splitlines()[-4:])[:400]


if __name__ == "__main__":
    sys.exit(main())
