"""One-use links by mail, 14 days: a colleague becomes a member, a partner gets to know a customer. Neither shares any data.

The mail is sent by a higher package, which takes part in the act "invitation.made" and is handed the token there. Kept is its
SHA-256. An invitation answers alike whether the address is known here or not.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from access import acts, audit, onboarding
from access.errors import Ended, Invalid, require
from access.models import (
    CUSTOMER_ROLES,
    PARTNER_ROLES,
    Invitation,
    InvitationKind,
    Membership,
    Organization,
    Role,
    User,
)
from access.principal import job
from access.viewer import Viewer

LASTS = timedelta(days=14)
MOST_OPEN = 100  # of one organization: a stolen session must not become a mail cannon


@transaction.atomic
def invite_member(*, by: Viewer, email: str, role: Role) -> tuple[Invitation, str]:
    """Invite a colleague into the viewer's organization. Returns the invitation and its token. Raises NotAllowed, Invalid."""
    organization = by.organization
    require(by.may_manage_people and organization is not None, "Only owners and admins invite people")
    assert organization is not None
    if role not in (CUSTOMER_ROLES if organization.is_customer else PARTNER_ROLES):
        raise Invalid("This role does not exist here", "role")
    if Membership.objects.filter(organization=organization, user__email__iexact=email.strip()).exists():
        raise Invalid("This person is a member already", "email")
    return _invite(organization, InvitationKind.MEMBER, by=by, email=email, role=role)


@transaction.atomic
def invite_first_admin(organization: Organization, *, by: Viewer, email: str) -> tuple[Invitation, str]:
    """Into a partner that staff have opened and that has nobody yet; any link sent before, to whatever address, stops working.
    Raises NotAllowed, Invalid."""
    require(by.is_staff and organization.is_partner, "Only staff invite the first admin of a partner")
    with job(organization.pk):
        if Membership.objects.filter(organization=organization).exists():
            raise Invalid("This partner has people, who invite their colleagues")
        before = Invitation.objects.select_for_update().filter(
            organization=organization, kind=InvitationKind.MEMBER, accepted_at=None, withdrawn_at=None
        )
        for row in before:
            Invitation.objects.filter(pk=row.pk).update(withdrawn_at=Now())
            _record(row, by=by, action="invitation.withdrawn")
        return _invite(organization, InvitationKind.MEMBER, by=by, email=email, role=Role.ADMIN)


@transaction.atomic
def invite_partner(*, by: Viewer, email: str) -> tuple[Invitation, str]:
    """A customer asks somebody to join as its partner. Shares nothing, now or when accepted. Raises NotAllowed, Invalid."""
    require(by.may_decide and by.user is not None, "Only owners and approvers of your company invite partners")
    assert by.organization is not None
    return _invite(by.organization, InvitationKind.PARTNER, by=by, email=email)


@transaction.atomic
def withdraw(invitation: Invitation, *, by: Viewer) -> Invitation:
    """The link stops working. Raises NotAllowed, Ended."""
    member = invitation.kind == InvitationKind.MEMBER
    may = by.may_manage_people if member else by.may_decide
    require(may and invitation.organization_id == by.organization_id, "This invitation is not yours to take back")
    waiting = Invitation.objects.filter(pk=invitation.pk, accepted_at=None, withdrawn_at=None)
    if waiting.update(withdrawn_at=Now()) == 0:
        raise Ended("This invitation has been answered or taken back already")
    invitation.refresh_from_db()
    _record(invitation, by=by, action="invitation.withdrawn")
    return invitation


@dataclass(frozen=True, slots=True)
class Invited:
    """What the page behind the link says, before anybody has signed in."""

    kind: InvitationKind
    organization: str
    email: str
    role: str
    expires_at: datetime


def read(token: str) -> Invited | None:
    """The invitation behind a link; None: unknown, used, taken back and over look alike."""
    found = _find(token)
    if found is None:
        return None
    pk, organization = found
    with job(organization):
        row = Invitation.objects.select_related("organization").get(pk=pk)
        return Invited(InvitationKind(row.kind), row.organization.name, row.email, row.role, row.expires_at)


