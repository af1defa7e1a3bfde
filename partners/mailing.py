"""Whom a notice goes to, asked at the moment of sending, and how it goes: one mail a person."""

from collections.abc import Iterable
from uuid import UUID

import structlog

from access.models import Membership, OrganizationStatus, Role, User
from partners.forwarding.mails import Mail
from partners.forwarding.transports.base import TryLater
from partners.forwarding.transports.email import EmailTransport

log = structlog.get_logger(__name__)
DECIDERS = (Role.OWNER, Role.APPROVER)
IN_CHARGE = (Role.OWNER, Role.ADMIN)


class MailServerAway(Exception):
    """The job is tried again."""


def people(organization: UUID, roles: Iterable[str], *, about: UUID | None = None) -> list[User]:
    """Active members with one of these roles, asked at the moment of sending.

    about: a customer; members of a partner who are assigned to other customers only are then left out.
    """
    rows = Membership.objects.filter(
        organization=organization,
        organization__status=OrganizationStatus.ACTIVE,
        user__is_active=True,
        role__in=list(roles),
    )
    found = rows.select_related("user").order_by("user__email")
    return [m.user for m in found if about is None or m.only_customers is None or str(about) in m.only_customers]


def send(mail: Mail, to: Iterable[User], *, job: UUID) -> None:
    """One mail a person. Raises MailServerAway if the server could not take one: repeated ids let mailboxes drop repeats."""
    for user in to:
        outcome = EmailTransport(recipient=user.email).deliver(mail, delivery_id=f"{job}.{user.pk}")
        if isinstance(outcome, TryLater):
            raise MailServerAway(outcome.error)
        log.info("notice.sent", job=str(job), outcome=type(outcome).__name__)
