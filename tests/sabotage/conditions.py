"""Conditions of SQL taken apart: each part that could be forgotten, with the text in which it is.

Knows as much SQL as the policies and their functions are written in: AND, OR, EXISTS, WHERE, UNION ALL, parentheses and quotes.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

TOKEN = re.compile(r"'(?:[^']|'')*'|\(|\)|\b\w+\b|.", re.DOTALL)
ENDS = {"UNION", "ORDER", "GROUP", "LIMIT", "RETURNING", "FOR"}


@dataclass(frozen=True)
class Mutant:
    """what: in a few words. text: the whole SQL with the change in it."""

    what: str
    text: str


@dataclass(frozen=True)
class Word:
    text: str
    start: int
    end: int
    depth: int


def weakened(condition: str) -> Iterator[Mutant]:
    """A policy's condition: each alternative gone, each requirement gone."""
    yield from _of_condition(condition, 0, len(condition))
    yield from _of_clauses(condition)


def weakened_query(query: str, returns: str) -> Iterator[Mutant]:
    """A function's body: each arm of its UNION gone, each requirement of each WHERE gone."""
    arms = _split(query, 0, len(query), "UNION")
    if len(arms) > 1:
        for number, (start, end) in enumerate(arms, 1):
            head = "ALL " if query[start:end].lstrip().startswith("ALL") else ""
            never = f" {head}SELECT NULL::{returns} WHERE false "
            yield Mutant(f"arm {number} of {len(arms)} gone", query[:start] + never + query[end:])
    yield from _of_clauses(query)
    if not any(w.text.upper() == "WHERE" and w.depth == 0 for w in _words(query)):  # SELECT a AND b
        select = re.match(r"\s*SELECT\b", query)
        if select and returns == "boolean":
            yield from _of_condition(query, select.end(), len(query))


def _of_clauses(text: str) -> Iterator[Mutant]:
    words = list(_words(text))
    for at, word in enumerate(words):
        if word.text.upper() != "WHERE":
            continue
        rest = words[at + 1 :]
        stop = next(
            (w for w in rest if w.depth < word.depth or (w.depth == word.depth and w.text.upper() in ENDS)), None
        )
        yield from _of_condition(text, word.end, stop.start if stop else len(text), alone=True)


def _of_condition(text: str, start: int, end: int, *, alone: bool = False) -> Iterator[Mutant]:
    """alone: also what is not joined to anything is a requirement."""
    alternatives = _split(text, start, end, "OR")
    if len(alternatives) > 1:
        for part in alternatives:
            yield _replaced(text, part, "false", "never")
            yield from _of_condition(text, *part)
        return
    requirements = _split(text, start, end, "AND")
    if len(requirements) > 1 or alone:
        for part in requirements:
            yield _replaced(text, part, "true", "without")
    for part in requirements:
        if inner := _inside(text, *part):
            yield from _of_condition(text, *inner)


def _replaced(text: str, part: tuple[int, int], constant: str, word: str) -> Mutant:
    start, end = part
    return Mutant(f"{word} {_short(text[start:end])}", f"{text[:start]} {constant} {text[end:]}")


def _inside(text: str, start: int, end: int) -> tuple[int, int] | None:
    """Bounds of what stands in parentheses, if these bounds are parentheses and nothing else."""
    piece = text[start:end]
    lead, trail = len(piece) - len(piece.lstrip()), len(piece) - len(piece.rstrip())
    start, end = start + lead, end - trail
    if not (text[start:end].startswith("(") and text[start:end].endswith(")")):
        return None
    words = list(_words(text[start:end]))
    closes = next(w for w in words if w.text == ")" and w.depth == 0)
    return (start + 1, end - 1) if closes.end == end - start else None


def _split(text: str, start: int, end: int, separator: str) -> list[tuple[int, int]]:
    """Bounds of the parts between separators that are in no parentheses."""
    parts, begun = [], start
    for word in _words(text[start:end]):
        if word.depth == 0 and word.text.upper() == separator:
            parts.append((begun, start + word.start))
            begun = start + word.end
    return [*parts, (begun, end)]


def _words(text: str) -> Iterator[Word]:
    """depth: of a parenthesis, the one outside it."""
    depth = 0
    for found in TOKEN.finditer(text):
        if found[0] == ")":
            depth -= 1
        yield Word(found[0], found.start(), found.end(), depth)
        if found[0] == "(":
            depth += 1


def _short(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()[:110]
