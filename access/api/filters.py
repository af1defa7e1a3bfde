"""Filters of lists, from the query. Each is applied to what the door lets through; none ever widens it."""

from collections.abc import Iterable

from django.http import QueryDict

from access.errors import Invalid

YES_OR_NO = {"true": True, "1": True, "false": False, "0": False}


def one_of(wanted: QueryDict, name: str, words: Iterable[str]) -> str:
    """The word of a filter, '' without one. A word that does not exist is refused: it must not look like "all of them"."""
    word = wanted.get(name, "")
    known = list(words)
    if word and word not in known:
        raise Invalid(f"`{name}` is one of {', '.join(known)}", name)
    return word


def yes_or_no(wanted: QueryDict, name: str) -> bool | None:
    """None: nothing was said."""
    word = one_of(wanted, name, YES_OR_NO)
    return YES_OR_NO[word] if word else None
