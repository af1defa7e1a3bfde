"""Give, change, stop: the only writer of Grant and of guardian's rows. Design: access.md sections 3, 5 and 7 (T6, T7).

Every act is one transaction of business row, permission rows, audit entry and what higher packages add (acts.py). Site rows are
locked in id order, so that two approvers have one outcome. Call them inside `acting(viewer)`.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth.models import Permission
from django.db import OperationalError, connection, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from access import acts, audit
from access.errors import AlreadyGranted, Ended, Invalid, NotAllowed, require
from access.failpoints import failpoint
from access.models import SHAREABLE, AccessRequest, Category, Grant, Organization, Site, SiteGroupPermission
from access.policy import may_share
from access.principal import principal
from access.viewer import Viewer

LONGEST = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a grant is to say: categories, end, whether alerts are sent, what it is for."""

    categories: frozenset[Category]
    expires_at: datetime
    forward_alerts: bool = False
    purpose: str = ""

    def check(self) -> None:
        if not self.categories or not self.categories <= set(SHAREABLE):
            raise Invalid("Choose at least one kind of data", "categories")
        if self.forward_alerts and Category.HEALTH not in self.categories:
            raise Invalid("Alerts can be sent only together with health and alerts", "forward_alerts")
        now = timezone.now()
        if self.expires_at <= now:
            raise Invalid("The end must be in the future", "days")
        if self.expires_at > now + LONGEST:
            raise Invalid("Access ends after 366 days at the latest", "days")

    @property
    def values(self) -> list[str]:
        return [c.value for c in SHAREABLE if c in self.categories]


def rehearse(*, partner: Organization, terms: Mapping[Site, Terms | None], by: Viewer) -> None:
    """Leave grants and permission rows as a decision would, without journal and without telling anybody.

    For access/preview.py, which rolls it back. None: nothing is shared at that site. Raises NotAllowed, Invalid.
    """
    for site, wanted in terms.items():
        require(by.is_customer and site.customer_id == by.organization_id, "Only your own sites can be previewed")
        now_open = Grant.objects.filter(partner=partner, site=site, closed_at=None)
        SiteGroupPermission.objects.filter(grant__in=now_open).delete()
        now_open.update(closed_at=Now(), revoked_at=Now())
        if wanted is None:
            continue
        wanted.check()
        row = Grant(
            customer_id=site.customer_id,
            site=site,
            partner=partner,
            categories=wanted.values,
            forward_alerts=wanted.forward_alerts,
            purpose=wanted.purpose,
            expires_at=wanted.expires_at,
        )
        row.save(force_insert=True)
        _write_permission_rows(row)


def facts(grant: Grant) -> dict[str, Any]:
    """What the journal keeps of a grant before and after a change."""
    return {
        "categories": list(grant.categories),
        "expires_at": grant.expires_at,
        "forward_alerts": grant.forward_alerts,
        "purpose": grant.purpose,
        "generation": grant.generation,
        "revoked_at": grant.revoked_at,
        "decision": grant.decision,  # what one click decided, its receipt tells as one
    }


def _facts_of(terms: Terms) -> dict[str, Any]:
    return {
        "categories": terms.values,
        "expires_at": terms.expires_at,
        "forward_alerts": terms.forward_alerts,
        "purpose": terms.purpose,
    }


def words(grant: Grant) -> str:
    return f"{grant.partner.name} at {grant.site.name}"


def give(
    *, partner: Organization, sites: Iterable[Site], terms: Terms, by: Viewer, request: AccessRequest | None = None
) -> list[Grant]:
    """One decision: let a partner see these sites on these terms; a pair with a live grant has that grant changed instead.

    Raises NotAllowed, Invalid. Returns the grants in the order of the sites' names.
    """
    return decide(partner=partner, terms=dict.fromkeys(sites, terms), by=by, request=request)


