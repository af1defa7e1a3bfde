"""Who calls the API: a browser's session (with CSRF), or a service account's bearer token. Both become a Viewer."""

from typing import Any

from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication, SessionAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from access import accounts
from access.context import SESSION_KEY, memberships_of
from access.models import User
from access.viewer import NOBODY, Viewer


class ServiceAccountToken(BaseAuthentication):
    """`Authorization: Bearer sct_<keyid>_<secret>`. A wrong, expired or revoked token is one and the same 401."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        words = get_authorization_header(request).split()
        if not words or words[0].lower() != b"bearer":
            return None
        if len(words) != 2:
            raise AuthenticationFailed("Send one bearer token")
        viewer = accounts.authenticate(words[1].decode("ascii", "replace"))
        if viewer is None:
            raise AuthenticationFailed("This token is unknown, expired or revoked")
        keep(request, viewer)
        return viewer.account, viewer

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class Session(SessionAuthentication):
    """The signed-in person, acting for the customer of the session, or for `?acting=<partner's slug>`."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        found = super().authenticate(request)
        if found is None:
            return None
        user = found[0]
        if not isinstance(user, User):
            return None
        keep(request, _viewer(request._request, user, request.query_params.get("acting", "")))
        return found

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def _viewer(request: HttpRequest, user: User, acting: str) -> Viewer:
    request_id = getattr(request, "request_id", "")
    rows = memberships_of(user)
    if acting:
        found = next((m for m in rows if m.organization.slug == acting or m.organization.public_id == acting), None)
    else:
        chosen = request.session.get(SESSION_KEY)
        found = next((m for m in rows if str(m.organization_id) == chosen), rows[0] if rows else None)
    if found is not None:
        return Viewer.of_membership(found, request_id=request_id)
    return Viewer.of_staff(user, request_id=request_id) if user.is_staff else NOBODY


def keep(request: Request, viewer: Viewer) -> None:
    request._request.viewer = viewer  # type: ignore[attr-defined]