def accept_as_member(token: str, *, user: User) -> Membership:
    """The person joins the organization, once. Raises Ended, Invalid (a member already)."""
    pk, organization_id = _known(token)
    with job(organization_id):
        row = _lock(pk, InvitationKind.MEMBER)
        membership = onboarding.add_member(organization=row.organization, user=user, role=Role(row.role), by=None)
        _accept(row, user=user)
        _record(row, by=Viewer.of_membership(membership), action="invitation.accepted")
        acts.happened("invitation.accepted", row, by=Viewer.of_membership(membership))
    return membership


def accept_as_partner(token: str, *, by: Viewer) -> Invitation:
    """A partner answers a customer's call, once. It sees nothing until the customer decides. Raises NotAllowed, Ended."""
    require(by.is_partner and by.may_manage_people, "Only an admin of a partner answers this invitation")
    assert by.user is not None
    assert by.organization is not None
    pk, organization_id = _known(token)
    with job(organization_id, by.organization.pk):
        row = _lock(pk, InvitationKind.PARTNER)
        _accept(row, user=by.user, partner=by.organization)
        _record(row, by=by, action="invitation.accepted")
        audit.record(
            customer=by.organization.pk,
            by=by,
            action="invitation.accepted",
            kind="invitation",
            id=row.public_id,
            words=row.organization.name,
        )
        acts.happened("invitation.accepted", row, by=by)
    return row


def _invite(
    organization: Organization, kind: InvitationKind, *, by: Viewer, email: str, role: str = ""
) -> tuple[Invitation, str]:
    address = email.strip().lower()
    try:
        validate_email(address)
    except ValidationError as error:
        raise Invalid("This is no e-mail address", "email") from error
    now_open = Invitation.objects.filter(
        organization=organization, accepted_at=None, withdrawn_at=None, expires_at__gt=Now()
    )
    if now_open.count() >= MOST_OPEN:
        raise Invalid("Too many invitations are open: take some back first", "email")
    # The new link replaces an older one to the same address: one of them could lie in a forgotten mailbox.
    now_open.filter(kind=kind, email=address).update(withdrawn_at=Now())
    token = secrets.token_urlsafe(32)
    assert by.user is not None  # every caller asked for a person
    row = Invitation(
        organization=organization,
        kind=kind,
        email=address,
        role=role,
        digest=_digest(token),
        invited_by=by.user,
        expires_at=timezone.now() + LASTS,
    )
    row.save(force_insert=True)
    _record(row, by=by, action="invitation.made")
    acts.happened("invitation.made", row, token=token, by=by)
    return row, token


def _find(token: str) -> tuple[UUID, UUID] | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, organization_id FROM find_invitation(%s)", [_digest(token)])
        found: tuple[UUID, UUID] | None = cursor.fetchone()
        return found


def _known(token: str) -> tuple[UUID, UUID]:
    found = _find(token)
    if found is None:
        raise Ended("This link has been used, taken back or is too old")
    return found


def _lock(pk: UUID, kind: InvitationKind) -> Invitation:
    """Seen again under the lock: two people with one link, one of them joins."""
    rows = Invitation.objects.select_for_update(of=("self",)).select_related("organization")
    row = rows.filter(pk=pk, kind=kind, accepted_at=None, withdrawn_at=None, expires_at__gt=Now()).first()
    if row is None:
        raise Ended("This link has been used, taken back or is too old")
    return row


def _accept(row: Invitation, *, user: User, partner: Organization | None = None) -> None:
    row.accepted_at, row.accepted_by, row.accepted_for = timezone.now(), user, partner
    row.save(update_fields=["accepted_at", "accepted_by", "accepted_for"])


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _record(row: Invitation, *, by: Viewer, action: str) -> None:
    audit.record(
        customer=row.organization_id,
        by=by,
        action=action,
        kind="invitation",
        id=row.public_id,
        words=row.email,
        after={"kind": row.kind, "role": row.role},
    )
