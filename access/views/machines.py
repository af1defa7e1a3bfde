"""API keys: service accounts of one's organization. A token is shown once."""

from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from access import accounts
from access.models import Role, Scope, ServiceAccount
from access.views.company import base_of, own
from access.views.pages import PageRequest, acted, for_company

IN_CHARGE = (Role.OWNER, Role.ADMIN)


class AccountForm(forms.Form):
    name = forms.CharField(max_length=80, label="What is it for?")
    scope = forms.ChoiceField(choices=Scope.choices, label="It may")
    days = forms.TypedChoiceField(
        choices=[(30, "30 days"), (90, "90 days"), (365, "1 year")],
        coerce=int,
        initial=90,
        label="Ends by itself after",
    )


def _told(row: Any) -> Any:
    """The row, with whether its time is over and what it says of who made it."""
    row.is_over = row.expires_at <= timezone.now()
    if row.created_by is None:
        row.maker = ""
        return row
    row.maker = f"Made by {row.created_by.name}"
    if row.revoked_at is None and row.maker_role is None:
        row.maker += ", who is no longer a member: it is refused"
    elif row.revoked_at is None and row.maker_role not in IN_CHARGE:
        row.maker += f": may do no more than {a_role(row.maker_role)} now"
    return row


def a_role(role: str) -> str:
    word = Role(role).label.lower()
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"


@for_company
def index(request: PageRequest, partner_slug: str = "") -> HttpResponse:
    viewer, organization = own(request)
    found = (
        ServiceAccount.objects.filter(organization=organization).select_related("created_by").order_by("-created_at")
    )
    form, made = AccountForm(), {"token": ""}
    if request.method == "POST" and request.POST.get("revoke"):
        account = get_object_or_404(found, public_id=request.POST["revoke"])
        acted(request, lambda: accounts.revoke(account, by=viewer) and f"{account.name} is refused from now on.")
    elif request.method == "POST":
        form = AccountForm(request.POST)
        if form.is_valid():

            def act() -> None:
                _, made["token"] = accounts.issue(by=viewer, **form.cleaned_data)

            if acted(request, act):
                form = AccountForm()
    context = {
        "accounts": [_told(row) for row in accounts.with_maker(found)],
        "form": form,
        "token": made["token"],
        "base": base_of(organization),
    }
    return render(request, "portal/settings_api.html", context)
