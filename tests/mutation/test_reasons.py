"""A reason is for a change that can still be made; a statement that changed since wants a new look."""

from pathlib import Path

from tests.mutation.mutants import Mutant, mutants
from tests.mutation.outcomes import PAGE, reasons
from tests.mutation.subjects import SUBJECTS

ROOT = Path(__file__).resolve().parents[2]


def test_each_reason_is_of_a_mutant_that_the_code_still_has():
    living: dict[str, Mutant] = {}
    for subject in SUBJECTS:
        source = (ROOT / subject.path).read_text()
        living |= {m.id: m for m in mutants(subject.path, source, prose=subject.prose)}
    void = [f"{r.module} {r.where}: {r.change}" for r in reasons() if not living.keys() >= set(r.ids)]

    assert void == [], "These statements changed: run `python -m tests.mutation SUBJECT --again` and judge anew"
    for reason in reasons():
        for mutant in (living[i] for i in reason.ids):
            assert (mutant.module, mutant.where) == (reason.module, reason.where)
        assert reason.change == living[reason.ids[0]].change


def test_each_reason_says_something_and_none_is_given_twice():
    ids = [i for r in reasons() for i in r.ids]

    assert len(ids) == len(set(ids))
    assert [r for r in reasons() if len(r.reason.split()) < 4] == []


def test_the_page_names_every_reason():
    text = PAGE.read_text()

    assert [r.reason for r in reasons() if r.reason not in text] == []


def test_every_subject_and_its_tests_are_there():
    missing = [path for s in SUBJECTS for path in (s.path, *s.tests) if not (ROOT / path).exists()]

    assert missing == []
