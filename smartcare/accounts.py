"""Signing in and up with allauth: our rules about who may open an account, and where people land."""

import time
from typing import Any

import structlog
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.authentication import get_authentication_records
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from allauth.mfa.webauthn.forms import AddWebAuthnForm
from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django_htmx.http import HttpResponseClientRedirect

from access.context import memberships_of
from access.models import Membership, Role, User

log = structlog.get_logger(__name__)
SECOND_FACTORS = [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]  # recovery codes replace one of these for once
INVITED = "invited"  # session mark of somebody who came by an invitation or a partner's referral link


class MfaAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # the library has no types
    error_messages = DefaultMFAAdapter.error_messages | {
        "incorrect_code": _(
            "This code is not right, or its time is over. Type the one that your app shows now; if that fails as well, "
            "set your phone's clock to automatic."
        ),
    }


class AddPasskeyForm(AddWebAuthnForm):  # type: ignore[misc]
    """The library's own, in words for people."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["passwordless"].label = _("Sign in with it alone")
        self.fields["passwordless"].help_text = _(
            "Without password and app. It then asks for your fingerprint, your face or its PIN each time."
        )


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # the library has no types
    error_messages = DefaultAccountAdapter.error_messages | {
        "email_password_mismatch": _(
            "E-mail address and password do not fit each other. Try again, or use “Forgot your password?”."
        ),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Open when the installation says so, and always for somebody who was invited."""
        return settings.OPEN_SIGNUP or bool(request.session.get(INVITED))

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        return home_of(request.user) if isinstance(request.user, User) else "/"

    def get_signup_redirect_url(self, request: HttpRequest) -> str:
        return reverse("start_company")

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """A mail server that is away makes no difference to the page: it says the same for every address, and offers to ask again."""
        try:
            super().send_mail(template_prefix, email, context)
        except OSError as error:  # smtplib's errors are its children
            log.warning("account.mail_failed", mail=template_prefix, error=type(error).__name__)

    def format_email_subject(self, subject: str) -> str:
        return subject

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Asked for again only by somebody whose last password, code or passkey is older than the timeout: not right after sign-in."""
        if not super().is_reauthentication_required(app=app, **kwargs):
            return False
        records = get_authentication_records(self.request, self.request.user)
        newest = max((float(record["at"]) for record in records), default=0.0)
        return time.time() - newest >= settings.ACCOUNT_REAUTHENTICATION_TIMEOUT

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """The library calls a passkey a security key here; our pages have one word for it."""
        methods: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        passkey = {"description": _("Use a passkey")}
        return [m | passkey if m["id"] == "mfa_reauthenticate:webauthn" else m for m in methods]

    def save_user(self, request: HttpRequest, user: Any, form: Any, commit: bool = True) -> Any:
        user = super().save_user(request, user, form, commit=False)
        user.email = user.email.lower()
        user.name = user.name or user.email.split("@")[0]
        if commit:
            user.save()
        return user


def second_factors() -> QuerySet[Any]:
    """Everybody's second factors: who has one, never what it is."""
    found: QuerySet[Any] = Authenticator.objects.filter(type__in=SECOND_FACTORS)
    return found


def lacks_second_factor(request: HttpRequest) -> bool:
    """Whether this person sees what belongs to others (staff, a partner's admin) and signs in with a password alone.

    Asks the database for those people alone, where `viewer_of` has left `request.memberships`.
    """
    user = request.user
    if settings.SECOND_FACTOR != "required" or not isinstance(user, User):
        return False
    left: list[Membership] | None = getattr(request, "memberships", None)
    memberships = memberships_of(user) if left is None else left
    is_partner_admin = any(m.role == Role.ADMIN and m.organization.is_partner for m in memberships)
    if not (user.is_staff or is_partner_admin):
        return False
    return not is_mfa_enabled(user, types=SECOND_FACTORS)


def second_factor_first(request: HttpRequest) -> HttpResponse | None:
    """Instead of the page that was asked for: the one on which a second factor is set up. None: go on.

    The pages of signing in and out stay open, or nobody could set one up.
    """
    if request.path.startswith("/accounts/") or not lacks_second_factor(request):
        return None
    url = reverse("mfa_index")
    if request.path.startswith("/api/"):
        detail = f"Staff and partner admins sign in with a second factor: set one up at {settings.PUBLIC_URL}{url}"
        problem = {"type": "about:blank", "title": "Set up a second factor first", "status": 403, "detail": detail}
        return JsonResponse(problem, status=403, content_type="application/problem+json")
    return HttpResponseClientRedirect(url) if request.headers.get("HX-Request") else redirect(url)


def home_of(user: User) -> str:
    """The first page of the person's first organization: customers' portal, else a partner's triage, else the staff console."""
    rows = memberships_of(user)
    if any(m.organization.is_customer for m in rows):
        return "/"
    if rows:
        return f"/p/{rows[0].organization.slug}/triage"
    return "/staff/search" if user.is_staff else reverse("start_company")
