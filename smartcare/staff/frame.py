"""What every staff page has: the countdown of a running permission, and the check that it is really this person."""

from functools import wraps
from typing import Any
from urllib.parse import urlencode

from allauth.account.decorators import reauthentication_required
from allauth.core.exceptions import ReauthenticationRequired
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from access import staff
from access.models import StaffPermission
from access.views.pages import PageRequest, View


def shown(request: PageRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    """Render a staff page; while a permission runs, its countdown stands on each of them. Inside the viewer's transaction."""
    running = staff.running(request.viewer)
    return render(request, template, {"running": running, "countdown": countdown(running), **context})


def countdown(running: list[StaffPermission]) -> dict[str, Any] | None:
    """The one that ends first."""
    if not running:
        return None
    row = running[0]
    return {
        "text": f"You can look at data of {row.customer.name}: {row.get_way_display().lower()}.",
        "until": row.expires_at,
        "url": reverse("staff_permission_end", args=[row.public_id]),
        "action": "End now",
        "method": "post",
    }


@reauthentication_required  # type: ignore[untyped-decorator]
def _is_confirmed(request: HttpRequest) -> bool:
    return True


def confirmed(view: View) -> View:
    """Only for somebody who confirmed within 15 minutes that it is him or her; others are asked to, and come back here.

    What was posted is not carried over: it would be run again outside this page's own transactions.
    """

    @wraps(view)
    def guarded(request: PageRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            _is_confirmed(request)
        except ReauthenticationRequired:
            query = urlencode({"next": request.get_full_path()})
            return HttpResponseRedirect(f"{reverse('account_reauthenticate')}?{query}")
        return view(request, *args, **kwargs)

    return guarded
