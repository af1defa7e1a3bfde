"""Service accounts: programs that act for one organization with a token of their own, scoped and expiring.

A token reads `sct_<key id>_<secret>`. It is shown once; kept is the SHA-256 of the secret, which has 256 bits, so no slow hash is
needed. The key id is public and only finds the row.
"""

import hashlib
import hmac
import re
import secrets
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Now
from django.utils import timezone

from access import audit
from access.errors import Ended, Invalid, require
from access.models import Membership, Scope, ServiceAccount, User
from access.models.identity import ALPHABET
from access.principal import principal
from access.viewer import Viewer

TOKEN = re.compile(r"sct_([a-z0-9]{12})_([A-Za-z0-9_-]{43})")
LONGEST_DAYS = 366
NOTED_EVERY = timedelta(minutes=1)  # a busy program would otherwise write a row with each call
NOBODY_S_DIGEST = bytes(32)


@transaction.atomic
def issue(*, by: Viewer, name: str, scope: Scope, days: int) -> tuple[ServiceAccount, str]:
    """A new service account of the viewer's organization, and its token: the only moment it exists in clear.

    Inside `acting(by)`. Raises NotAllowed, Invalid.
    """
    require(by.may_manage_people and by.organization is not None, "Only owners and admins make API keys")
    words = name.strip()
    if not 1 <= len(words) <= 80:
        raise Invalid("Give the key a name of at most 80 characters", "name")
    if scope not in Scope.values:
        raise Invalid("Choose what the key may do", "scope")
    if not 1 <= days <= LONGEST_DAYS:
        raise Invalid("A key lasts from 1 to 366 days", "days")
    key_id, secret = "".join(secrets.choice(ALPHABET) for _ in range(12)), secrets.token_urlsafe(32)
    account = ServiceAccount(
        organization=by.organization,
        name=words,
        scope=scope,
        key_id=key_id,
        digest=_digest(secret),
        created_by=by.user,
        expires_at=timezone.now() + timedelta(days=days),
    )
    account.save(force_insert=True)
    _record(account, by=by, action="account.issued", after={"scope": account.scope, "expires_at": account.expires_at})
    return account, f"sct_{key_id}_{secret}"


@transaction.atomic
def revoke(account: ServiceAccount, *, by: Viewer) -> ServiceAccount:
    """Stop a service account; its next request is refused. Raises NotAllowed, Ended."""
    own = account.organization_id == by.organization_id
    require(own and by.may_manage_people, "Only owners and admins stop API keys")
    if ServiceAccount.objects.filter(pk=account.pk, revoked_at=None).update(revoked_at=Now()) == 0:
        raise Ended("This key has been stopped already")
    account.refresh_from_db()
    _record(account, by=by, action="account.revoked")
    return account


def revoke_made_by(
    user: User, *, organization: UUID, by: Viewer, because: str = "its maker is no longer a member"
) -> int:
    """Stop what somebody made who leaves: whoever makes a key reads its token, and may have kept it. Returns how many.

    Inside the act that removes the person, who needs no right of his or her own for it.
    """
    made = ServiceAccount.objects.filter(organization=organization, created_by=user, revoked_at=None)
    rows = list(made.select_for_update().order_by("pk"))
    ServiceAccount.objects.filter(pk__in=[row.pk for row in rows]).update(revoked_at=Now())
    for row in rows:
        _record(row, by=by, action="account.revoked", after={"because": because})
    return len(rows)


def authenticate(token: str, *, request_id: str = "") -> Viewer | None:
    """Who presents this token, or None: malformed, unknown, wrong, expired and revoked look alike and take alike."""
    match = TOKEN.fullmatch(token)
    if match is None:
        return None
    key_id, secret = match.groups()
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, organization_id, kind, digest FROM find_token(%s)", [key_id])
        found = cursor.fetchone()
    known = bytes(found[3]) if found else NOBODY_S_DIGEST
    if not hmac.compare_digest(_digest(secret), known) or found is None:
        return None
    account_id, organization, kind, _ = found
    with principal(kind=kind, organization=organization, account=account_id):
        account = (
            with_maker(ServiceAccount.objects.select_related("organization", "created_by"))
            .filter(pk=account_id)
            .first()
        )
        if account is None:  # stopped between the two statements
            return None
        if account.created_by_id is not None and account.maker_role is None:
            return None
        _note_use(account_id)
    return Viewer.of_account(
        account, maker_role=account.maker_role or "", only_customers=account.maker_only, request_id=request_id
    )


def with_maker(rows: QuerySet[ServiceAccount]) -> QuerySet[Any]:
    """Each with `maker_role` and `maker_only`: what bounds it today, from the membership of whoever made it. A key must not keep
    for somebody what was taken from that person: whoever makes one reads its token. None: made by nobody, or by no member any more.
    """
    makers = Membership.objects.filter(
        organization=OuterRef("organization"), user=OuterRef("created_by"), user__is_active=True
    )
    return rows.annotate(
        maker_role=Subquery(makers.values("role")), maker_only=Subquery(makers.values("only_customers"))
    )


def _note_use(account: UUID) -> None:
    """When it was last used, to the minute. Whoever finds the row locked leaves it: a burst of calls must not queue here."""
    stale = Q(last_used_at=None) | Q(last_used_at__lt=Now() - NOTED_EVERY)
    rows = ServiceAccount.objects.select_for_update(skip_locked=True).filter(stale, pk=account)
    ServiceAccount.objects.filter(pk__in=list(rows.values_list("pk", flat=True))).update(last_used_at=Now())


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _record(account: ServiceAccount, *, by: Viewer, action: str, after: dict[str, object] | None = None) -> None:
    audit.record(
        customer=account.organization_id,
        by=by,
        action=action,
        kind="service_account",
        id=account.public_id,
        words=account.name,
        after=after,
    )
