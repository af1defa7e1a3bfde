"""What became of each mutant, the reasons why some may live, and the page about them."""

import json
import tomllib
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from tests.mutation.mutants import Mutant
from tests.mutation.subjects import SUBJECTS

FOLDER = Path(__file__).parent
REASONS = FOLDER / "reasons.toml"
PAGE = FOLDER.parents[1] / "docs" / "mutation.md"


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
    return [Result(**row | {"outcome": Outcome(row["outcome"])}) for row in json.loads(path.read_text())]


def save(results: Iterable[Result], path: Path) -> None:
    path.write_text(json.dumps([asdict(r) for r in results], indent=1))


def without_reason(results: Iterable[Result]) -> list[Result]:
    known = {i for r in reasons() for i in r.ids}
    return [r for r in results if r.outcome is Outcome.SURVIVED and r.id not in known]


def reasons_overtaken(results: Iterable[Result]) -> list[Reason]:
    """Reasons for what a test notices by now."""
    dead = {r.id for r in results if r.outcome is not Outcome.SURVIVED}
    return [r for r in reasons() if dead & set(r.ids)]


def table(results: Iterable[Result]) -> str:
    counted = Counter((r.module, r.outcome) for r in results)
    lines = ["| Module | Mutants | Killed | Of these by time | Survivors |", "| --- | --- | --- | --- | --- |"]
    rows: list[tuple[str, list[int]]] = []
    for subject in SUBJECTS:
        killed, timeout, survived = (counted[subject.path, o] for o in Outcome)
        if killed + timeout + survived:
            rows.append((f"`{subject.path}`", [killed + timeout + survived, killed + timeout, timeout, survived]))
    rows.append(("together", [sum(numbers) for numbers in zip(*(n for _, n in rows), strict=True)]))
    return "\n".join([*lines, *(f"| {name} | {' | '.join(map(str, numbers))} |" for name, numbers in rows)])


def page(results: list[Result]) -> str:
    """docs/mutation.md."""
    parts = [
        "# Mutation run",
        "Written by `make mutation`; the reasons stand in `tests/mutation/reasons.toml`. Each mutant is one of these modules with one"
        " thing changed: a comparison, a condition or an argument left out, a constant, a statement, a decorator. Killed: a test"
        " failed, or the change could not even be imported. By time: it ran in circles or waited for ever.",
        table(results),
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
