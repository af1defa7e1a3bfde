"""What is planted, and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Hole:
    """A hole in the database. plant, undo: SQL of the owner. proofs: names in database.PROOFS, asked in this order."""

    group: str
    name: str
    plant: tuple[str, ...]
    undo: tuple[str, ...]
    proofs: tuple[str, ...]


@dataclass(frozen=True)
class Edit:
    """Words of a source file and what takes their place. They must be there exactly once."""

    file: str
    old: str
    new: str


@dataclass(frozen=True)
class Redefinition:
    """Words of a function of the database and what takes their place. They must be there exactly once."""

    function: str
    old: str
    new: str


@dataclass(frozen=True)
class CodeHole:
    """A hole in the source, or in a function of the database. tests: where it has to be noticed, as arguments of pytest."""

    name: str
    tests: tuple[str, ...]
    edits: tuple[Edit, ...] = ()
    redefined: tuple[Redefinition, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """caught: by `by`. leaks 0: one line was gone, and the other let nothing through. equivalent: no hole, `by` says why.

    survived: nobody noticed. broken: it could not be planted or judged, which proves nothing.
    """

    group: str
    name: str
    verdict: str
    by: str

    @property
    def is_good(self) -> bool:
        return self.verdict in {"caught", "leaks 0", "equivalent"}

    @classmethod
    def of(cls, row: Mapping[str, str]) -> "Verdict":
        return cls(**row)
