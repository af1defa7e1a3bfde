"""From a request to a Viewer: who is signed in, and for which of his or her organizations this request acts."""

from contextlib import nullcontext
from uuid import UUID

from django.http import HttpRequest

from access.models import Membership, Organization, OrganizationStatus, User
from access.principal import current, principal
from access.viewer import NOBODY, Viewer

SESSION_KEY = "organization"


def memberships_of(user: User) -> list[Membership]:
    """The person's memberships in active organizations, customers first, by name."""
    signed_in = current()
    already = signed_in.kind == "login" and signed_in.user == str(user.pk)
    with nullcontext() if already else principal(kind="login", user=user.pk):
        rows = list(
            Membership.objects.filter(user=user.pk, organization__status=OrganizationStatus.ACTIVE)
            .select_related("organization")
            .order_by("organization__kind", "organization__name")
        )
    for row in rows:
        row.user = user
    return rows


def viewer_of(request: HttpRequest, *, partner_slug: str | None) -> Viewer:
    """`/p/<partner>/…` acts for that partner, everything else for the customer in the session; staff pages for staff themselves.

    Rights of two memberships never add up: the viewer is one of them, or nobody.
    """
    user = request.user
    request_id = getattr(request, "request_id", "")
    if not isinstance(user, User) or not user.is_active:
        return NOBODY
    rows = memberships_of(user)
    request.memberships = rows  # type: ignore[attr-defined]  # for the switcher, without a second query
    if partner_slug is not None:
        found = next((m for m in rows if m.organization.is_partner and m.organization.slug == partner_slug), None)
        return Viewer.of_membership(found, request_id=request_id) if found else NOBODY
    if request.path.startswith("/staff/"):
        return Viewer.of_staff(user, request_id=request_id) if user.is_staff else NOBODY
    customers = [m for m in rows if m.organization.is_customer]
    chosen = request.session.get(SESSION_KEY)
    found = next((m for m in customers if str(m.organization_id) == chosen), customers[0] if customers else None)
    return Viewer.of_membership(found, request_id=request_id) if found else NOBODY


def remember(request: HttpRequest, organization: Organization | UUID) -> None:
    """Act for this customer from now on in this session."""
    request.session[SESSION_KEY] = str(getattr(organization, "pk", organization))
