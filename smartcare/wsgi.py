"""What the web server calls: devices through the front door, everybody else through Django."""

import io
import os
from collections.abc import Callable, Iterable
from typing import Any, Final

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "smartcare.settings")
_django = get_wsgi_application()

from telemetry.ingest import body, rooms  # noqa: E402 - needs the settings, which are loaded now
from telemetry.ingest.batch import DecodeError  # noqa: E402
from telemetry.ingest.door import application as _front_door  # noqa: E402

type Environ = dict[str, Any]
type StartResponse = Callable[..., Any]

MOST_HEADERS: Final = 50
LONGEST_HEADER: Final = 8 * 1024
PAGE_BODY_BYTES: Final = 10 * 1024 * 1024
"""Of a form, a file or an API call; the front door has limits of its own."""
WITH_BODY: Final = frozenset(("POST", "PUT", "PATCH", "DELETE"))
PAGES_AT_ONCE: Final = 4


def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """WSGI. /ingest/ stays clear of Django's middleware: sessions, redirects and parsing are nothing for devices."""
    if not _headers_are_in_bounds(environ):
        return _refused(start_response, "431 Request Header Fields Too Large")
    if environ["PATH_INFO"].startswith("/ingest/"):
        return _front_door(environ, start_response)
    if environ["REQUEST_METHOD"] in WITH_BODY:
        try:
            _take_in_body(environ)
        except rooms.Full:
            return _refused(start_response, "503 Service Unavailable", ("Retry-After", "2"))
        except DecodeError as error:
            return _refused(start_response, _LINES.get(error.status, "400 Bad Request"))
    return _django(environ, start_response)


def _headers_are_in_bounds(environ: Environ) -> bool:
    count = 0
    for name, value in environ.items():
        if name[:5] == "HTTP_":
            count += 1
            if len(value) > LONGEST_HEADER:
                return False
    return count <= MOST_HEADERS


def _take_in_body(environ: Environ) -> None:
    """The whole body, before Django asks for it: there somebody who sends it slowly could hold any number of threads, and
    one that comes in chunks would look empty. Raises rooms.Full; DecodeError if it is too large or cut short."""
    with rooms.PAGES.place(None, PAGES_AT_ONCE):
        whole = body.read_wire(environ, PAGE_BODY_BYTES)
    environ["wsgi.input"] = io.BytesIO(whole)
    environ["CONTENT_LENGTH"] = str(len(whole))


_LINES: Final = {411: "411 Length Required", 413: "413 Payload Too Large"}


def _refused(start_response: StartResponse, status: str, *headers: tuple[str, str]) -> Iterable[bytes]:
    said = f"{status}\n".encode()
    start_response(
        status, [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(said))), *headers]
    )
    return [said]
