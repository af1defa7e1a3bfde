"""Destinations: add, verify, test, replace the secret, switch off, remove; and how they fare."""

import hashlib
import hmac
from datetime import timedelta
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from access import audit
from access.errors import Ended, Invalid, require
from access.models import Membership, Organization, User
from access.principal import job, principal
from access.viewer import Viewer
from partners.forwarding import planner, secrets, signing
from partners.forwarding.addresses import Reason, Refused, Target
from partners.forwarding.transports.webhook import WebhookTransport
from partners.models import KEEPERS, Destination, DestinationKind
from telemetry import jobs
from telemetry.models import Severity

DISABLE_AFTER = timedelta(days=5)
BOTH_SECRETS_FOR = timedelta(hours=24)
WHY_NOT = {
    Reason.SCHEME: "The address must start with https://",
    Reason.USERINFO: "The address must hold no user name or password",
    Reason.PORT: "Only the ports 443 and 8443 can be used",
    Reason.NAME: "The address needs a full host name",
    Reason.NOT_PUBLIC: "This address is not reachable from the internet",
    Reason.MALFORMED: "This is not a web address",
}
_unsubscribe = Signer(salt="unsubscribe")


def may_manage(viewer: Viewer) -> bool:
    return viewer.may_write and viewer.rank in KEEPERS


def _person(by: Viewer) -> User | None:
    """Who answers for what `by` does: the person, or who made the key."""
    return by.user or (by.account.created_by if by.account else None)


@transaction.atomic
def add_email(
    *, owner: Organization, member: User, name: str, by: Viewer | None, minimum: Severity = Severity.WARNING
) -> Destination:
    """Mail to a member's own sign-in address, which that person has proved by signing in. Raises NotAllowed, Invalid."""
    require(by is None or (may_manage(by) and by.organization_id == owner.pk), "Your role does not manage destinations")
    if not Membership.objects.filter(organization=owner, user=member).exists():
        raise Invalid("Mail goes to members of your company alone: invite this person first", "member")
    row = Destination(
        owner=owner,
        kind=DestinationKind.EMAIL,
        name=name.strip() or member.name,
        email=member.email,
        member=member,
        minimum_severity=minimum,
        verified_at=timezone.now(),
        created_by=_person(by) if by else None,
    )
    row.save(force_insert=True)
    _note(row, by, "destination.added")
    return row


@transaction.atomic
def add_webhook(
    *, owner: Organization, url: str, name: str, by: Viewer, minimum: Severity = Severity.WARNING
) -> tuple[Destination, str]:
    """A webhook and its secret, shown once. It receives nothing until it has answered a signed challenge. Raises NotAllowed, Invalid."""
    require(may_manage(by) and by.organization_id == owner.pk, "Your role does not manage destinations")
    try:
        Target.of(url, settings.EGRESS_ALLOW)
    except Refused as refused:
        raise Invalid(WHY_NOT.get(refused.reason, "This address cannot be used"), "url") from refused
    secret = signing.new_secret()
    row = Destination(
        owner=owner,
        kind=DestinationKind.WEBHOOK,
        name=name.strip() or (urlsplit(url).hostname or "Webhook"),
        url=url,
        minimum_severity=minimum,
        created_by=_person(by),
    )
    row.secret = secrets.seal(secret, str(row.pk))
    row.save(force_insert=True)
    planner.plan_verification(row)
    _note(row, by, "destination.added")
    return row, secret


@transaction.atomic
def test(destination: Destination, *, by: Viewer) -> None:
    """Send a webhook the signed challenge. One that is verified goes on meanwhile, whatever it answers; one that was given up,
    or has never answered, gets alerts once it does. Raises NotAllowed, Invalid.
    """
    require(may_manage(by) and by.organization_id == destination.owner_id, "Your role does not manage destinations")
    if destination.kind != DestinationKind.WEBHOOK:
        raise Invalid("Only webhooks are tested; mail goes to a member's own address")
    given_up = Destination.objects.filter(pk=destination.pk, disabled_at__isnull=False)
    given_up.update(verified_at=None, disabled_at=None, disabled_reason="", failing_since=None)
    destination.refresh_from_db()
    planner.plan_verification(destination)
    _note(destination, by, "destination.tested")


@transaction.atomic
def replace_secret(destination: Destination, *, by: Viewer) -> str:
    """A new secret, shown once; for a day both sign. Raises NotAllowed, Invalid."""
    require(may_manage(by) and by.organization_id == destination.owner_id, "Your role does not manage destinations")
    if destination.kind != DestinationKind.WEBHOOK:
        raise Invalid("Only webhooks have a secret")
    secret = signing.new_secret()
    destination.old_secret, destination.old_secret_until = destination.secret, timezone.now() + BOTH_SECRETS_FOR
    destination.secret = secrets.seal(secret, str(destination.pk))
    destination.save(update_fields=["secret", "old_secret", "old_secret_until"])
    _note(destination, by, "destination.secret_replaced")
    return secret


@transaction.atomic
def change(destination: Destination, *, by: Viewer, name: str, minimum: Severity, enabled: bool) -> None:
    require(may_manage(by) and by.organization_id == destination.owner_id, "Your role does not manage destinations")
    before = {
        "name": destination.name,
        "minimum_severity": destination.minimum_severity,
        "enabled": destination.enabled,
    }
    destination.name, destination.minimum_severity, destination.enabled = (
        name.strip() or destination.name,
        minimum,
        enabled,
    )
    destination.save(update_fields=["name", "minimum_severity", "enabled"])
    _note(destination, by, "destination.changed", before=before)


