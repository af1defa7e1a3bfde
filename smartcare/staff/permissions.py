"""One's own permissions, those of colleagues that wait for a review, ending early, reviewing."""

from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_POST

from access import sentences, staff
from access.models import Category, StaffPermission, StaffState, StaffWay
from access.viewer import Viewer
from access.views.pages import PageRequest, acted, for_staff
from partners.views.frame import saying
from smartcare.staff import facts
from smartcare.staff.forms import ReviewForm
from smartcare.staff.frame import shown

SHOWN = 50


def _own(request: PageRequest) -> QuerySet[StaffPermission]:
    return StaffPermission.objects.filter(user=request.viewer.user_id).select_related("customer", "user")


def _to_review(request: PageRequest) -> QuerySet[StaffPermission]:
    """Emergencies of colleagues that are over and that nobody has looked at: nobody reviews oneself."""
    over = Q(ended_at__isnull=False) | Q(expires_at__lte=timezone.now())
    found = StaffPermission.objects.filter(over, way=StaffWay.BREAK_GLASS, reviewed_at=None)
    return found.exclude(user=request.viewer.user_id).select_related("customer", "user").order_by("asked_at")


@for_staff
def index(request: PageRequest) -> HttpResponse:
    rows = list(_own(request).order_by("-asked_at")[:SHOWN])
    looks = facts.looks_under(r.pk for r in rows)
    context = {
        "permissions": [{"row": r, "looks": looks.get(r.pk, 0)} for r in rows],
        "to_review": _to_review(request)[:SHOWN],
    }
    return shown(request, "staff/permissions.html", context)


@for_staff
def page(request: PageRequest, public_id: str) -> HttpResponse:
    """Any member of staff may read it: emergencies are reviewed by colleagues, who need the words."""
    found = StaffPermission.objects.select_related("customer", "user", "reviewed_by")
    row = get_object_or_404(found, public_id=public_id)
    is_live = (
        row.state == StaffState.ALLOWED and row.ended_at is None and (row.expires_at or row.asked_at) > timezone.now()
    )
    context = {
        "row": row,
        "sentence": _sentence(row, request.viewer),
        "is_own": row.user_id == request.viewer.user_id,
        "is_live": is_live,
        "is_waiting": row.state == StaffState.WAITING,
        "may_review": row.way == StaffWay.BREAK_GLASS
        and row.reviewed_at is None
        and not is_live
        and row.user_id != request.viewer.user_id,
        "looks": facts.looks_under([row.pk]).get(row.pk, 0),
        "form": ReviewForm(),
    }
    return shown(request, "staff/permission.html", context)


def _sentence(row: StaffPermission, viewer: Viewer) -> str:
    kinds = [Category(c) for c in row.categories]
    names = [] if row.all_sites else [s.name for s in staff.sites(row.customer, by=viewer, only=row.sites)]
    if row.expires_at:
        return sentences.staff_can_look(row.user.name, kinds, names, sentences.moment(row.expires_at, row.customer))
    return sentences.staff_could_look(row.user.name, kinds, names, row.hours)


@require_POST
@for_staff
def end(request: PageRequest, public_id: str) -> HttpResponse:
    """Earlier than it would by itself; also takes a waiting question back."""
    row = get_object_or_404(_own(request), public_id=public_id)
    acted(request, saying("Ended. You see nothing of it any more.", lambda: staff.end(row, by=request.viewer)))
    return redirect("staff_own_permission", public_id=public_id)


@require_POST
@for_staff
def review(request: PageRequest, public_id: str) -> HttpResponse:
    row = get_object_or_404(_to_review(request), public_id=public_id)
    found = request.POST.get("words", "")
    acted(
        request,
        saying("Reviewed. The customer can read it.", lambda: staff.review(row, by=request.viewer, words=found)),
    )
    return redirect("staff_own_permission", public_id=public_id)