@transaction.atomic
def decide(
    *, partner: Organization, terms: Mapping[Site, Terms], by: Viewer, request: AccessRequest | None = None
) -> list[Grant]:
    """give() with terms of their own for each site, still one decision. Raises NotAllowed, Invalid."""
    if not (partner.is_partner and partner.is_active):
        raise Invalid("This partner cannot be given access", "partner")
    chosen = sorted(terms, key=lambda s: s.pk)
    if not chosen:
        raise Invalid("Choose at least one site", "sites")
    lock_sites([s.pk for s in chosen])  # first: a site that is being closed is closed by then
    for site in chosen:
        terms[site].check()
        require(may_share(by, site), "Only owners and approvers of your company can share a site")
    decision = uuid.uuid4()
    grants = [
        _give_one(partner=partner, site=site, terms=terms[site], by=by, request=request, decision=decision)
        for site in chosen
    ]
    return sorted(grants, key=lambda g: g.site.name)


@transaction.atomic
def grant(*, partner: Organization, site: Site, terms: Terms, by: Viewer) -> Grant:
    """Let a partner see one site; the pair must hold no live grant. Raises NotAllowed, Invalid, AlreadyGranted."""
    lock_sites([site.pk])
    if Grant.objects.live().filter(partner=partner, site=site).exists():
        raise AlreadyGranted(f"{partner.name} already sees {site.name}")
    return give(partner=partner, sites=[site], terms=terms, by=by)[0]


@transaction.atomic
def change(grant: Grant, *, terms: Terms, by: Viewer) -> Grant:
    """Extend, widen, narrow or re-word a live grant. Taking something away raises the generation. Raises NotAllowed, Invalid, Ended."""
    terms.check()
    require(may_share(by, grant.site), "Only owners and approvers of your company can change access")
    lock_sites([grant.site_id])
    current = _lock_live(grant)
    return _change(current, terms=terms, by=by, decision=uuid.uuid4())


@transaction.atomic
def revoke(grant: Grant, *, by: Viewer) -> Grant:
    """End a grant now: reads stop at the next statement, what is queued is cancelled. Raises NotAllowed, Ended."""
    require(
        by.may_decide and grant.customer_id == by.organization_id,
        "Only owners and approvers of your company can stop access",
    )
    lock_sites([grant.site_id])
    return _close(_lock_open(grant), by=by, revoked=True, action="grant.revoked")


def give_back(grant: Grant, *, by: Viewer) -> Grant:
    """A partner returns what it holds. Written as work of the customer: only its side writes grants. Raises NotAllowed, Ended."""
    require(
        by.is_partner and by.may_write and grant.partner_id == by.organization_id,
        "This access is not yours to give back",
    )
    require(by.account is None and by.role in {"admin"}, "Only an admin of your company can give access back")
    with principal(kind="job", customers=[grant.customer_id]):
        lock_sites([grant.site_id])
        return _close(_lock_open(grant), by=by, revoked=True, action="grant.given_back", given_back=True)


@transaction.atomic
def stop_all(*, by: Viewer) -> list[Grant]:
    """End every unclosed grant of the customer in one transaction. Raises NotAllowed."""
    require(by.is_owner, "Only an owner can stop all sharing")
    open_grants = list(Grant.objects.filter(customer=by.organization_id, closed_at=None).order_by("site_id", "pk"))
    lock_sites([g.site_id for g in open_grants])
    # Seen again under the locks: somebody may have stopped one in between.
    still_open = Grant.objects.select_for_update(of=("self",)).filter(
        pk__in=[g.pk for g in open_grants], closed_at=None
    )
    decision = uuid.uuid4()
    return [
        _close(g, by=by, revoked=True, action="grant.revoked", decision=decision) for g in still_open.order_by("pk")
    ]


@transaction.atomic
def close_for_organization(organization: Organization, *, by: Viewer | None) -> list[Grant]:
    """End what a closed organization gave or held. Runs inside a job of the customers concerned."""
    grants = Grant.objects.filter(closed_at=None).filter(
        **({"customer": organization} if organization.is_customer else {"partner": organization})
    )
    decision = uuid.uuid4()
    return [_close(g, by=by, revoked=True, action="grant.revoked", decision=decision) for g in grants.order_by("pk")]


