"""A new company, the company one acts for, its settings and its people."""

from typing import Any

from django import forms
from django.conf import settings as installation
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from access import audit, context, invitations, onboarding
from access.errors import Invalid, require
from access.models import (
    CUSTOMER_ROLES,
    PARTNER_ROLES,
    ClaimWords,
    Invitation,
    InvitationKind,
    Membership,
    Organization,
    OrganizationKind,
    Role,
    User,
)
from access.principal import acting
from access.timezones import ZONES
from access.viewer import Viewer
from access.views.pages import PageRequest, acted, for_company, own_transactions, sign_in_first


class CompanyForm(forms.Form):
    name = forms.CharField(max_length=120, label="Company")
    your_name = forms.CharField(max_length=120, label="Your name", help_text="Shown in journals next to what you do")
    timezone = forms.ChoiceField(choices=[(z, z.replace("_", " ")) for z in ZONES], label="Time zone", initial="UTC")
    site = forms.CharField(
        max_length=120, required=False, label="First site", help_text="A place with equipment. You can add more later"
    )


@own_transactions
def start(request: PageRequest) -> HttpResponse:
    """The first page of somebody without a company. The customer owns its account, also when a partner referred it."""
    if not request.user.is_authenticated:
        return sign_in_first(request)
    assert isinstance(request.user, User)
    if context.memberships_of(request.user):
        return redirect("home")
    referred_by = _referrer(request)
    form = CompanyForm(
        request.POST or None, initial={"your_name": request.user.name, "timezone": request.user.timezone}
    )
    if request.method == "POST" and form.is_valid():
        _open(request, form.cleaned_data)
        return redirect("start")
    return render(request, "portal/start_company.html", {"form": form, "referred_by": referred_by})


def _referrer(request: HttpRequest) -> Organization | None:
    slug = request.session.get("referred_by")
    return onboarding.referrer(slug) if slug else None


def _open(request: PageRequest, said: dict[str, str]) -> None:
    user = request.user
    assert isinstance(user, User)
    user.name, user.timezone = said["your_name"], said["timezone"]
    user.save(update_fields=["name", "timezone"])
    organization, membership = onboarding.open_organization(
        kind=OrganizationKind.CUSTOMER,
        name=said["name"],
        first_member=user,
        timezone=said["timezone"],
        referred_by=_referrer(request),
    )
    context.remember(request, organization)
    if said["site"]:
        viewer = Viewer.of_membership(membership)
        with acting(viewer):
            onboarding.open_site(name=said["site"], by=viewer)


@own_transactions
def referral(request: HttpRequest, slug: str) -> HttpResponse:
    """A partner's referral link: lets somebody sign up, remembers who sent them, shares nothing."""
    partner = onboarding.referrer(slug)
    if partner is not None:  # a link of nobody's opens no door that is closed
        request.session["referred_by"] = slug
        request.session["referrer_name"] = partner.name
        request.session["invited"] = True
    return redirect("home" if request.user.is_authenticated else "account_signup")


@require_POST
@own_transactions
def switch(request: PageRequest, public_id: str) -> HttpResponse:
    """Act for another of one's own companies."""
    if not isinstance(request.user, User):
        return sign_in_first(request)
    for membership in context.memberships_of(request.user):
        if membership.organization.public_id == public_id:
            context.remember(request, membership.organization)
            return redirect("home")
    raise Http404


class SettingsForm(forms.Form):
    name = forms.CharField(max_length=120, label="Company")
    city = forms.CharField(max_length=80, required=False, label="City")
    timezone = forms.ChoiceField(choices=[(z, z.replace("_", " ")) for z in ZONES], label="Time zone")
    claim_words = forms.ChoiceField(
        choices=ClaimWords.choices, label="When somebody takes an alert, other partners read", widget=forms.RadioSelect
    )
    allow_custom_metrics = forms.BooleanField(required=False, label="Keep readings under names we do not know")
    keep_configuration = forms.BooleanField(
        required=False, label="Keep configurations that devices send", help_text="Passwords and keys are always removed"
    )


