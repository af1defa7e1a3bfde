"""For whom a page is: decorators that every view carries. A page that is not yours and one that is not there look alike (A4)."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode

import structlog
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import BadRequest, PermissionDenied
from django.db import connection, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.template.loader import render_to_string
from django.utils.http import url_has_allowed_host_and_scheme

from access.errors import Ended, Invalid, NotAllowed, NotRecorded
from access.viewer import Viewer

log = structlog.get_logger(__name__)
View = Callable[..., HttpResponse]


class PageRequest(HttpRequest):
    """A request that passed the decorators: it has a viewer."""

    viewer: Viewer
    memberships: list[Any]
    request_id: str


def _only(kind: str) -> Callable[[View], View]:
    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: PageRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not request.user.is_authenticated:
                return sign_in_first(request)
            if request.viewer.kind != kind:
                # A partner's person at the customer's first page is shown to his or her own; anything else is not there.
                if kind == "customer" and request.path == "/":
                    return HttpResponseRedirect(resolve_url("home"))
                raise Http404
            try:
                return view(request, *args, **kwargs)
            except NotAllowed as no:
                raise PermissionDenied(str(no)) from no
            except (Invalid, Ended) as no:
                raise BadRequest(str(no)) from no
            except NotRecorded:
                log.exception("look.not_recorded", path=request.path)
                return _no_entry_no_answer()

        guarded.page_for = kind  # type: ignore[attr-defined]
        return guarded

    return decorate


def _no_entry_no_answer() -> HttpResponse:
    """503 (A16). The frame around a page asks the database, which has no answer in this transaction: so without a request."""
    if connection.in_atomic_block:
        transaction.set_rollback(True)
    return HttpResponse(render_to_string("errors/503.html"), status=503, headers={"Retry-After": "2"})


for_customer = _only("customer")
for_partner = _only("partner")
for_staff = _only("staff")


def for_company(view: View) -> View:
    """A page that customers and partners both have: the address says for which of the two it is."""
    partners_page, customers_page = for_partner(view), for_customer(view)

    @wraps(view)
    def guarded(request: PageRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        page = partners_page if "partner_slug" in kwargs else customers_page
        return page(request, *args, **kwargs)

    guarded.page_for = "company"  # type: ignore[attr-defined]
    return guarded


def sign_in_first(request: HttpRequest) -> HttpResponse:
    return HttpResponseRedirect(f"{resolve_url(settings.LOGIN_URL)}?{urlencode({'next': request.get_full_path()})}")


def acted(request: HttpRequest, act: Callable[[], object]) -> bool:
    """Do something a form asked for; tell the person what came of it. False: it was refused, in words, and nothing was saved."""
    try:
        with transaction.atomic():
            said = act()
    except (Invalid, Ended) as no:
        messages.error(request, str(no))
        return False
    if isinstance(said, str) and said:
        messages.success(request, said)
    return True


def back(request: HttpRequest, fallback: str) -> HttpResponse:
    """To where the form stood (`next`), if that is one of our own pages, else to the fallback."""
    wanted = request.POST.get("next", "")
    if wanted and url_has_allowed_host_and_scheme(wanted, allowed_hosts=None) and wanted.startswith("/"):
        return HttpResponseRedirect(wanted)
    return HttpResponseRedirect(resolve_url(fallback))


def own_transactions[V: Callable[..., Any]](view: V) -> V:
    """Mark a view that opens its transactions itself, with `acting(request.viewer)` (see smartcare/middleware.py)."""
    view.own_transactions = True  # type: ignore[attr-defined]
    return view
