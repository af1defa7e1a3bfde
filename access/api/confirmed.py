"""Is it really this person? A session left open for longer than 15 minutes decides nothing about access; a token is a secret of its own."""

from allauth.account.decorators import reauthentication_required
from allauth.core.exceptions import ReauthenticationRequired
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from rest_framework import status
from rest_framework.exceptions import APIException
from rest_framework.request import Request

from access.api.permissions import viewer_of


class NotConfirmed(APIException):
    status_code = status.HTTP_403_FORBIDDEN

    def __init__(self) -> None:
        where = f"{settings.PUBLIC_URL}{reverse('account_reauthenticate')}"
        super().__init__(f"Nothing was saved. Confirm that it is you at {where}, then send this again")


@reauthentication_required  # type: ignore[untyped-decorator]
def _is_confirmed(request: HttpRequest) -> bool:
    return True


def confirm(request: Request) -> None:
    """Raises NotConfirmed for a person whose last password, code or passkey is too old, as the pages ask for it."""
    if viewer_of(request).account is not None:
        return
    try:
        _is_confirmed(request._request)
    except ReauthenticationRequired:
        raise NotConfirmed from None
