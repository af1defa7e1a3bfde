"""Sessions of people for tests: as after signing in, which is a while ago where a test says so."""

import time
from typing import Any

from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.account.internal.flows.login import record_authentication
from django.http import HttpRequest
from django.test import Client

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


def sign_in(client: Client, user: Any, *, ago_s: float = 0.0) -> Client:
    """As if the user had given the password `ago_s` seconds ago. Returns the client."""
    client.force_login(user, backend=BACKEND)
    request = HttpRequest()
    request.session = client.session  # type: ignore[assignment]
    record_authentication(request, user, "password")
    if ago_s:
        request.session[AUTHENTICATION_METHODS_SESSION_KEY] = [{"method": "password", "at": time.time() - ago_s}]
    request.session.save()
    return client
