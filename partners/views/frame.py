"""What every page of a partner has: its address, and how a kind of data that is not shared is answered."""

from collections.abc import Callable
from typing import Any

from django.http import HttpResponse, QueryDict
from django.shortcuts import render

from access.viewer import Viewer
from access.views.numbers import whole
from access.views.pages import PageRequest

PAGE = 50


def base_of(viewer: Viewer) -> str:
    """'/p/northwind': a partner is in each of its addresses, so that a copied link never switches company; '' for a customer."""
    return f"/p/{viewer.organization.slug}" if viewer.is_partner and viewer.organization else ""


def posted(request: PageRequest) -> QueryDict | None:
    """Data of a form, or None when it is only to be shown; an empty answer is an answer too."""
    return request.POST if request.method == "POST" else None


def saying(words: str, act: Callable[[], object]) -> Callable[[], str]:
    """An act for `acted`, with what is said when it was done."""

    def done() -> str:
        act()
        return words

    return done


def shown(request: PageRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    """Render a partner's page; the template knows its `base`."""
    return render(request, template, {"base": base_of(request.viewer), **context})


def number(text: str | None, *, default: int = 1) -> int:
    """A page number from a query string."""
    return whole(text, most=9_999) or default


def one_page[R](request: PageRequest, rows: list[R], size: int = PAGE) -> dict[str, Any]:
    """The page that `?page=` asks for, of rows that are in memory already."""
    here = number(request.GET.get("page"))
    start = (here - 1) * size
    return {
        "rows": rows[start : start + size],
        "page": here,
        "previous": here - 1 if here > 1 else None,
        "next": here + 1 if len(rows) > start + size else None,
    }
