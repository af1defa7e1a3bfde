"""Is it really this person? Asked before a decision when the last password, code or passkey is older than 15 minutes."""

from functools import wraps
from typing import Any
from urllib.parse import urlencode

from allauth.account.decorators import reauthentication_required
from allauth.core.exceptions import ReauthenticationRequired
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


def confirmed(view: View) -> View:
    """A view whose very page is only for somebody who confirmed lately."""

    @wraps(view)
    def guarded(request: PageRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        first = confirm_first(request, back_to=request.get_full_path())
        return view(request, *args, **kwargs) if first is None else first

    return guarded
