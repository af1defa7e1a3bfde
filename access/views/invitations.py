"""Invite a colleague or a partner by mail; accept an invitation. Nothing is shared by either."""

from django import forms
from django.http import HttpResponse
from django.shortcuts import redirect, render

from access import invitations
from access.context import memberships_of, remember
from access.errors import Ended, Invalid, NotAllowed
from access.models import InvitationKind, Role, User
from access.principal import acting
from access.viewer import Viewer
from access.views.company import base_of, own, roles_of
from access.views.pages import PageRequest, acted, for_company, for_customer, own_transactions, sign_in_first


class InviteForm(forms.Form):
    email = forms.EmailField(label="E-mail")


class InviteMemberForm(InviteForm):
    role = forms.ChoiceField(label="Role")

    def __init__(self, *args: object, roles: tuple[Role, ...], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields["role"].choices = [(r.value, r.label) for r in roles]  # type: ignore[attr-defined]


@for_customer
def invite_partner(request: PageRequest) -> HttpResponse:
    form = InviteForm(request.POST or None)
    sent = "They get a link that works once, for 14 days. Nothing is shared until they have joined and you decide."
    valid = request.method == "POST" and form.is_valid()
    if valid and acted(
        request, lambda: invitations.invite_partner(by=request.viewer, email=form.cleaned_data["email"]) and sent
    ):
        return redirect("access")
    return render(request, "portal/invite_partner.html", {"form": form})


@for_company
def invite_member(request: PageRequest, partner_slug: str = "") -> HttpResponse:
    viewer, organization = own(request)
    form = InviteMemberForm(request.POST or None, roles=roles_of(organization))
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data

        def act() -> str:
            invitations.invite_member(by=viewer, email=said["email"], role=Role(said["role"]))
            return f"{said['email']} gets a link that works once, for 14 days."

        if acted(request, act):
            return redirect(f"{base_of(organization)}/settings/people")
    return render(request, "portal/invite_member.html", {"form": form, "base": base_of(organization)})


@own_transactions
def accept(request: PageRequest, token: str) -> HttpResponse:
    """The link in the mail opens a page; accepting is a POST by somebody signed in."""
    found = invitations.read(token)
    if found is None:
        return render(request, "portal/invitation_gone.html", status=404)
    if not request.user.is_authenticated:
        request.session["invited"] = True
        request.session["account_verified_email"] = found.email  # who has the link has the mailbox it was sent to
        if request.method == "POST":
            return sign_in_first(request)
    partners = (
        [m for m in memberships_of(request.user) if m.organization.is_partner] if isinstance(request.user, User) else []
    )
    context = {
        "invited": found,
        "token": token,
        "partners": partners,
        "as_partner": found.kind == InvitationKind.PARTNER,
    }
    if request.method == "POST" and isinstance(request.user, User):
        try:
            return _accepted(request, token, request.user, found)
        except (Invalid, Ended, NotAllowed) as no:
            context["problem"] = str(no)
    return render(request, "portal/invitation.html", context)


def _accepted(request: PageRequest, token: str, user: User, found: invitations.Invited) -> HttpResponse:
    if found.kind == InvitationKind.MEMBER:
        membership = invitations.accept_as_member(token, user=user)
        if membership.organization.is_customer:
            remember(request, membership.organization)
        return redirect("home")
    wanted = request.POST.get("organization", "")
    for membership in memberships_of(user):
        if membership.organization.is_partner and membership.organization.public_id == wanted:
            viewer = Viewer.of_membership(membership)
            with acting(viewer):
                invitations.accept_as_partner(token, by=viewer)
            return redirect(f"/p/{membership.organization.slug}/triage")
    raise Invalid("Choose the partner company you act for")
