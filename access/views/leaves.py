"""Pages of a journal: numbered, by key instead of by offset, so that page 900 costs what page 1 costs and new rows move nothing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Model, Q, QuerySet

from access.views.numbers import whole

PAGE = 50


@dataclass(frozen=True, slots=True)
class Leaf[M: Model]:
    """rows: newest first; older, newer: what the address of the next page says, "" where there is none."""

    rows: list[M]
    number: int
    older: str
    newer: str

    @property
    def is_all(self) -> bool:
        return not self.older and not self.newer


@dataclass(frozen=True, slots=True)
class Key:
    """Columns that order the rows, the last one without twins; words: a row's place as text; read: back, None: not one."""

    columns: tuple[str, ...]
    words: Callable[[Any], str]
    read: Callable[[str], tuple[Any, ...] | None]

    def beyond(self, place: tuple[Any, ...], *, older: bool) -> Q:
        """Rows on the far side of this place."""
        sign = "lt" if older else "gt"
        found = Q()
        for index, column in enumerate(self.columns):
            same = dict(zip(self.columns[:index], place, strict=False))
            found |= Q(**same, **{f"{column}__{sign}": place[index]})
        return found


def leaf[M: Model](rows: QuerySet[M], asked: Mapping[str, str], key: Key, *, size: int = PAGE) -> Leaf[M]:
    """The page the query string names by `older` or `newer` and its number `page`; the first where it names none."""
    counted = whole(asked.get("page"), most=999_999_999) or 1
    after = key.read(asked.get("older", ""))
    before = None if after else key.read(asked.get("newer", ""))
    ordered = rows.order_by(*(f"{'' if before else '-'}{c}" for c in key.columns))
    if place := after or before:
        ordered = ordered.filter(key.beyond(place, older=after is not None))
    found = list(ordered[: size + 1])
    has_more, found = len(found) > size, found[:size]
    if before:
        found.reverse()
        if not has_more:  # this is the first page, whatever its number said
            counted = 1
    return Leaf(
        rows=found,
        number=counted if place else 1,
        older=key.words(found[-1]) if found and (has_more or before) else "",
        newer=key.words(found[0]) if found and (after or (before and has_more)) else "",
    )
