"""Colleagues: who may do what, and which customers each may see. Inviting and removing people is under settings."""

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect

from access.models import Membership, Organization, Role
from access.views.pages import PageRequest, acted, for_partner
from partners import destinations, relations, team
from partners.forms import AssignmentForm
from partners.views.frame import base_of, posted, shown


def _members(request: PageRequest) -> QuerySet[Membership]:
    found = Membership.objects.filter(organization=request.viewer.organization_id)
    return found.select_related("user").order_by("user__name")


@for_partner
def index(request: PageRequest, partner_slug: str) -> HttpResponse:
    known = {str(c.pk): c for c in relations.customers(request.viewer)}
    context = {
        "members": [
            {"row": m, "hint": team.ROLE_HINTS[Role(m.role)], "only": assigned_to(m, known)} for m in _members(request)
        ],
        "hints": [{"role": role.label, "hint": hint} for role, hint in team.ROLE_HINTS.items()],
        "waiting": destinations.without_keeper(request.viewer.organization_id).count(),
        "may_assign": request.viewer.may_manage_people,
    }
    return shown(request, "partner/team.html", context)


def assigned_to(member: Membership, known: dict[str, Organization]) -> list[str] | None:
    """Names of the customers a colleague is narrowed to, as far as the reader knows them; None: every customer."""
    if member.only_customers is None:
        return None
    return sorted(known[pk].name for pk in member.only_customers if pk in known)


@for_partner
def assign(request: PageRequest, partner_slug: str, public_id: str) -> HttpResponse:
    member = get_object_or_404(_members(request), public_id=public_id)
    customers = list(relations.customers(request.viewer))
    only = set(member.only_customers or [])
    first = {
        "all_customers": member.only_customers is None,
        "customer": [c.public_id for c in customers if str(c.pk) in only],
    }
    form = AssignmentForm(posted(request), customers=customers, initial=first)
    if request.method == "POST" and form.is_valid():

        def act() -> str:
            team.assign(member, only=form.chosen, by=request.viewer)
            return f"Saved. {member.user.name} sees that from the next page on."

        if acted(request, act):
            return redirect(f"{base_of(request.viewer)}/team")
    return shown(request, "partner/assign.html", {"member": member, "form": form})
