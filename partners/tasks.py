"""Handlers of jobs, thin; and what partners adds to acts of access, inside their transactions."""

from typing import Any

from allauth.account.signals import email_changed
from django.db import connection, transaction
from django.db.models.functions import Now
from django.dispatch import receiver

from access import acts
from access.models import AccessRequest, Anchor, Grant, Invitation, Membership, Organization, StaffPermission, User
from access.sentences import ChangeKind, what_changes
from access.sharing import Terms
from access.viewer import Viewer
from partners import business_notices as business_notices  # its handlers
from partners import destinations, notices, resealing, suspending
from partners.forwarding import planner, secrets, sending
from partners.models import Delivery
from telemetry import jobs
from telemetry.models import AlertTransition


@jobs.handles("transition.recorded")
def plan(claim: jobs.Claim) -> None:
    """Prepare one delivery for each destination entitled to this alert change."""
    planner.plan(AlertTransition.unscoped.select_related("alert").get(pk=claim.ref))


def wake_if_due() -> None:
    """For the sweep: deliveries are claimed by their own function, not as jobs."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT find_deliveries_due()")
        if cursor.fetchone()[0]:
            jobs.wake("delivery")


jobs.runs("delivery", sending.send_due)
HOUSEKEEPING: tuple[Any, ...] = (resealing.reseal_secrets,)


@acts.on("organization.opened")
def first_destination(organization: Organization, *, first_member: User, by: Viewer) -> None:
    """The customer gets its own alerts always, and a partner its first: by mail to whoever opened the company."""
    destinations.add_email(owner=organization, member=first_member, name=first_member.name, by=None)


@acts.on("member.added")
def first_destination_of_a_partner(membership: Membership, *, by: Viewer | None) -> None:
    """The same for one that staff opened and whose first admin joins."""
    owner = membership.organization
    is_first = not Membership.objects.filter(organization=owner).exclude(pk=membership.pk).exists()
    if owner.is_partner and is_first:
        destinations.add_email(owner=owner, member=membership.user, name=membership.user.name, by=None)


@acts.on("member.removed")
def forget_address(membership: Membership, *, by: Viewer) -> None:
    destinations.of_ex_member(membership.organization_id, membership.user_id)
    destinations.tell_without_keeper(membership.organization_id, membership.user)


@acts.on("member.role")
def say_what_waits(membership: Membership, **_: Any) -> None:
    destinations.tell_without_keeper(membership.organization_id, membership.user)


@receiver(email_changed)
def follow_address(user: User, **_: Any) -> None:
    destinations.follow_address(user)


@acts.on("grant.opened")
def tell_given(grant: Grant, *, by: Viewer) -> None:
    key = f"grant:{grant.pk}:opened"
    planner.plan_access(grant, "access.granted", key=key)
    notices.queue_grant("access_given", grant, key=key)


@acts.on("grant.changed", "grant.narrowed")
def tell_changed(grant: Grant, *, by: Viewer, before: dict[str, Any]) -> None:
    if grant.generation != before["generation"]:
        planner.rebind(grant)
    key = (
        f"grant:{grant.pk}:{grant.generation}:{grant.changed_at:%s}"
        if grant.changed_at
        else f"grant:{grant.pk}:{grant.generation}"
    )
    notices.queue_grant("access_changed", grant, key=key, changes=_changes(grant, before))


def _changes(grant: Grant, before: dict[str, Any]) -> list[str]:
    """What is new, longer, shorter or gone, one sentence each; what stays is not worth a mail."""
    was = Grant(
        categories=before["categories"], expires_at=before["expires_at"], forward_alerts=before["forward_alerts"]
    )
    terms = Terms(grant.category_set, grant.expires_at, grant.forward_alerts, grant.purpose)
    return [c.words for c in what_changes(was, terms, grant.customer) if c.kind != ChangeKind.STAYS]


@acts.on("grant.ended")
def drop_and_tell(grant: Grant, *, by: Viewer | None, reason: str) -> int:
    """Cancel what waits under the grant, in the transaction that ends it (T6). Returns how many, for the receipt."""
    cancelled = planner.cancel_for_grant(grant, "grant_ended")
    key = f"grant:{grant.pk}:ended"
    planner.plan_access(grant, "access.revoked", key=key)
    notices.queue_grant("access_ended", grant, key=key, reason=reason)
    return cancelled


@acts.on("grant.ending_soon")
def remind(grant: Grant) -> None:
    notices.queue_grant("ending_soon", grant, key=f"grant:{grant.pk}:soon:{grant.expires_at:%Y%m%d}")


@acts.on("request.made")
def tell_asked(request: AccessRequest, **_: Any) -> None:
    if request.customer_id:
        jobs.enqueue("notice.requested", customer=request.customer_id, ref=request.pk)


@acts.on("staff.asked")
def tell_staff_asked(permission: StaffPermission, **_: Any) -> None:
    jobs.enqueue("notice.staff_asked", customer=permission.customer_id, ref=permission.pk)


@acts.on("staff.break_glass")
def tell_break_glass(permission: StaffPermission, **_: Any) -> int:
    """Returns that the owners' notice is queued: without it nothing begins."""
    jobs.enqueue("notice.break_glass", customer=permission.customer_id, ref=permission.pk)
    return 1


@acts.on("invitation.made")
def tell_invited(invitation: Invitation, *, token: str, **_: Any) -> None:
    """The token is kept sealed until the mail is rendered; the invitation itself holds its digest alone."""
    sealed = secrets.seal(token, str(invitation.pk)).hex()
    jobs.enqueue("notice.invited", customer=invitation.organization_id, ref=invitation.pk, payload={"token": sealed})


@acts.on("request.answered")
def tell_answered(request: AccessRequest, **_: Any) -> None:
    jobs.enqueue("notice.answered", customer=request.partner_id, ref=request.pk)


@acts.on("journal.anchored")
def mail_anchor(anchor: Anchor, **_: Any) -> None:
    """The day's signed heads leave the house: what is in somebody's mailbox cannot be rewritten here."""
    jobs.enqueue("notice.anchor", customer=anchor.customer_id, ref=anchor.pk)


@acts.on("organization.suspended")
def drain_all(organization: Organization, **_: Any) -> None:
    suspending.queue_drain(organization)


@acts.on("organization.suspended", "organization.closed")
def drop_all(organization: Organization, **_: Any) -> None:
    """What waits for it is dropped; should it be let on again, it hears of what happens then."""
    Delivery.objects.filter(owner=organization, state="ready").update(
        state="cancelled", reason="partner_inactive", finished_at=Now()
    )
