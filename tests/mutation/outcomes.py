"""What became of each mutant, the reasons why some may live, and the page about them."""

import json
import tomllib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from tests.mutation.mutants import Mutant, mutants
from tests.mutation.subjects import SUBJECTS, Subject

FOLDER = Path(__file__).parent
REASONS = FOLDER / "reasons.toml"
ROOT = FOLDER.parents[1]
PAGE = ROOT / "docs" / "mutation.md"


class Outcome(StrEnum):
    KILLED = "killed"
    TIMEOUT = "timeout"
    SURVIVED = "survived"


@dataclass(frozen=True, slots=True)
class Result:
    """by: the test that noticed. why: what it said, or why nobody could."""

    id: str
    module: str
    where: str
    change: str
    line: int
    statement: str
    outcome: Outcome
    by: str = ""
    why: str = ""

    @classmethod
    def of(cls, mutant: Mutant, outcome: Outcome, *, by: str = "", why: str = "") -> "Result":
        return cls(
            mutant.id, mutant.module, mutant.where, mutant.change, mutant.lines[0], mutant.statement, outcome, by, why
        )


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a change in the code changes nothing that anybody could notice, or nothing that was promised."""

    ids: tuple[str, ...]
    module: str
    where: str
    change: str
    reason: str


def reasons() -> list[Reason]:
    entries = tomllib.loads(REASONS.read_text()).get("survivor", [])
    return [Reason(tuple(e["ids"]), e["module"], e["where"], e["change"], e["reason"]) for e in entries]


def load(path: Path) -> list[Result]:
    """One result a line; of two of the same mutant the later one counts."""
    rows = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return list({row["id"]: Result(**row | {"outcome": Outcome(row["outcome"])}) for row in rows}.values())


def note(result: Result, path: Path) -> None:
    """At once, so that a run that is interrupted can go on with --again."""
    with path.open("a") as file:
        file.write(json.dumps(asdict(result)) + "\n")


def without_reason(results: Iterable[Result]) -> list[Result]:
    known = {i for r in reasons() for i in r.ids}
    return [r for r in results if r.outcome is Outcome.SURVIVED and r.id not in known]


def reasons_overtaken(results: Iterable[Result]) -> list[Reason]:
    """Reasons for what a test notices by now."""
    dead = {r.id for r in results if r.outcome is not Outcome.SURVIVED}
    return [r for r in reasons() if dead & set(r.ids)]


def is_whole(subject: Subject, results: Iterable[Result]) -> bool:
    """Every mutant that the module has now was judged."""
    judged = {r.id for r in results}
    return all(m.id in judged for m in mutants(subject.path, (ROOT / subject.path).read_text(), prose=subject.prose))


def table(results: Sequence[Result]) -> str:
    counted = Counter((r.module, r.outcome) for r in results)
    lines = ["| Module | Mutants | Killed | Of these by time | Survivors |", "| --- | --- | --- | --- | --- |"]
    rows: list[tuple[str, list[int]]] = []
    for subject in SUBJECTS:
        killed, timeout, survived = (counted[subject.path, o] for o in Outcome)
        if is_whole(subject, results):
            rows.append((f"`{subject.path}`", [killed + timeout + survived, killed + timeout, timeout, survived]))
    rows.append(("together", [sum(numbers) for numbers in zip(*(n for _, n in rows), strict=True)]))
    return "\n".join([*lines, *(f"| {name} | {' | '.join(map(str, numbers))} |" for name, numbers in rows)])


def page(results: list[Result]) -> str:
    """docs/mutation.md."""
    now = {m.id for s in SUBJECTS for m in mutants(s.path, (ROOT / s.path).read_text(), prose=s.prose)}
    living = [r for r in results if r.id in now]
    left = [f"`{s.path}`" for s in SUBJECTS if not is_whole(s, living)]
    parts = [
        "# Mutation run",
        "Written by `make mutation`; the reasons stand in `tests/mutation/reasons.toml`. Each mutant is one of these modules with one"
        " thing changed: a comparison, a condition or an argument left out, a constant, a statement, a decorator. Killed: a test"
        " failed, or the change could not even be imported. By time: it ran in circles or waited for ever.",
        table(living),
        *([f"Not run to the end, so without figures: {', '.join(left)}."] if left else []),
        "## Survivors and why they may live",
    ]
    for subject in SUBJECTS:
        own = [r for r in reasons() if r.module == subject.path]
        if own:
            parts.append(f"### `{subject.path}`")
            parts.append("\n".join(f"- `{r.where or 'module'}`: {_code(r.change)}. {r.reason}" for r in own))
    return "\n\n".join(parts) + "\n"


def _code(change: str) -> str:
    return f"``{change}``" if "`" in change else f"`{change}`"


def skeleton(result: Result) -> str:
    """An entry for the file of reasons, without the reason."""
    values = {"module": result.module, "where": result.where, "change": result.change}
    said = "\n".join(f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in values.items())
    return f'[[survivor]]\nids = ["{result.id}"]\n{said}\nreason = ""\n'
