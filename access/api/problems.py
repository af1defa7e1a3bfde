"""Errors as application/problem+json (RFC 9457). What is not yours and what is not there get the same bytes (A4)."""

from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, ValidationError
from django.db import DatabaseError, DataError, IntegrityError, InterfaceError, ProgrammingError
from django.http import Http404
from rest_framework import exceptions, status
from rest_framework.response import Response
from rest_framework.views import exception_handler

from access.errors import AlreadyGranted, Ended, Invalid, NotAllowed, NotRecorded

TITLES = {
    400: "Bad request",
    401: "Not signed in",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    406: "Not acceptable",
    409: "Conflict",
    413: "Too large",
    415: "Unsupported media type",
    429: "Too many requests",
    503: "Not available",
}

INSUFFICIENT_PRIVILEGE = "42501"


def problem(code: int, detail: Any = None, **more: Any) -> Response:
    body: dict[str, Any] = {"type": "about:blank", "title": TITLES.get(code, "Error"), "status": code}
    if code != status.HTTP_404_NOT_FOUND:
        if isinstance(detail, str):
            body["detail"] = detail
        body |= more
    return Response(body, status=code, content_type="application/problem+json")


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler. Domain refusals become 403, 400 and 409; a 500 is a mistake of ours."""
    match error:
        case NotAllowed() | PermissionDenied():
            return problem(403, str(error))
        case Invalid():
            return problem(400, str(error), errors={error.field or "non_field_errors": [str(error)]})
        case AlreadyGranted() | Ended():
            return problem(409, str(error))
        case Http404():
            return problem(404)
        case NotRecorded():
            return _later(
                "This look could not be written into the customer's log, so nothing is shown. Try again in a few seconds."
            )
        case ValidationError():
            return problem(400, "; ".join(error.messages))
        case RequestDataTooBig():
            return problem(413, "This is more than one request may carry")
        case DataError():
            return problem(400, "A value is out of range")
        case IntegrityError():
            return problem(409, "Somebody was faster: look again, nothing was saved")
        case ProgrammingError() if refused_by_policy(error):
            return problem(403, "You may not do this any more; nothing was saved")
        case ProgrammingError():
            return None  # our mistake: loud, not "try again"
        case DatabaseError() | InterfaceError():
            return _later("The database does not answer now; nothing was saved. Try again in a few seconds.")
        case exceptions.APIException():
            return _of_drf(error, context)
    return None


def _later(detail: str) -> Response:
    response = problem(503, detail)
    response["Retry-After"] = "2"
    return response


def refused_by_policy(error: Exception) -> bool:
    """Row-level security said no, for example because a membership ended a moment ago."""
    return getattr(error.__cause__, "pgcode", None) == INSUFFICIENT_PRIVILEGE


def _of_drf(error: exceptions.APIException, context: dict[str, Any]) -> Response:
    stock = exception_handler(error, context)
    code = error.status_code
    more: dict[str, Any] = {}
    detail: Any = error.detail if isinstance(error.detail, str) else None
    if isinstance(error, exceptions.NotAuthenticated):
        detail = "Sign in, or send `Authorization: Bearer sct_…`"
    if isinstance(error, exceptions.ValidationError):
        detail, more = "Some fields are not right", {"errors": error.detail}
    response = problem(code, detail, **more)
    if stock is not None:
        for name in ("WWW-Authenticate", "Retry-After", "Allow"):
            if name in stock:
                response[name] = stock[name]
    return response