class ProfileForm(forms.Form):
    name = forms.CharField(max_length=120, label="Company")
    profile = forms.CharField(
        max_length=2000,
        required=False,
        label="About your company",
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text="Public",
    )
    city = forms.CharField(max_length=80, required=False, label="City")
    website = forms.URLField(required=False, label="Website", assume_scheme="https")
    timezone = forms.ChoiceField(choices=[(z, z.replace("_", " ")) for z in ZONES], label="Time zone")


def own(request: PageRequest) -> tuple[Viewer, Organization]:
    """The viewer and its organization, or a 404; for pages that both customers and partners have."""
    viewer = request.viewer
    if viewer.organization is None:
        raise Http404
    return viewer, viewer.organization


def base_of(organization: Organization) -> str:
    return "" if organization.is_customer else f"/p/{organization.slug}"


@for_company
def settings(request: PageRequest, partner_slug: str = "") -> HttpResponse:
    viewer, organization = own(request)
    kind = SettingsForm if organization.is_customer else ProfileForm
    names = list(kind.base_fields)
    form = kind(request.POST or None, initial={n: getattr(organization, n) for n in names})
    if request.method == "POST" and form.is_valid():
        _save(viewer, organization, form.cleaned_data)
        acted(request, lambda: "Saved.")
        return redirect(f"{base_of(organization)}/settings/company")
    context = {"form": form, "base": base_of(organization), "referral": _referral_link(organization)}
    return render(request, "portal/settings_company.html", context)


def _referral_link(organization: Organization) -> str:
    """A partner's; '' for a customer."""
    return (
        f"{installation.PUBLIC_URL}{reverse('referral', args=[organization.slug])}" if organization.is_partner else ""
    )


def _save(viewer: Viewer, organization: Organization, said: dict[str, Any]) -> None:
    require(viewer.may_manage_people, "Only owners and admins change the company's settings")
    before = {n: getattr(organization, n) for n in said}
    for name, value in said.items():
        setattr(organization, name, value)
    organization.save(update_fields=list(said))
    audit.record(
        customer=organization.pk,
        by=viewer,
        action="organization.changed",
        kind="organization",
        id=organization.public_id,
        words=organization.name,
        before=before,
        after=said,
    )


@for_company
def people(request: PageRequest, partner_slug: str = "") -> HttpResponse:
    viewer, organization = own(request)
    if request.method == "POST":
        row = get_object_or_404(_open_invitations(organization), public_id=request.POST.get("withdraw", ""))
        acted(request, lambda: invitations.withdraw(row, by=viewer) and f"The link for {row.email} no longer works.")
        return redirect(f"{base_of(organization)}/settings/people")
    members = Membership.objects.filter(organization=organization).select_related("user").order_by("user__name")
    return render(
        request,
        "portal/settings_people.html",
        {
            "members": members,
            "roles": [(r.value, r.label) for r in roles_of(organization)],
            "invitations": _open_invitations(organization),
            "base": base_of(organization),
        },
    )


def _open_invitations(organization: Organization) -> QuerySet[Invitation]:
    waiting = organization.invitations.filter(kind=InvitationKind.MEMBER, accepted_at=None, withdrawn_at=None)
    return waiting.filter(expires_at__gt=Now()).order_by("email", "pk")


def roles_of(organization: Organization) -> tuple[Role, ...]:
    return CUSTOMER_ROLES if organization.is_customer else PARTNER_ROLES


@require_POST
@for_company
def change_member(request: PageRequest, public_id: str, partner_slug: str = "") -> HttpResponse:
    viewer, organization = own(request)
    membership = get_object_or_404(
        Membership.objects.select_related("organization", "user"), organization=organization, public_id=public_id
    )

    def act() -> str:
        if request.POST.get("remove"):
            onboarding.remove_member(membership, by=viewer)
            gone = f"{membership.user.name} is no longer a member and sees nothing any more."
            return f"{gone} API keys of that person are stopped; webhooks he or she added wait until one of you keeps them."
        wanted = request.POST.get("role", "")
        if wanted not in Role.values:
            raise Invalid("This role does not exist here", "role")
        onboarding.change_role(membership, role=Role(wanted), by=viewer)
        return f"{membership.user.name} is now {membership.get_role_display().lower()}."

    acted(request, act)
    return redirect(f"{base_of(organization)}/settings/people" if membership.user_id != viewer.user_id else "home")
