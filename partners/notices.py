"""Mails about access itself: to owners and approvers, and to a partner's admins. They always go, and are rendered when they are sent.

Queued as jobs in the transaction of the act, so that an act without its notice cannot be.
"""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from access import sentences
from access.lengths import last_day
from access.models import (
    AccessRequest,
    Anchor,
    Grant,
    Invitation,
    InvitationKind,
    Organization,
    RequestState,
    Role,
    Site,
    StaffPermission,
)
from partners import destinations
from partners.forwarding import facts, mails, secrets
from partners.forwarding.mails import Mail
from partners.forwarding.transports.base import TryLater
from partners.forwarding.transports.email import EmailTransport
from partners.mailing import DECIDERS, IN_CHARGE, MailServerAway, people, send
from partners.models import KEEPERS, Destination
from telemetry import jobs


def queue_grant(kind: str, grant: Grant, *, key: str, **payload: object) -> None:
    for owner in (grant.customer_id, grant.partner_id):
        jobs.enqueue(
            f"notice.{kind}",
            customer=grant.customer_id,
            ref=grant.pk,
            key=f"{key}:{owner}",
            payload={"owner": str(owner), **payload},
        )


def _grant_notice(claim: jobs.Claim, make: Callable[[Grant, UUID], Mail]) -> None:
    grant = Grant.objects.select_related("partner", "site", "customer").get(pk=claim.ref)
    owner = UUID(claim.payload["owner"])
    organization = Organization.objects.get(pk=owner)
    with timezone.override(organization.timezone):
        about = grant.customer_id if owner == grant.partner_id else None
        send(make(grant, owner), people(owner, IN_CHARGE, about=about), job=claim.id)


@jobs.handles("notice.access_given")
def access_given(claim: jobs.Claim) -> None:
    _grant_notice(claim, lambda grant, owner: mails.access_given(facts.access_facts(grant, owner)))


@jobs.handles("notice.access_changed")
def access_changed(claim: jobs.Claim) -> None:
    changes = [str(c) for c in claim.payload.get("changes", [])]
    _grant_notice(claim, lambda grant, owner: mails.access_changed(facts.access_facts(grant, owner), changes=changes))


@jobs.handles("notice.access_ended")
def access_ended(claim: jobs.Claim) -> None:
    """The partner is told that it ended, not who pressed the button."""
    why = {
        "grant.revoked": "The customer stopped it.",
        "grant.given_back": "The partner gave it back.",
        "grant.expired": "Its end date has passed.",
    }
    reason = why.get(claim.payload.get("reason", ""), "It has ended.")
    _grant_notice(claim, lambda grant, owner: mails.access_ended(facts.access_facts(grant, owner), reason=reason))


@jobs.handles("notice.ending_soon")
def ending_soon(claim: jobs.Claim) -> None:
    _grant_notice(claim, lambda grant, owner: mails.ending_soon(facts.access_facts(grant, owner)))


@jobs.handles("notice.requested")
def requested(claim: jobs.Claim) -> None:
    request = AccessRequest.objects.select_related("partner", "customer").get(pk=claim.ref)
    if request.customer is None:
        return
    names = list(
        Site.unscoped.filter(pk__in=request.sites, customer=request.customer)
        .order_by("name")
        .values_list("name", flat=True)
    )
    with timezone.override(request.customer.timezone):
        mail = mails.access_requested(
            mails.AskFacts(
                partner_name=request.partner.name,
                site_name=sentences.listed(names) if names else _("all your sites"),
                wanted=sentences.categories(request.categories),
                sentence=sentences.could_look(
                    request.partner.name,
                    request.categories,
                    names,
                    last_day(timezone.now() + timedelta(days=request.days), request.customer),
                    forward_alerts=request.forward_alerts,
                ),
                reason=request.reason,
                lapses_at=request.lapses_at,
                link=f"{settings.PUBLIC_URL}/access/requests/{request.public_id}",
            )
        )
        send(mail, people(request.customer.pk, DECIDERS), job=claim.id)


def _staff_sentence(permission: StaffPermission) -> str:
    sites = Site.unscoped.filter(customer=permission.customer, pk__in=permission.sites).order_by("name")
    names = [] if permission.all_sites else list(sites.values_list("name", flat=True))
    if permission.expires_at:
        until = sentences.moment(permission.expires_at, permission.customer)
        return sentences.staff_can_look(permission.user.name, permission.categories, names, until)
    return sentences.staff_could_look(permission.user.name, permission.categories, names, permission.hours)


def _staff_facts(permission: StaffPermission) -> mails.StaffFacts:
    return mails.StaffFacts(
        staff_name=permission.user.name,
        sentence=_staff_sentence(permission),
        reason=permission.reason,
        until=permission.expires_at or permission.lapses_at,
        link=f"{settings.PUBLIC_URL}/access/staff/{permission.public_id}",
    )


@jobs.handles("notice.staff_asked")
def staff_asked(claim: jobs.Claim) -> None:
    permission = StaffPermission.objects.select_related("user", "customer").get(pk=claim.ref)
    with timezone.override(permission.customer.timezone):
        send(mails.lockbox_request(_staff_facts(permission)), people(permission.customer_id, DECIDERS), job=claim.id)


