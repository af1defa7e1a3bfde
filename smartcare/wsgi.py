"""What the web server calls: devices through the front door, everybody else through Django."""

import os
from collections.abc import Callable, Iterable
from typing import Any

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "smartcare.settings")
_django = get_wsgi_application()

from telemetry.ingest.door import application as _front_door  # noqa: E402 - needs the settings, which are loaded now


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """WSGI. /ingest/ stays clear of Django's middleware: sessions, redirects and parsing are nothing for devices."""
    if environ["PATH_INFO"].startswith("/ingest/"):
        return _front_door(environ, start_response)
    return _django(environ, start_response)
