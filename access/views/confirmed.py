"""Is it really this person? Asked before a decision when the last password, code or passkey is older than 15 minutes."""

import time
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from allauth.account.authentication import get_authentication_records
from allauth.account.decorators import reauthentication_required
from allauth.core.exceptions import ReauthenticationRequired
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext

from access.views.pages import PageRequest, View


@reauthentication_required  # type: ignore[untyped-decorator]
def _is_confirmed(request: HttpRequest) -> bool:
    return True


def confirm_first(request: HttpRequest, *, back_to: str) -> HttpResponse | None:
    """The page that asks who is there, which leads to `back_to` afterwards; None: we know, go on.

    What was posted is not carried over: it would be run again outside the transactions of its page. `back_to` is the page with
    the same choices on it, whose button is then pressed once more.
    """
    try:
        _is_confirmed(request)
    except ReauthenticationRequired:
        if request.method == "POST":
            messages.info(
                request, gettext("Nothing is saved yet: confirm that it is you, then press the button again.")
            )
        return HttpResponseRedirect(f"{reverse('account_reauthenticate')}?{urlencode({'next': back_to})}")
    return None


def strongly_confirmed(view: View) -> View:
    """A view whose very page is only for somebody who confirmed lately, with the second factor where there is one."""

    @wraps(view)
    def guarded(request: PageRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        here = request.get_full_path()
        first = confirm_first(request, back_to=here) or _second_factor_first(request, back_to=here)
        return view(request, *args, **kwargs) if first is None else first

    return guarded


def _second_factor_first(request: HttpRequest, *, back_to: str) -> HttpResponse | None:
    """A password alone can be looked over a shoulder. None: the second factor was given lately, or there is none to give."""
    pages = {Authenticator.Type.TOTP: "mfa_reauthenticate", Authenticator.Type.WEBAUTHN: "mfa_reauthenticate_webauthn"}
    held = [kind for kind in pages if is_mfa_enabled(request.user, types=[kind])]
    given = (float(r["at"]) for r in get_authentication_records(request, request.user) if r["method"] == "mfa")
    if not held or time.time() - max(given, default=0.0) < settings.ACCOUNT_REAUTHENTICATION_TIMEOUT:
        return None
    return HttpResponseRedirect(f"{reverse(pages[held[0]])}?{urlencode({'next': back_to})}")
