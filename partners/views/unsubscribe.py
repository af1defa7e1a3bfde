"""/unsubscribe/<token>: the page of the link in a mail, and the one click of mail programs (RFC 8058)."""

from collections.abc import Callable
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from partners import unsubscribing


def without_viewer[V: Callable[..., Any]](view: V) -> V:
    """Mark a view that acts for nobody: the link alone decides (see smartcare/middleware.py)."""
    view.no_viewer = True  # type: ignore[attr-defined]
    return view


# Without CSRF: mail programs post from their own servers. The signed token is what is needed to guess.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@without_viewer
def page(request: HttpRequest, token: str) -> HttpResponse:
    """GET asks, POST acts; scanners that open every link of a mail therefore change nothing."""
    found = unsubscribing.find(token)
    if found is None:
        raise Http404
    if request.method == "POST":
        unsubscribing.stop(found)
    return render(request, "partner/unsubscribe.html", {"done": request.method == "POST"})
