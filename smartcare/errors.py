"""Error pages: what happened, whether anything was saved, a reference number. They ask the database nothing."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

NOT_FOUND = b'{"type":"about:blank","title":"Not found","status":404}'  # the very bytes of the API's own 404


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """One answer for what is not there and for what is not yours, byte for byte (A4)."""
    if request.path.startswith("/api/"):
        return HttpResponse(NOT_FOUND, status=404, content_type="application/problem+json")
    return render(request, "errors/404.html", status=404)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return render(request, "errors/403.html", {"message": str(exception or "")}, status=403)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """What was asked for cannot be; the sentence says why."""
    return render(request, "errors/400.html", {"message": str(exception or "")}, status=400)


def broken(request: HttpRequest) -> HttpResponse:
    if request.path.startswith("/api/"):
        problem = {
            "type": "about:blank",
            "title": "Internal error",
            "status": 500,
            "request_id": getattr(request, "request_id", ""),
        }
        return JsonResponse(problem, status=500, content_type="application/problem+json")
    return render(request, "errors/500.html", {"reference": getattr(request, "request_id", "")}, status=500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return render(
        request,
        "errors/403.html",
        {
            "message": "This form was open for too long, or cookies are switched off. Nothing was saved."
            " Go back, reload the page, and try again."
        },
        status=403,
    )
