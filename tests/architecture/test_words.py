"""Words that people read instead of the short names of programs: none may be missing."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from access.audit_words import WORDS, said
from telemetry import readings, vocabulary

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("access", "telemetry", "partners", "smartcare")


def actions() -> Iterator[str]:
    """Every text that the code gives as `action=` of an audit entry."""
    for package in PACKAGES:
        for file in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.keyword) and node.arg == "action":
                    texts = [n.value for n in ast.walk(node.value) if isinstance(n, ast.Constant)]
                    yield from (t for t in texts if isinstance(t, str) and "." in t)


def test_when_something_is_written_to_the_journal_then_people_read_it_in_words():
    written = set(actions())

    assert len(written) > 20
    assert written - WORDS.keys() == set()


@pytest.mark.parametrize(("action", "words"), [("grant.opened", "Access given"), ("new.thing_done", "New thing done")])
def test_when_an_action_is_shown_then_no_dot_is_left(action: str, words: str):
    assert said(action) == words


def test_when_a_reading_is_shown_then_its_metric_has_a_name_for_people():
    assert vocabulary.METRICS.keys() - readings.NAMES.keys() == set()
