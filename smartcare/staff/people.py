"""One person, found by the complete address: switched off and on. People are not listed, or staff could read
who works where; who was switched stands in the list of changes."""

from dataclasses import dataclass

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode

from access import accounts, audit
from access.errors import Invalid, require
from access.models import Membership, Role, User
from access.principal import job
from access.viewer import Viewer
from access.views.pages import PageRequest, acted, for_staff
from partners import destinations
from smartcare.staff.frame import shown

IN_CHARGE = (Role.OWNER, Role.ADMIN)


@dataclass(frozen=True, slots=True)
class Person:
    """A user with the memberships, which are facts of accounts."""

    user: User
    memberships: list[Membership]


def find(email: str) -> Person | None:
    user = User.objects.filter(email__iexact=email.strip()).first() if email.strip() else None
    if user is None:
        return None
    found = Membership.objects.filter(user=user).select_related("organization", "user")
    return Person(user, list(found.order_by("organization__name")))


@transaction.atomic
def switch_off(person: Person, *, by: Viewer) -> list[str]:
    """The next request finds nobody, and API keys of that person are stopped. Returns companies that nobody is in charge of now.

    Raises NotAllowed, Invalid.
    """
    require(by.is_staff, "Only staff switch people off")
    if person.user.pk == by.user_id:
        raise Invalid("You cannot switch yourself off: ask a colleague")
    if User.objects.filter(pk=person.user.pk, is_active=True).update(is_active=False) == 0:
        raise Invalid("This person is switched off already")
    alone = []
    for membership in person.memberships:
        organization = membership.organization
        with job(organization.pk):
            accounts.revoke_made_by(
                person.user, organization=organization.pk, by=by, because="its maker is switched off"
            )
            destinations.tell_without_keeper(organization.pk, person.user)
            in_charge = Membership.objects.filter(organization=organization, role__in=IN_CHARGE, user__is_active=True)
            if not in_charge.exists():
                alone.append(organization.name)
    _record(person, by=by, action="person.switched_off", words="Switched off")
    return alone


@transaction.atomic
def switch_on(person: Person, *, by: Viewer) -> None:
    """Keys that were stopped stay so. Raises NotAllowed, Invalid."""
    require(by.is_staff, "Only staff switch people on")
    if User.objects.filter(pk=person.user.pk, is_active=False).update(is_active=True) == 0:
        raise Invalid("This person is not switched off")
    _record(person, by=by, action="person.switched_on", words="Switched on again")


def _record(person: Person, *, by: Viewer, action: str, words: str) -> None:
    """In the journal of each company concerned, and in the list of changes: somebody may belong to none."""
    assert by.user is not None  # staff are people
    for membership in person.memberships:
        audit.record(
            customer=membership.organization_id,
            by=by,
            action=action,
            kind="user",
            id=person.user.pk,
            words=person.user.name,
        )
    LogEntry.objects.create(
        user=by.user,
        content_type=ContentType.objects.get_for_model(User),
        object_id=str(person.user.pk),
        object_repr=person.user.email,
        action_flag=CHANGE,
        change_message=words,
    )


@for_staff
def page(request: PageRequest) -> HttpResponse:
    if request.method == "POST":
        email = request.POST.get("email", "")
        acted(request, lambda: _switched(request, find(email)))
        return redirect(f"{reverse('staff_people')}?{urlencode({'q': email})}")
    wanted = request.GET.get("q", "")
    person = find(wanted)
    return shown(request, "staff/people.html", {"wanted": wanted, "person": person})


def _switched(request: PageRequest, person: Person | None) -> str:
    if person is None:
        raise Invalid("There is nobody of this address")
    name = person.user.name
    match request.POST.get("do"):
        case "off":
            alone = switch_off(person, by=request.viewer)
            rest = "".join(f" Nobody is in charge of {company} now." for company in alone)
            return f"{name} is switched off: signed out everywhere, and API keys of that person are stopped.{rest}"
        case "on":
            switch_on(person, by=request.viewer)
            return f"{name} is switched on and may sign in again."
    raise Invalid("Choose what to do")