@jobs.handles("notice.break_glass")
def break_glass(claim: jobs.Claim) -> None:
    """Cannot be switched off; goes to every owner and approver."""
    permission = StaffPermission.objects.select_related("user", "customer").get(pk=claim.ref)
    with timezone.override(permission.customer.timezone):
        send(mails.break_glass(_staff_facts(permission)), people(permission.customer_id, DECIDERS), job=claim.id)


@jobs.handles("notice.webhook_failing")
def webhook_failing(claim: jobs.Claim) -> None:
    destination = Destination.objects.select_related("owner").get(pk=claim.ref)
    host = _host(destination)
    mail = mails.webhook_failing(
        mails.FailingFacts(
            host=host,
            failing_since=destination.failing_since or timezone.now(),
            waiting=destination.deliveries.filter(state="ready").count(),
            is_disabled=destination.disabled_at is not None,
            link=_list_of(destination),
        )
    )
    send(mail, people(destination.owner_id, IN_CHARGE), job=claim.id)


@jobs.handles("notice.webhook_waits")
def webhook_waits(claim: jobs.Claim) -> None:
    """Removed, or kept by somebody meanwhile: nothing is sent."""
    row = destinations.without_keeper(claim.customer_id).select_related("owner").filter(pk=claim.ref).first()
    if row is None or row.created_by is None:
        return
    facts = mails.WaitingFacts(
        name=row.name, host=_host(row), person=row.created_by.name, link=f"{_list_of(row)}/{row.public_id}"
    )
    # Where nobody is in charge any more, those who may keep it as well.
    send(mails.webhook_waits(facts), people(row.owner_id, IN_CHARGE) or people(row.owner_id, KEEPERS), job=claim.id)


def _host(destination: Destination) -> str:
    return destination.url.split("/")[2] if destination.url else destination.email.rpartition("@")[2]


def _list_of(destination: Destination) -> str:
    """Address of the page of the owner's destinations."""
    owner = destination.owner
    path = "/settings/notifications" if owner.is_customer else f"/p/{owner.slug}/settings/webhooks"
    return f"{settings.PUBLIC_URL}{path}"


@jobs.handles("notice.invited")
def invited(claim: jobs.Claim) -> None:
    """To an address that is nobody's yet: a link that works once. Withdrawn or used meanwhile: nothing is sent."""
    row = Invitation.objects.select_related("organization", "invited_by").get(pk=claim.ref)
    if row.accepted_at or row.withdrawn_at or row.expires_at <= timezone.now():
        return
    token = secrets.open_sealed(bytes.fromhex(claim.payload["token"]), str(row.pk))
    link = f"{settings.PUBLIC_URL}/invitations/{token}"
    organization = row.organization
    with timezone.override(organization.timezone):
        if row.kind == InvitationKind.PARTNER:
            mail = mails.invitation(
                mails.InvitationFacts(
                    customer_name=organization.name,
                    inviter_name=row.invited_by.name,
                    expires_at=row.expires_at,
                    link=link,
                )
            )
        else:
            role = Role(row.role).label.lower()
            mail = mails.colleague(
                mails.ColleagueFacts(
                    organization_name=organization.name, role=role, expires_at=row.expires_at, link=link
                )
            )
    outcome = EmailTransport(recipient=row.email).deliver(mail, delivery_id=str(claim.id))
    if isinstance(outcome, TryLater):
        raise MailServerAway(outcome.error)


@jobs.handles("notice.answered")
def answered(claim: jobs.Claim) -> None:
    """To the partner's admins: allowed or declined, in its own words for the customer; who decided is not said."""
    request = AccessRequest.objects.select_related("partner").get(pk=claim.ref)
    partner = request.partner
    with timezone.override(partner.timezone):
        if request.state == RequestState.ALLOWED:
            answer = _("They said yes. What you may see now is on your page.")
        elif request.pause_until:
            answer = _("They said no. You can ask again from %(day)s.") % {
                "day": sentences.day(request.pause_until.date())
            }
        else:
            answer = _("They said no.")
        facts_of = mails.AnswerFacts(
            customer_name=request.customer_name, answer=answer, link=f"{settings.PUBLIC_URL}/p/{partner.slug}/access"
        )
        send(mails.answered(facts_of), people(partner.pk, IN_CHARGE, about=request.customer_id), job=claim.id)


@jobs.handles("notice.anchor")
def anchored(claim: jobs.Claim) -> None:
    """The day's signed heads to the owners: whoever rewrites the journals cannot rewrite their mailboxes."""
    row = Anchor.objects.select_related("customer").get(pk=claim.ref)
    organization = row.customer
    page = "/access/log/check" if organization.is_customer else f"/p/{organization.slug}/access"
    mail = mails.anchor(
        mails.AnchorFacts(
            organization_name=organization.name,
            day=f"{row.day:%Y-%m-%d}",
            audit_seq=row.audit_seq,
            audit_hash=bytes(row.audit_hash).hex(),
            looks_seq=row.looks_seq,
            looks_hash=bytes(row.looks_hash).hex(),
            signature=bytes(row.signature).hex(),
            link=f"{settings.PUBLIC_URL}{page}",
        )
    )
    send(mail, people(organization.pk, IN_CHARGE), job=claim.id)
