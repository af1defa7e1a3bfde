"""The customer answers staff: allow for hours, say no, end at once."""

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from access import sentences, staff
from access.models import Category, Site, StaffPermission, ViewingEntry
from access.views.pages import PageRequest, acted, for_customer


def _found(request: PageRequest, public_id: str) -> StaffPermission:
    return get_object_or_404(
        StaffPermission.objects.filter(customer=request.viewer.organization_id).select_related(
            "user", "customer", "answered_by"
        ),
        public_id=public_id,
    )


@for_customer
def page(request: PageRequest, public_id: str) -> HttpResponse:
    row = _found(request, public_id)
    sites = Site.objects.visible_to(request.viewer).order_by("name")
    if not row.all_sites:
        sites = sites.filter(pk__in=row.sites)
    names = [] if row.all_sites else [s.name for s in sites]
    kinds = [Category(c) for c in row.categories]
    if row.expires_at:
        sentence = sentences.staff_can_look(row.user.name, kinds, names, sentences.moment(row.expires_at, row.customer))
    else:
        sentence = sentences.staff_could_look(row.user.name, kinds, names, row.hours)
    return render(
        request,
        "portal/staff_permission.html",
        {
            "row": row,
            "sentence": sentence,
            "zone": row.customer.timezone,
            "hours": [h for h in (1, 4, 24, 72) if h <= row.hours],
            "looks": ViewingEntry.objects.visible_to(request.viewer).filter(staff_permission=row).order_by("-at")[:50],
        },
    )


@require_POST
@for_customer
def act(request: PageRequest, public_id: str, verb: str) -> HttpResponse:
    row = _found(request, public_id)
    hours = request.POST.get("hours", "")

    def do() -> str:
        match verb:
            case "allow":
                staff.allow(row, by=request.viewer, hours=int(hours) if hours.isdigit() else None)
                return f"{row.user.name} may look from now on; it ends by itself."
            case "decline":
                staff.decline(row, by=request.viewer)
                return "Said no. Nothing was shown."
            case "end":
                staff.end(row, by=request.viewer)
                return "Ended. Staff see nothing any more."
        raise Http404

    acted(request, do)
    return redirect("staff_permission", public_id=public_id)
