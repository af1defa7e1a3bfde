"""The runner's own promises: each kind of mistake is made, one at a time, and nothing else is touched."""

import ast

import pytest

from tests.mutation.exchange import exchange, functions
from tests.mutation.mutants import Mutant, mutants

SOURCE = '''
"""What the module is for."""
from functools import wraps

LIMIT: int = 3

def loud(function):
    @wraps(function)
    def inner(*args):
        return function(*args).upper()
    return inner

class Box:
    @property
    def size(self) -> int:
        """How big."""
        return 1 + LIMIT

@loud
def greet(name: str) -> str:
    if not name:
        raise ValueError("a name is wanted")
    return "hello " + name
'''


def of(text: str) -> list[str]:
    return [m.change for m in mutants("x.py", text)]


def made(mutant: Mutant, source: str) -> str:
    return ast.unparse(mutant.source_tree(source))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a < b", {"a < b -> a <= b", "a < b -> a >= b"}),
        ("a is None", {"a is None -> a is not None"}),
        ("a in b", {"a in b -> a not in b"}),
        ("a and b", {"a and b -> a or b", "a and b without a", "a and b without b"}),
        ("not a", {"not a without not"}),
        ("rows.filter(a=x, b=y)", {"filter(...) without a=x", "filter(...) without b=y", "without .filter(a=x, b=y)"}),
        ("rows.order_by(x)", {"order_by(...) without x", "without .order_by(x)"}),
        ("[a, b]", {"[a, b] without a", "[a, b] without b"}),
        ("{a: b}", {"dict without a: b"}),
        ("a + 1", {"a + 1 -> a - 1", "1 -> 2"}),
        ("True", {"True -> False"}),
        ("'x'", {"'x' -> 'XXxXX'"}),
        ("[x for x in y if x]", {"comprehension without if x"}),
    ],
)
def test_when_an_expression_is_mutated_then_each_part_is_changed_or_left_out(text: str, wanted: set[str]):
    assert set(of(f"z = {text}")) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("act(x)", {"without act(x)"}),
        ("x.y = z", {"without x.y = z"}),
        ("x += y", {"x += y -> x -= y", "without x += y"}),
        ("with a, b:\n    c", {"without with a", "without with b"}),
        ("try:\n    a\nexcept E:\n    b", {"E is not caught"}),
        ("if a:\n    b", {"if not a"}),
        ("def f():\n    return x", {"return None instead of x"}),
        ("@d\ndef f():\n    pass", {"f without @d"}),
    ],
)
def test_when_a_statement_is_mutated_then_it_is_left_out_or_turned_round(text: str, wanted: set[str]):
    assert set(of(text)) == wanted


@pytest.mark.parametrize(
    "text", ["import a", "assert a == 1", '"""Words."""', "a: int", "raise", "def f(a: 'x') -> 'y':\n    '''Words.'''"]
)
def test_what_no_working_program_notices_is_left_alone(text: str):
    assert of(text) in ([], ["without raise"])


def test_how_an_error_is_worded_is_left_alone_unless_words_are_what_the_module_is_for():
    text = 'raise ValueError("two words", "field")'
    mutated = {"without raise ValueError('two words', 'field')", "'field' -> 'XXfieldXX'"}

    assert set(of(text)) == mutated
    assert "'two words' -> 'XXtwo wordsXX'" not in {m.change for m in mutants("x.py", text, prose=True)}
    assert [m.change for m in mutants("x.py", "a = 'two words'", prose=True)] == ["'two words' -> 'XXtwo wordsXX'"]


def test_each_mutant_differs_from_the_source_and_from_every_other():
    found = mutants("x.py", SOURCE)
    texts = [made(m, SOURCE) for m in found]

    assert ast.unparse(ast.parse(SOURCE)) not in texts
    assert len(set(texts)) == len(texts)
    assert len({m.id for m in found}) == len(found)


def test_when_a_statement_changes_then_its_mutants_have_other_names_and_those_of_others_keep_theirs():
    before = {m.id: m for m in mutants("x.py", SOURCE)}
    after = {m.id: m for m in mutants("x.py", SOURCE.replace("1 + LIMIT", "2 + LIMIT"))}

    assert {before[i].where for i in before.keys() - after.keys()} == {"Box.size"}
    assert {before[i].where for i in before.keys() & after.keys()} >= {"", "loud", "greet"}


def test_when_a_mutant_is_exchanged_then_whoever_holds_the_function_already_runs_it(tmp_path, monkeypatch):
    (tmp_path / "guinea.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    import guinea  # type: ignore[import-not-found]

    held = guinea.greet
    assert (held("ada"), guinea.Box().size) == ("HELLO ADA", 4)
    assert set(functions(guinea)) == {"loud", "greet", "Box.size"}
    by_change = {m.change: m for m in mutants("guinea.py", SOURCE)}

    exchange(by_change["not name without not"], SOURCE, guinea)
    exchange(by_change["1 + LIMIT -> 1 - LIMIT"], SOURCE, guinea)

    assert (held(""), guinea.Box().size) == ("HELLO ", -2)
    with pytest.raises(ValueError, match="a name"):
        held("ada")