@transaction.atomic
def book_expiry(grant_id: UUID) -> Grant | None:
    """Close a grant whose end has passed (reading stopped by itself, by the clock). None if somebody was first."""
    grant = (
        Grant.objects.select_for_update(of=("self",))
        .filter(pk=grant_id, closed_at=None, expires_at__lte=Now())
        .select_related("partner", "site")
        .first()
    )
    return _close(grant, by=None, revoked=False, action="grant.expired") if grant else None


def drain(grant_id: UUID, *, customer: UUID, timeout_s: float = 20.0) -> datetime | None:
    """Wait until nothing that began under the grant is still under way (T7). Returns when, or None: still draining.

    Runs in a transaction of its own, after the one that closed the grant has committed; otherwise it would wait for itself.
    """
    try:
        with principal(
            kind="job", customers=[customer], lock_ms=int(timeout_s * 1000), statement_ms=int(timeout_s * 1000) + 1000
        ):
            closed = (
                Grant.objects.filter(pk=grant_id, closed_at__isnull=False).select_related("partner", "site").first()
            )
            if closed is None or closed.drained_at:
                return closed.drained_at if closed else None
            lock_passage(closed.site_id, closed.partner_id, shared=False)
            is_first = Grant.objects.filter(pk=grant_id, drained_at=None).update(drained_at=Now())
            closed.refresh_from_db()
            if not is_first:  # who waited beside us has said so
                return closed.drained_at
            audit.record(
                customer=customer,
                by=None,
                action="grant.drained",
                kind="grant",
                id=closed.public_id,
                words=words(closed),
            )
            failpoint("drain.before_commit")
            return closed.drained_at
    except OperationalError:
        return None


def lock_passage(site_id: UUID, partner_id: UUID, *, shared: bool) -> None:
    """The lock between sending (shared) and ending (exclusive), held to the end of the transaction."""
    function = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(hashtextextended(%s, 0))", [f"{site_id}:{partner_id}"])  # noqa: S608 - one of two words


def _give_one(
    *, partner: Organization, site: Site, terms: Terms, by: Viewer, request: AccessRequest | None, decision: UUID
) -> Grant:
    current = (
        Grant.objects.select_for_update(of=("self",))
        .filter(partner=partner, site=site, closed_at=None)
        .select_related("partner", "site")
        .first()
    )
    if current is not None:
        # By the database's clock: an end that passed but is not booked yet is booked first.
        if Grant.objects.live().filter(pk=current.pk).exists():
            return _change(current, terms=terms, by=by, request=request, decision=decision)
        _close(current, by=None, revoked=False, action="grant.expired")
    row = Grant(
        customer_id=site.customer_id,
        site=site,
        partner=partner,
        categories=terms.values,
        forward_alerts=terms.forward_alerts,
        forwarding_since=Now() if terms.forward_alerts else None,
        purpose=terms.purpose,
        granted_by=by.user,
        expires_at=terms.expires_at,
        decision=decision,
        request=request,
    )
    row.save(force_insert=True)
    row.refresh_from_db()
    row.partner, row.site = partner, site
    _write_permission_rows(row)
    audit.record(
        customer=row.customer_id,
        by=by,
        action="grant.opened",
        kind="grant",
        id=row.public_id,
        words=words(row),
        after=facts(row),
    )
    acts.happened("grant.opened", row, by=by)
    return row


