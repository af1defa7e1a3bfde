"""The verdicts as a table: the same text for the terminal and for docs/sabotage.md, without times, so that it changes only with them."""

from collections import Counter
from collections.abc import Iterator, Sequence

from tests.sabotage.holes import Verdict

GROUPS = {
    "line": "One of the two lines of defence taken away as a whole",
    "table": "Row-level security of a table",
    "policy": "Policies, and each condition in them",
    "function": "Functions that policies ask: each arm and each condition",
    "key": "Keys that carry the customer",
    "trigger": "Triggers of the journals",
    "right": "Rights given away",
    "role": "Roles of the database",
    "code": "Source",
}
HEAD = """# Sabotage

`make sabotage` plants holes, one after the other, in a database and in a copy of the source that are thrown away afterwards, and
looks whether a test turns red. The holes in the database are read from its catalogue: a new table, policy or key is among them by
itself. This page is its output (`make sabotage WRITE=1`).

*caught*: the test that turned red. *leaks 0*: a whole line of defence was gone, and the other one let nothing through.
*equivalent*: what was taken away is held by something else, and the reason says by what.
"""


def text(verdicts: Sequence[Verdict]) -> str:
    tests = {by: f"T{number}" for number, by in enumerate(_tests(verdicts), 1)}
    lines = [HEAD]
    for group, title in GROUPS.items():
        rows = [v for v in verdicts if v.group == group]
        if rows:
            lines += [f"## {title}", "", "| Planted | Verdict | By |", "|---|---|---|"]
            lines += [f"| {_cell(v.name)} | {v.verdict} | {tests.get(v.by) or _cell(v.by)} |" for v in rows]
            lines.append("")
    lines += ["## Tests", "", *(f"- {short}: `{test}`" for test, short in tests.items()), "", totals(verdicts), ""]
    return "\n".join(lines)


def totals(verdicts: Sequence[Verdict]) -> str:
    kinds = Counter(v.verdict for v in verdicts)
    words = [
        f"planted {len(verdicts) - kinds['equivalent']}",
        f"caught {kinds['caught']}",
        f"leaks 0 {kinds['leaks 0']}",
    ]
    words += [f"survived {kinds['SURVIVED']}"]
    words += [f"{kinds[kind]} {kind}" for kind in ("broken", "equivalent") if kinds[kind]]
    return ", ".join(words)


def _tests(verdicts: Sequence[Verdict]) -> Iterator[str]:
    yield from dict.fromkeys(v.by for v in verdicts if v.verdict == "caught")


def _cell(words: str) -> str:
    return " ".join(words.split()).replace("|", "\\|")
