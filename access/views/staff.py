"""The customer answers staff: allow for hours, say no, end at once."""

from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from access import sentences, staff
from access.models import Category, Site, StaffPermission, StaffState, StaffWay, ViewingEntry
from access.views.confirmed import confirm_first
from access.views.numbers import whole
from access.views.pages import PageRequest, acted, for_customer

LOOKS_SHOWN = 50


def _found(request: PageRequest, public_id: str) -> StaffPermission:
    return get_object_or_404(
        StaffPermission.objects.filter(customer=request.viewer.organization_id).select_related(
            "user", "customer", "answered_by"
        ),
        public_id=public_id,
    )


@for_customer
def page(request: PageRequest, public_id: str) -> HttpResponse:
    row, now = _found(request, public_id), timezone.now()
    sites = Site.objects.visible_to(request.viewer).order_by("name")
    names = [] if row.all_sites else [s.name for s in sites.filter(pk__in=row.sites)]
    kinds = [Category(c) for c in row.categories]
    is_waiting = row.state == StaffState.WAITING and row.lapses_at > now
    is_live = row.state == StaffState.ALLOWED and row.expires_at is not None and row.expires_at > now
    hours = _hours(row, request.GET.get("hours", ""))
    sentence = ""
    if is_live and row.expires_at is not None:
        sentence = sentences.staff_can_look(row.user.name, kinds, names, sentences.moment(row.expires_at, row.customer))
    elif is_waiting:
        sentence = sentences.staff_could_look(row.user.name, kinds, names, hours)
    looks = ViewingEntry.objects.visible_to(request.viewer).filter(staff_permission=row)
    context = {
        "row": row,
        "title": _title(row, is_waiting=is_waiting, is_live=is_live),
        "is_waiting": is_waiting,
        "is_live": is_live,
        "sentence": sentence,
        "kinds": sentences.categories(kinds),
        "where": sentences.listed(names) or gettext("all your sites"),
        "zone": row.customer.timezone,
        "hours": hours,
        "length": sentences.for_hours(hours),
        "lengths": _lengths(row, hours),
        "looks": looks.order_by("-at")[:LOOKS_SHOWN],
    }
    return render(request, "portal/staff_permission.html", context)


def _title(row: StaffPermission, *, is_waiting: bool, is_live: bool) -> str:
    words = {"name": row.user.name}
    if row.way == StaffWay.BREAK_GLASS:
        return gettext("Staff opened your data in an emergency")
    if is_waiting:
        return gettext("%(name)s of SmartCare asks to look") % words
    if is_live:
        return gettext("%(name)s of SmartCare can look now") % words
    return gettext("%(name)s of SmartCare asked to look") % words


def _hours(row: StaffPermission, text: str) -> int:
    """What was chosen, never longer than what was asked for."""
    return min(whole(text, most=999) or row.hours, row.hours)


def _lengths(row: StaffPermission, hours: int) -> list[dict[str, Any]]:
    """Links, so that sentence and button agree also without scripts."""
    found = []
    for length in sorted({*(h for h in staff.HOURS if h < row.hours), row.hours}):
        label = sentences.for_hours(length)
        if length == row.hours:
            label = gettext("%(length)s, as asked") % {"length": label}
        found.append({"url": f"?hours={length}", "label": label, "current": length == hours})
    return found


@require_POST
@for_customer
def act(request: PageRequest, public_id: str, verb: str) -> HttpResponse:
    row = _found(request, public_id)
    hours = _hours(row, request.POST.get("hours", ""))
    if verb == "allow":
        here = f"{reverse('staff_permission', args=[public_id])}?hours={hours}"
        if (first := confirm_first(request, back_to=here)) is not None:
            return first

    def do() -> str:
        match verb:
            case "allow":
                staff.allow(row, by=request.viewer, hours=hours)
                return gettext("%(name)s may look from now on; it ends by itself.") % {"name": row.user.name}
            case "decline":
                staff.decline(row, by=request.viewer)
                return gettext("Said no. Nothing was shown.")
            case "end":
                staff.end(row, by=request.viewer)
                return gettext("Ended. Staff see nothing any more.")
        raise Http404

    acted(request, do)
    return redirect("staff_permission", public_id=public_id)