def _change(
    current: Grant, *, terms: Terms, by: Viewer, request: AccessRequest | None = None, decision: UUID | None = None
) -> Grant:
    before = facts(current)
    if request is None and before == facts(current) | _facts_of(terms):
        return current  # pressed twice, or a second approver: what is so already is no change
    takes_away = (
        bool(set(current.categories) - set(terms.values))
        or terms.expires_at < current.expires_at
        or (current.forward_alerts and not terms.forward_alerts)
    )
    if terms.forward_alerts and not current.forward_alerts:
        current.forwarding_since = Now()
    elif not terms.forward_alerts:
        current.forwarding_since = None
    current.categories = terms.values
    current.forward_alerts = terms.forward_alerts
    current.expires_at = terms.expires_at
    current.purpose = terms.purpose
    current.changed_at = Now()
    current.reminded_at = None
    if takes_away:
        current.generation += 1
    if request is not None:
        current.request = request
    if decision is not None:
        current.decision = decision
    current.save()
    current.refresh_from_db()
    _rewrite_permission_rows(current)
    after = facts(current)
    audit.record(
        customer=current.customer_id,
        by=by,
        action="grant.narrowed" if takes_away else "grant.changed",
        kind="grant",
        id=current.public_id,
        words=words(current),
        before=before,
        after=after,
    )
    acts.happened("grant.narrowed" if takes_away else "grant.changed", current, by=by, before=before)
    return current


def _close(
    row: Grant,
    *,
    by: Viewer | None,
    revoked: bool,
    action: str,
    given_back: bool = False,
    decision: UUID | None = None,
) -> Grant:
    before = facts(row)
    changes: dict[str, Any] = {"closed_at": Now(), "generation": F("generation") + 1}
    if revoked:
        changes |= {"revoked_at": Now(), "revoked_by": by.user if by else None, "given_back": given_back}
    if Grant.objects.filter(pk=row.pk, closed_at=None).update(**changes) == 0:
        raise Ended("This access has already ended")
    SiteGroupPermission.objects.filter(grant=row).delete()
    row.refresh_from_db()
    cancelled = sum(int(n) for n in acts.happened("grant.ended", row, by=by, reason=action))
    if cancelled:
        Grant.objects.filter(pk=row.pk).update(cancelled_deliveries=cancelled)
        row.cancelled_deliveries = cancelled
    audit.record(
        customer=row.customer_id,
        by=by,
        action=action,
        kind="grant",
        id=row.public_id,
        words=words(row),
        before=before,
        after=facts(row) | {"cancelled_deliveries": cancelled, "decision": decision or uuid.uuid4()},
    )
    failpoint("revoke.before_commit")
    return row


def lock_sites(site_ids: Sequence[UUID]) -> None:
    """Nobody else decides about these sites until the transaction ends; in id order, so that two deciders never wait for each other."""
    list(Site.unscoped.select_for_update().filter(pk__in=site_ids).order_by("pk").values_list("pk"))


def _lock_open(grant: Grant) -> Grant:
    row = (
        Grant.objects.select_for_update(of=("self",))
        .filter(pk=grant.pk, closed_at=None)
        .select_related("partner", "site")
        .first()
    )
    if row is None:
        raise Ended("This access has already ended")
    return row


def _lock_live(grant: Grant) -> Grant:
    row = _lock_open(grant)
    if not Grant.objects.live().filter(pk=row.pk).exists():
        raise Ended("This access has already ended")
    return row


def _permission_ids(codenames: Iterable[str]) -> list[int]:
    wanted = set(codenames)
    found = list(
        Permission.objects.filter(
            content_type__app_label="access", content_type__model="site", codename__in=wanted
        ).values_list("pk", flat=True)
    )
    if len(found) != len(wanted):
        raise NotAllowed("The permissions of Site are missing: run manage.py migrate")
    return found


def _write_permission_rows(row: Grant) -> None:
    _add_permission_rows(row, _permission_ids(Category(c).codename for c in row.categories))


def _rewrite_permission_rows(row: Grant) -> None:
    wanted = set(_permission_ids([Category(c).codename for c in row.categories]))
    held = set(SiteGroupPermission.objects.filter(grant=row).values_list("permission_id", flat=True))
    SiteGroupPermission.objects.filter(grant=row, permission_id__in=held - wanted).delete()
    _add_permission_rows(row, sorted(wanted - held))


def _add_permission_rows(row: Grant, permissions: Iterable[int]) -> None:
    group = row.partner.group_id
    assert group is not None  # a constraint of the database: every partner has one
    SiteGroupPermission.objects.bulk_create(
        [
            SiteGroupPermission(group_id=group, permission_id=pk, content_object_id=row.site_id, grant=row)
            for pk in permissions
        ]
    )
