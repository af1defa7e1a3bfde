"""Decisions have numbers, and each number is one decision."""

import re
from collections import Counter
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "decisions"


def test_each_decision_has_a_number_of_its_own_and_says_it_in_its_heading():
    files = sorted(FOLDER.glob("*.md"))
    numbers = Counter(file.name[:4] for file in files)

    assert [n for n, times in numbers.items() if times > 1] == []
    for file in files:
        assert re.fullmatch(r"\d{4}-[a-z0-9-]+\.md", file.name), file.name
        assert file.read_text().startswith(f"# {file.name[:4]} - "), file.name


def test_the_numbers_have_no_gap():
    numbers = sorted(int(file.name[:4]) for file in FOLDER.glob("*.md"))

    assert numbers == list(range(1, len(numbers) + 1))


def test_each_decision_says_what_was_decided():
    assert [f.name for f in FOLDER.glob("*.md") if "## Decision" not in f.read_text()] == []
