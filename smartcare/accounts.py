"""Signing in and up with allauth: our rules about who may open an account, and where people land."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from access.context import memberships_of
from access.models import User

INVITED = "invited"  # session mark of somebody who came by an invitation or a partner's referral link


class AccountAdapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Open when the installation says so, and always for somebody who was invited."""
        return settings.OPEN_SIGNUP or bool(request.session.get(INVITED))

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        return home_of(request.user) if isinstance(request.user, User) else "/"

    def get_signup_redirect_url(self, request: HttpRequest) -> str:
        return reverse("start_company")

    def save_user(self, request: HttpRequest, user: Any, form: Any, commit: bool = True) -> Any:
        user = super().save_user(request, user, form, commit=False)
        user.email = user.email.lower()
        user.name = user.name or user.email.split("@")[0]
        if commit:
            user.save()
        return user


def home_of(user: User) -> str:
    """The first page of the person's first organization: customers' portal, else a partner's triage, else the staff console."""
    rows = memberships_of(user)
    if any(m.organization.is_customer for m in rows):
        return "/"
    if rows:
        return f"/p/{rows[0].organization.slug}/triage"
    return "/staff/search" if user.is_staff else reverse("start_company")
