"""Short words for the lists of holes."""

from tests.sabotage.holes import CodeHole, Edit, Redefinition


def hole(name: str, file: str, old: str, new: str, *tests: str) -> CodeHole:
    """`old` of the file, which is there once, becomes `new`."""
    return CodeHole(name, tests, edits=(Edit(file, old, new),))


def function(name: str, which: str, old: str, new: str, *tests: str) -> CodeHole:
    """The same in a function of the database."""
    return CodeHole(name, tests, redefined=(Redefinition(which, old, new),))