@transaction.atomic
def keep(destination: Destination, *, by: Viewer) -> None:
    """Answer for a webhook from now on, since who did so has left: it gets alerts again. Raises NotAllowed, Ended."""
    require(may_manage(by) and by.organization_id == destination.owner_id, "Your role does not manage destinations")
    Destination.objects.select_for_update().get(pk=destination.pk)  # of two colleagues at once, one takes it over
    row = (
        Destination.objects.left_behind()
        .select_related("created_by")
        .filter(pk=destination.pk, removed_at=None)
        .first()
    )
    if row is None:
        raise Ended("Somebody answers for it already")
    person = _person(by)
    Destination.objects.filter(pk=row.pk).update(created_by=person)
    former = row.created_by.name if row.created_by else ""
    _note(
        row,
        by,
        "destination.kept",
        before={"answers": former},
        after={"answers": person.name if person else by.name},
    )


def without_keeper(owner: UUID | None) -> QuerySet[Destination]:
    """Webhooks for which nobody of the owner answers any more."""
    found: QuerySet[Destination] = Destination.objects.left_behind().filter(owner=owner, removed_at=None)
    return found.select_related("created_by").order_by("name", "pk")


def tell_without_keeper(owner: UUID, user: User) -> None:
    """Queue the notice about each webhook of somebody who leaves or may not add one any more, in the transaction of that act."""
    for row in Destination.objects.filter(owner=owner, kind=DestinationKind.WEBHOOK, created_by=user, removed_at=None):
        jobs.enqueue("notice.webhook_waits", customer=owner, ref=row.pk, key=f"{row.pk}:{timezone.now().timestamp()}")


@transaction.atomic
def remove(destination: Destination, *, by: Viewer) -> None:
    """What waits for it is cancelled when it is tried; its log stays."""
    require(may_manage(by) and by.organization_id == destination.owner_id, "Your role does not manage destinations")
    Destination.objects.filter(pk=destination.pk, removed_at=None).update(removed_at=Now(), secret=b"", old_secret=b"")
    _note(destination, by, "destination.removed")


def webhook(destination: Destination, *, deadline_s: float) -> WebhookTransport:
    """The transport of a webhook as it is now: current URL, current secret, and the former one for a day."""
    sealed = [destination.secret]
    if destination.old_secret and destination.old_secret_until and destination.old_secret_until > timezone.now():
        sealed.append(destination.old_secret)
    opened = [secrets.open_sealed(blob, str(destination.pk)) for blob in sealed]
    return WebhookTransport(url=destination.url, secrets=opened, allow=settings.EGRESS_ALLOW, deadline_s=deadline_s)


def challenge(destination: Destination) -> str:
    """What the receiver must answer with: derived, so that it is stored nowhere and is the same at every attempt."""
    text = f"challenge:{destination.pk}:{destination.url}".encode()
    return hmac.new(settings.SECRET_KEY.encode(), text, hashlib.sha256).hexdigest()


def worked(destination: Destination, *, verification: bool) -> None:
    values: dict[str, object] = {"failing_since": None}
    if verification:
        values["verified_at"] = Now()
    Destination.objects.filter(pk=destination.pk).update(**values)


def failed(destination: Destination, *, error: str) -> None:
    """Remember since when it fails; after five days it is switched off, visibly, and its owner is told by mail."""
    Destination.objects.filter(pk=destination.pk, failing_since=None).update(failing_since=Now())
    gone = Destination.objects.filter(pk=destination.pk, disabled_at=None, failing_since__lt=Now() - DISABLE_AFTER)
    if gone.exists():
        disable(destination, reason=error)


def disable(destination: Destination, *, reason: str) -> None:
    if Destination.objects.filter(pk=destination.pk, disabled_at=None).update(
        disabled_at=Now(), disabled_reason=reason[:120]
    ):
        audit.record(
            customer=destination.owner_id,
            by=None,
            action="destination.disabled",
            kind="destination",
            id=destination.public_id,
            words=destination.name,
            after={"reason": reason},
        )
        jobs.enqueue(
            "notice.webhook_failing",
            customer=destination.owner_id,
            ref=destination.pk,
            key=f"{destination.pk}:{timezone.now().date()}",
        )


def unsubscribe_path(destination: Destination) -> str:
    return f"/unsubscribe/{_unsubscribe.sign(destination.public_id)}"


def of_unsubscribe_token(token: str) -> str | None:
    """The destination's public id, or None for a token that is none of ours."""
    try:
        return _unsubscribe.unsign(token)
    except BadSignature:
        return None


def of_ex_member(organization: UUID, user: UUID) -> None:
    """An ex-member's address leaves with the person, in the same transaction."""
    Destination.objects.filter(Q(owner=organization), member=user, removed_at=None).update(removed_at=Now())


def follow_address(user: User) -> None:
    """Somebody signs in with another address from now on: mail goes there, and pages and the API show it."""
    with principal(kind="login", user=user.pk):
        companies = list(Membership.objects.filter(user=user.pk).values_list("organization", flat=True))
    with job(*companies):
        Destination.objects.filter(owner__in=companies, member=user).update(email=user.email)


def _note(
    row: Destination,
    by: Viewer | None,
    action: str,
    before: dict[str, object] | None = None,
    after: dict[str, object] | None = None,
) -> None:
    audit.record(
        customer=row.owner_id,
        by=by,
        action=action,
        kind="destination",
        id=row.public_id,
        words=f"{row.name} ({row.kind})",
        before=before,
        after=after,
    )
