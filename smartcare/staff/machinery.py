"""Partners as companies, work that waits, what staff did, and the page of all components."""

from collections.abc import Callable

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from access.models import Membership, Organization, Role
from access.views.pages import PageRequest, acted, for_staff
from partners.views.frame import posted, saying
from smartcare import kitchen_sink
from smartcare.staff import accounts, facts
from smartcare.staff.forms import PartnerForm
from smartcare.staff.frame import shown

PARTNERS_SHOWN = 200
ACTS_SHOWN = 200


def _partners() -> list[Organization]:
    return list(Organization.objects.filter(kind="partner").order_by("name", "pk")[:PARTNERS_SHOWN])


@for_staff
def partners(request: PageRequest) -> HttpResponse:
    form = PartnerForm(posted(request))
    if request.method == "POST" and form.is_valid():
        made: dict[str, Organization] = {}

        def act() -> str:
            made["row"] = accounts.open_partner(**form.cleaned_data, by=request.viewer)
            return f"{made['row'].name} is opened, and {form.cleaned_data['email']} is invited as its first admin."

        if acted(request, act):
            return redirect("staff_partner", public_id=made["row"].public_id)
    return shown(request, "staff/partners.html", {"partners": _partners(), "form": form})


def _partner(public_id: str) -> Organization:
    return get_object_or_404(Organization, kind="partner", public_id=public_id)


@for_staff
def partner(request: PageRequest, public_id: str) -> HttpResponse:
    row = _partner(public_id)
    admins = Membership.objects.filter(organization=row, role=Role.ADMIN).select_related("user").order_by("user__name")
    context = {
        "partner": row,
        "admins": [m.user.name for m in admins],
        "is_suspended": row.status == "suspended",
        "is_empty": row.is_active and accounts.waits_for_its_first(row),
    }
    return shown(request, "staff/partner.html", context)


VERBS: dict[str, tuple[Callable[..., None], str, tuple[str, ...]]] = {
    "verify": (accounts.verify, "Verified.", ()),
    "suspend": (accounts.suspend, "Suspended: it reads nothing any more, and what waited for it is dropped.", ()),
    "resume": (accounts.resume, "Let on again.", ()),
    "invite": (accounts.invite_again, "Invited by mail; any link sent before has stopped working.", ("email",)),
}
"""By the last part of the address: what is done, what is said then, and the fields it takes."""


@require_POST
@for_staff
def decide(request: PageRequest, public_id: str, verb: str) -> HttpResponse:
    if verb not in VERBS:
        raise Http404
    act, words, fields = VERBS[verb]
    row = _partner(public_id)
    said = {name: request.POST.get(name, "") for name in fields}
    acted(request, saying(words, lambda: act(row, by=request.viewer, **said)))
    return redirect("staff_partner", public_id=public_id)


@for_staff
def jobs(request: PageRequest) -> HttpResponse:
    found = [*facts.queues(), *facts.deliveries()]
    context = {
        "queues": found,
        "waiting": sum(q.waiting for q in found),
        "dead": [q for q in found if q.dead],
        "oldest_s": max((q.oldest_s for q in found), default=0.0),
    }
    return shown(request, "staff/jobs.html", context)


@for_staff
def audit(request: PageRequest) -> HttpResponse:
    return shown(request, "staff/audit.html", {"acts": facts.acts(ACTS_SHOWN)})


def kitchen(request: HttpRequest) -> HttpResponse:
    """Every component in every state, from made-up data. For developers: where DEBUG is on, or a test says so."""
    if not (settings.DEBUG or getattr(settings, "KITCHEN_SINK", False)):
        raise Http404
    return render(request, "staff/kitchen_sink.html", kitchen_sink.samples())
