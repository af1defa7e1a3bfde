"""The lists of holes keep up with the source: words that are not there any more would plant nothing."""

import re

import pytest

from tests.sabotage.bench import ROOT
from tests.sabotage.code import HOLES
from tests.sabotage.database import TESTS
from tests.sabotage.holes import CodeHole, Edit
from tests.sabotage.lines import DOORS

EDITS = [*(edit for hole in HOLES for edit in hole.edits), *DOORS]


@pytest.mark.parametrize("file", sorted({edit.file for edit in EDITS}))
def test_what_a_hole_takes_away_stands_in_the_source_once(file: str):
    text = (ROOT / file).read_text()

    lost = [edit.old for edit in EDITS if edit.file == file and text.count(edit.old) != 1]

    assert lost == [], "Say in tests/sabotage what stands there now"


def test_each_hole_has_a_name_of_its_own_and_changes_something():
    assert len({hole.name for hole in HOLES}) == len(HOLES)
    assert [hole.name for hole in HOLES if not any(change.old != change.new for change in changes(hole))] == []


def changes(hole: CodeHole) -> list[Edit]:
    return [*hole.edits, *(Edit(change.function, change.old, change.new) for change in hole.redefined)]


def test_the_tests_that_are_to_notice_are_there():
    named = {*TESTS.values(), *(test for hole in HOLES for test in hole.tests)}
    lost = [node for node in named if not is_there(node)]

    assert lost == []


def is_there(node: str) -> bool:
    file, _, test = node.partition("::")
    if not (ROOT / file).exists():
        return False
    return (
        not test
        or re.search(rf"^def {re.escape(test.partition('[')[0])}\(", (ROOT / file).read_text(), re.M) is not None
    )
