"""The mutants of a source text: where each changes what, and the text it makes of the module."""

import ast
import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import CodeType

from tests.mutation.operators import OPERATORS, OPTIONS, changed

# Calls whose text no program reads: what a person is told may be worded anew without asking a test.
TOLD = {"Invalid", "NotAllowed", "Ended", "AlreadyGranted", "ValueError", "TypeError", "UnscopedQuery", "require"}
# Statements without behaviour: types for mypy, imports, what mypy is told by an assertion.
SILENT = (ast.Import, ast.ImportFrom, ast.Assert, ast.Pass, ast.Global)


@dataclass(frozen=True, slots=True)
class Mutant:
    """One changed place.

    where: the outermost function ("Terms.check"), "" at module level. lines: the statement's header, first and last.
    within: the change is inside a function's body, so its code can be exchanged without importing anything anew.
    """

    module: str
    where: str
    change: str
    lines: tuple[int, int]
    within: bool
    number: int = 0  # of equal changes in one place
    statement: str = ""
    _path: tuple[tuple[str, int | None], ...] = field(default=(), repr=False)
    _nth: tuple[int, int] = field(default=(0, 0), repr=False)  # operator, its how-manyeth change

    @property
    def id(self) -> str:
        """Changes when the statement does, so that a reason given for it cannot outlive it."""
        text = f"{self.module}|{self.where}|{self.statement}|{self.change}|{self.number}"
        return hashlib.sha256(text.encode()).hexdigest()[:10]

    def source_tree(self, source: str) -> ast.Module:
        """The module's syntax tree with this one change."""
        tree = ast.parse(source)
        parent: ast.AST = tree
        for name, index in self._path[:-1]:
            parent = _child(parent, name, index)
        name, index = self._path[-1]
        old = _child(parent, name, index)
        operator, nth = self._nth
        new = list(OPERATORS[operator](old))[nth][0]
        assert new is not None
        ast.copy_location(new, old)
        if index is None:
            setattr(parent, name, new)
        else:
            getattr(parent, name)[index] = new
        return ast.fix_missing_locations(tree)

    def code(self, source: str, filename: str) -> CodeType:
        """Compiled; may raise SyntaxError where the change is none that Python takes."""
        return compile(self.source_tree(source), filename, "exec", dont_inherit=True)


def _child(parent: ast.AST, name: str, index: int | None) -> ast.AST:
    found = getattr(parent, name)
    child = found if index is None else found[index]
    assert isinstance(child, ast.AST)
    return child


def mutants(module: str, source: str, *, prose: bool = False) -> list[Mutant]:
    """All mutants of a module, in the order of its lines. prose: texts with spaces are the module's product, so change them as well."""
    found = list(_Walk(module, prose).module(ast.parse(source)))
    counted: Counter[tuple[str, str, str]] = Counter()
    numbered = []
    for m in found:
        key = (m.where, m.statement, m.change)
        numbered.append(
            Mutant(m.module, m.where, m.change, m.lines, m.within, counted[key], m.statement, m._path, m._nth)
        )
        counted[key] += 1
    return [m for m in numbered if _compiles(m, source)]


def _compiles(mutant: Mutant, source: str) -> bool:
    try:
        mutant.code(source, mutant.module)
    except (SyntaxError, ValueError):
        return False
    return True


@dataclass
class _Place:
    """Where the walk stands."""

    where: str = ""
    within: bool = False
    statement: ast.AST | None = None
    told: bool = False
    path: tuple[tuple[str, int | None], ...] = ()


class _Walk:
    def __init__(self, module: str, prose: bool) -> None:
        self.of, self.prose = module, prose

    def module(self, tree: ast.Module) -> Iterator[Mutant]:
        yield from self._children(tree, _Place())

    def _node(self, node: ast.AST, place: _Place) -> Iterator[Mutant]:
        if isinstance(node, SILENT) or _is_type_checking(node) or _is_option_of_a_dataclass(node):
            return
        if isinstance(node, ast.stmt | ast.ExceptHandler):
            place = _Place(place.where, place.within, node, False, place.path)
        if isinstance(node, ast.Call) and _name(node.func) in TOLD:
            place = _Place(place.where, place.within, place.statement, True, place.path)
        for number, operator in enumerate(OPERATORS):
            for nth, (_, change) in enumerate(operator(node)):
                if not self._is_spared(node, place):
                    yield self._mutant(place, change, (number, nth))
        yield from self._children(node, place)

    def _is_spared(self, node: ast.AST, place: _Place) -> bool:
        if not (isinstance(node, ast.Constant) and isinstance(node.value, str)):
            return False
        return " " in node.value and (place.told or not self.prose)

    def _mutant(self, place: _Place, change: str, nth: tuple[int, int]) -> Mutant:
        assert place.statement is not None
        header = _header(place.statement)
        return Mutant(
            self.of,
            place.where,
            change,
            (place.statement.lineno, _last_line(place.statement)),  # type: ignore[attr-defined]
            place.within,
            0,
            header,
            place.path,
            nth,
        )

    def _children(self, node: ast.AST, place: _Place) -> Iterator[Mutant]:
        for name, value in ast.iter_fields(node):
            if name in {"annotation", "returns", "type_params", "ctx"} or (
                isinstance(node, ast.JoinedStr) and not self.prose
            ):
                continue
            inner = self._inside(node, name, place)
            children = value if isinstance(value, list) else [value]
            for index, child in enumerate(children):
                if not isinstance(child, ast.AST) or _is_docstring(node, name, index, child):
                    continue
                step = (name, index if isinstance(value, list) else None)
                yield from self._node(
                    child, _Place(inner.where, inner.within, inner.statement, inner.told, (*inner.path, step))
                )

    def _inside(self, node: ast.AST, field_name: str, place: _Place) -> _Place:
        """A function's body is "within" it; its decorators and defaults run when the module is imported."""
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not place.within:
            where = f"{place.where}.{node.name}".lstrip(".")
            body = isinstance(node, ast.FunctionDef) and field_name == "body"
            return _Place(where, body, place.statement, place.told, place.path)
        return place


def _name(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and _name(node.test) == "TYPE_CHECKING"


def _is_option_of_a_dataclass(node: ast.AST) -> bool:
    return isinstance(node, ast.keyword) and node.arg in OPTIONS


def _is_docstring(parent: ast.AST, name: str, index: int, child: ast.AST) -> bool:
    """A text that stands for itself: a docstring, also one under a constant."""
    return isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant) and isinstance(child.value.value, str)


def _header(statement: ast.AST) -> str:
    """The statement without the statements in it, on one line."""
    if not hasattr(statement, "body"):
        return " ".join(ast.unparse(statement).split())
    empty: dict[str, object] = {name: [] for name in ("orelse", "finalbody", "handlers") if hasattr(statement, name)}
    bare = changed(statement, body=[ast.Pass()], **empty)
    return " ".join(ast.unparse(bare).removesuffix("pass").split())


def _last_line(statement: ast.AST) -> int:
    body = getattr(statement, "body", None)
    end: int = statement.end_lineno  # type: ignore[attr-defined]
    return max(statement.lineno, body[0].lineno - 1) if body else end  # type: ignore[attr-defined]
