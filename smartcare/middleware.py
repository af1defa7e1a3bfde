"""Request id, private answers, and the viewer's transaction around each view."""

import re
import uuid
from collections.abc import Callable
from typing import Any

import structlog
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponseBase
from django.http.response import StreamingHttpResponse
from django.template.response import SimpleTemplateResponse
from django.utils.cache import patch_vary_headers

from access.context import viewer_of
from access.models import User
from access.principal import become, principal
from access.viewer import NOBODY
from smartcare.accounts import second_factor_first
from smartcare.errors import not_found

GetResponse = Callable[[HttpRequest], HttpResponseBase]
GIVEN_ID = re.compile(r"^[A-Za-z0-9-]{8,36}$")


class RequestId:
    """Names each request; the name is in the answer, the logs, the viewing log and on error pages."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        given = request.headers.get("X-Request-ID", "")
        request_id = given if GIVEN_ID.match(given) else uuid.uuid4().hex
        request.request_id = request_id  # type: ignore[attr-defined]
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        response = self.get_response(request)
        response["X-Request-ID"] = request_id
        return response


class ApiSlash:
    """`/api/v1/sites/` is `/api/v1/sites`: clients write both, and a redirect would turn their POST into a GET."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        path = request.path_info
        if path.startswith("/api/v1/") and path.endswith("/") and path != "/api/v1/schema/":
            request.path_info = path.rstrip("/")
        return self.get_response(request)


class PrivateAnswers:
    """Nothing that was made for somebody may be kept by a cache, a proxy or the back button."""

    PUBLIC = ("/static/", "/healthz", "/readyz")

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if not request.path.startswith(self.PUBLIC):
            response["Cache-Control"] = "no-store, private"
            patch_vary_headers(response, ["HX-Request", "Cookie"])
        return response


class ViewerTransaction:
    """Runs the view inside one transaction that says for whom: row-level security answers for the viewer alone.

    Views that need several transactions (revoke then drain, exports, API calls with a token) are marked `own_transactions`; they open
    theirs with `acting(request.viewer)`. The body is rendered inside, so that what was looked at is on record before a byte leaves.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request.viewer = NOBODY  # type: ignore[attr-defined]
        if "\x00" in request.path_info or "%00" in request.META.get("QUERY_STRING", ""):
            # PostgreSQL's text cannot hold it: whatever was meant, it is not here. With the headers of any other answer.
            return not_found(request)
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponseBase], args: list[Any], kwargs: dict[str, Any]
    ) -> HttpResponseBase | None:
        if request.path.startswith(("/ingest/", "/healthz", "/readyz", "/metrics")):
            return None
        if getattr(
            view, "no_viewer", False
        ):  # finds out for itself who asks; the API may be asked by a person's browser
            return second_factor_first(request) if request.path.startswith("/api/") else None
        if any("\x00" in text for texts in request.POST.lists() for text in texts[1]):
            raise BadRequest("A text holds a character that cannot be stored: NUL")
        slug = kwargs.get("partner_slug")
        user = request.user
        # The library that signs people in answers by raising, which Django passes on for views that it runs itself.
        of_library = request.path.startswith("/accounts/")
        if of_library or marked(view, "own_transactions") or not isinstance(user, User):
            request.viewer = viewer_of(request, partner_slug=slug)  # type: ignore[attr-defined]
            return second_factor_first(request)
        with principal(kind="login", user=user.pk):
            viewer = viewer_of(request, partner_slug=slug)
            request.viewer = viewer  # type: ignore[attr-defined]
            if (elsewhere := second_factor_first(request)) is not None:
                return elsewhere
            become(viewer)
            response = view(request, *args, **kwargs)
            if isinstance(response, SimpleTemplateResponse) and not response.is_rendered:
                response.render()
            if isinstance(response, StreamingHttpResponse):
                raise TypeError("A streaming answer outlives this transaction: mark the view own_transactions")
        return response


def marked(view: Callable[..., Any], name: str) -> bool:
    """A mark on the function, or on the class behind `as_view()`."""
    return bool(
        getattr(view, name, False)
        or getattr(getattr(view, "view_class", None), name, False)
        or getattr(getattr(view, "cls", None), name, False)
    )
