"""A mutant put in the place of the code: into the running functions, or into the module before it is imported."""

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Iterator, Sequence
from types import CodeType, FunctionType, ModuleType
from typing import Any

from tests.mutation.mutants import Mutant


class CannotExchange(Exception):
    """The function keeps another number of outer names than before: import the module anew instead."""


def functions(module: ModuleType) -> dict[str, FunctionType]:
    """Every function that stands in the module, by qualified name; through properties and decorators to what was written."""
    return dict(_functions(vars(module), module.__name__))


def _functions(names: Any, module: str) -> Iterator[tuple[str, FunctionType]]:
    for value in list(names.values()):
        function = _undecorated(value)
        if function is not None and function.__module__ == module:
            yield function.__qualname__, function
        elif isinstance(value, type) and value.__module__ == module:
            yield from _functions(vars(value), module)


def _undecorated(value: Any) -> FunctionType | None:
    if isinstance(value, property):
        value = value.fget
    value = getattr(value, "__func__", value)  # classmethod, staticmethod
    while hasattr(value, "__wrapped__"):
        value = value.__wrapped__
    return value if isinstance(value, FunctionType) else None


def codes(code: CodeType) -> Iterator[CodeType]:
    """A code object and those in it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from codes(constant)


def exchange(mutant: Mutant, source: str, module: ModuleType) -> None:
    """Let the module's function run the mutant from now on, wherever it is already known. Raises CannotExchange."""
    function = functions(module).get(mutant.where)
    changed = mutant.code(source, module.__file__ or "")
    new = next((c for c in codes(changed) if c.co_qualname == mutant.where), None)
    if function is None or new is None:
        raise CannotExchange(mutant.where)
    try:
        function.__code__ = new
    except ValueError as error:
        raise CannotExchange(mutant.where) from error


class Finder(importlib.abc.MetaPathFinder):
    """Imports one module as the mutant; all others as they are."""

    def __init__(self, module: str, mutant: Mutant) -> None:
        self.module, self.mutant = module, mutant

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self.module:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path)
        assert spec is not None
        assert spec.origin is not None
        spec.loader = _Loader(fullname, spec.origin, self.mutant)
        return spec

    def install(self) -> None:
        assert self.module not in sys.modules
        sys.meta_path.insert(0, self)


class _Loader(importlib.machinery.SourceFileLoader):
    def __init__(self, fullname: str, path: str, mutant: Mutant) -> None:
        super().__init__(fullname, path)
        self.mutant = mutant

    def get_code(self, fullname: str) -> CodeType:
        return self.mutant.code(self.get_data(self.path).decode(), self.path)
