"""Companies and their people: open, close, add, remove. The only writer of auth Groups and of `user.groups`, which is a projection."""

import uuid

from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models.functions import Now
from django.utils.text import slugify

from access import accounts, acts, audit, sharing
from access.errors import Invalid, require
from access.models import (
    CUSTOMER_ROLES,
    PARTNER_ROLES,
    Membership,
    Organization,
    OrganizationKind,
    OrganizationStatus,
    Role,
    ServiceAccount,
    Site,
    User,
)
from access.principal import acting, principal
from access.viewer import Viewer


@transaction.atomic
def open_organization(
    *,
    kind: OrganizationKind,
    name: str,
    first_member: User,
    timezone: str = "UTC",
    city: str = "",
    profile: str = "",
    referred_by: Organization | None = None,
) -> tuple[Organization, Membership]:
    """A new company and its first owner or admin. Call it with no principal, or as the user who signs up.

    A customer's address is random: a name in it would tell strangers who is a customer. Raises Invalid.
    """
    name = name.strip()
    if not name:
        raise Invalid("Give your company a name", "name")
    with principal(kind="login", user=first_member.pk):
        organization = Organization(
            kind=kind,
            name=name,
            timezone=timezone,
            city=city,
            profile=profile,
            referred_by=referred_by if referred_by and referred_by.is_partner else None,
        )
        _keep(organization)
        role = Role.OWNER if kind == OrganizationKind.CUSTOMER else Role.ADMIN
        membership = _join(organization, first_member, role)
        viewer = Viewer.of_membership(membership)
        audit.record(
            customer=organization.pk,
            by=viewer,
            action="organization.opened",
            kind="organization",
            id=organization.public_id,
            words=name,
            after={"referred_by": organization.referred_by.name} if organization.referred_by else None,
        )
        with acting(viewer):
            acts.happened("organization.opened", organization, first_member=first_member, by=viewer)
    return organization, membership


@transaction.atomic
def open_partner(*, name: str, city: str = "", by: Viewer) -> Organization:
    """A partner without people yet, by staff; its first admin is invited. Raises NotAllowed, Invalid."""
    require(by.is_staff, "Only staff open a partner for others")
    name = name.strip()
    if not name:
        raise Invalid("Give the company a name", "name")
    organization = Organization(kind=OrganizationKind.PARTNER, name=name, city=city.strip())
    _keep(organization)
    audit.record(
        customer=organization.pk,
        by=by,
        action="partner.opened",
        kind="organization",
        id=organization.public_id,
        words=name,
    )
    return organization


def _keep(organization: Organization) -> None:
    """A new row with its address, and a partner's with its group."""
    organization.slug = _free_slug(organization.name) if organization.is_partner else organization.public_id
    if organization.is_partner:
        organization.group = Group.objects.create(name=f"partner {organization.public_id}")
    organization.save(force_insert=True)


def referrer(slug: str) -> Organization | None:
    """The partner behind a referral link, for somebody who has no company yet; None where there is none, or it was stopped."""
    with principal(kind="login"):  # the directory of partners is open to whoever signs in or up
        partners = Organization.objects.filter(kind=OrganizationKind.PARTNER, status=OrganizationStatus.ACTIVE)
        return partners.filter(slug=slug).first()


@transaction.atomic
def open_site(*, name: str, by: Viewer, city: str = "", timezone: str = "") -> Site:
    """A new site, shared with nobody. Raises NotAllowed, Invalid."""
    require(by.may_edit, "Only owners and approvers of your company add sites")
    organization = by.organization
    assert organization is not None
    name = name.strip()
    if not name:
        raise Invalid("Give the site a name", "name")
    if Site.objects.visible_to(by).filter(name=name).exists():
        raise Invalid("You have a site of this name already", "name")
    site = Site(customer=organization, name=name, city=city.strip(), timezone=timezone or organization.timezone)
    site.save(force_insert=True)
    audit.record(customer=organization.pk, by=by, action="site.opened", kind="site", id=site.public_id, words=name)
    return site


@transaction.atomic
def change_site(site: Site, *, by: Viewer, name: str = "", city: str | None = None, timezone: str = "") -> Site:
    """Raises NotAllowed, Invalid."""
    require(
        by.may_edit and site.customer_id == by.organization_id, "Only owners and approvers of your company change sites"
    )
    before = {"name": site.name, "city": site.city, "timezone": site.timezone}
    if name.strip() and name.strip() != site.name:
        if Site.objects.visible_to(by).filter(name=name.strip()).exists():
            raise Invalid("You have a site of this name already", "name")
        site.name = name.strip()
    site.city = site.city if city is None else city.strip()
    site.timezone = timezone or site.timezone
    site.save(update_fields=["name", "city", "timezone"])
    after = {"name": site.name, "city": site.city, "timezone": site.timezone}
    audit.record(
        customer=site.customer_id,
        by=by,
        action="site.changed",
        kind="site",
        id=site.public_id,
        words=site.name,
        before=before,
        after=after,
    )
    return site


@transaction.atomic
def close_site(site: Site, *, by: Viewer) -> Site:
    """Nobody reports from there any more, and every access to it ends. Raises NotAllowed, Invalid."""
    require(
        by.may_decide and site.customer_id == by.organization_id,
        "Only owners and approvers of your company close sites",
    )
    # First of all: whoever decides about the site, or adds something there, has done so or reads that it is closed.
    if not Site.unscoped.select_for_update(no_key=True).filter(pk=site.pk, closed_at=None):
        raise Invalid("This site is closed already")
    for grant in site.grants.filter(closed_at=None).select_related("partner", "site").order_by("pk"):
        sharing.revoke(grant, by=by)
    acts.happened("site.closed", site, by=by)
    Site.unscoped.filter(pk=site.pk).update(closed_at=Now())
    site.refresh_from_db()
    audit.record(
        customer=site.customer_id, by=by, action="site.closed", kind="site", id=site.public_id, words=site.name
    )
    return site


@transaction.atomic
def add_member(*, organization: Organization, user: User, role: Role, by: Viewer | None) -> Membership:
    """Make somebody a member. Call it inside the organization's own principal. Raises NotAllowed, Invalid."""
    require(
        by is None or (by.may_manage_people and by.organization_id == organization.pk),
        "Only owners and admins add people",
    )
    if role not in (CUSTOMER_ROLES if organization.is_customer else PARTNER_ROLES):
        raise Invalid("This role does not exist here", "role")
    if Membership.objects.filter(organization=organization, user=user).exists():
        raise Invalid("This person is a member already", "email")
    membership = _join(organization, user, role)
    audit.record(
        customer=organization.pk,
        by=by or Viewer.of_membership(membership),
        action="member.added",
        kind="user",
        id=user.pk,
        words=user.name,
        after={"role": role},
    )
    acts.happened("member.added", membership, by=by)
    return membership


@transaction.atomic
def change_role(membership: Membership, *, role: Role, by: Viewer) -> None:
    """Raises NotAllowed, Invalid."""
    organization = membership.organization
    require(by.may_manage_people and by.organization_id == organization.pk, "Only owners and admins change roles")
    if role not in (CUSTOMER_ROLES if organization.is_customer else PARTNER_ROLES):
        raise Invalid("This role does not exist here", "role")
    before = membership.role
    if role != before:
        _keep_one_in_charge(membership)
    membership.role = role
    membership.save(update_fields=["role"])
    audit.record(
        customer=organization.pk,
        by=by,
        action="member.role",
        kind="user",
        id=membership.user_id,
        words=membership.user.name,
        before={"role": before},
        after={"role": role},
    )
    acts.happened("member.role", membership, by=by)


@transaction.atomic
def remove_member(membership: Membership, *, by: Viewer) -> None:
    """An ex-member loses everything at once: every read asks for the membership again, and API keys that the person made stop.

    Raises NotAllowed, Invalid.
    """
    organization, user = membership.organization, membership.user
    leaving = by.user_id == user.pk and by.organization_id == organization.pk
    require(
        leaving or (by.may_manage_people and by.organization_id == organization.pk),
        "Only owners and admins remove people",
    )
    _keep_one_in_charge(membership)
    role = membership.role
    if organization.group_id:
        user.groups.remove(organization.group_id)
    accounts.revoke_made_by(user, organization=organization.pk, by=by)
    acts.happened("member.removed", membership, by=by)
    audit.record(
        customer=organization.pk,
        by=by,
        action="member.removed",
        kind="user",
        id=user.pk,
        words=user.name,
        before={"role": role},
    )
    membership.delete()


def suspend(organization: Organization, *, by: Viewer) -> None:
    """Staff stop a partner: its grants stay on paper, but reads and the gate fail on the organization's flag at once."""
    require(by.is_staff, "Only staff suspend a partner")
    _set_status(organization, OrganizationStatus.SUSPENDED, by=by, action="organization.suspended")
    acts.happened("organization.suspended", organization, by=by)


def resume(organization: Organization, *, by: Viewer) -> None:
    require(by.is_staff, "Only staff let a partner go on")
    if organization.status != OrganizationStatus.SUSPENDED:
        raise Invalid("This company is not suspended")
    _set_status(organization, OrganizationStatus.ACTIVE, by=by, action="organization.resumed")


@transaction.atomic
def close_organization(organization: Organization, *, by: Viewer) -> None:
    """End its grants, remove its people, empty its group (A22). Raises NotAllowed."""
    may = by.is_staff or (by.organization_id == organization.pk and by.may_manage_people)
    require(may, "Only its owners, or staff, close a company")
    with principal(kind="job", customers=[organization.pk]):
        customers = (
            {organization.pk}
            if organization.is_customer
            else set(organization.grants.filter(closed_at=None).values_list("customer_id", flat=True))
        )
    with principal(kind="job", customers=customers | {organization.pk}):
        sharing.close_for_organization(organization, by=by)
        acts.happened("organization.closed", organization, by=by)
        for membership in Membership.objects.filter(organization=organization).select_related("user", "organization"):
            audit.record(
                customer=organization.pk,
                by=by,
                action="member.removed",
                kind="user",
                id=membership.user_id,
                words=membership.user.name,
            )
        Membership.objects.filter(organization=organization).delete()
        ServiceAccount.objects.filter(organization=organization, revoked_at=None).update(revoked_at=Now())
        if organization.group_id:
            User.groups.through.objects.filter(group_id=organization.group_id).delete()
        organization.closed_at = Now()
        organization.status = OrganizationStatus.CLOSED
        organization.save(update_fields=["status", "closed_at"])
        organization.refresh_from_db()
        audit.record(
            customer=organization.pk,
            by=by,
            action="organization.closed",
            kind="organization",
            id=organization.public_id,
            words=organization.name,
        )


def _set_status(organization: Organization, status: OrganizationStatus, *, by: Viewer, action: str) -> None:
    before = organization.status
    organization.status = status
    organization.save(update_fields=["status"])
    audit.record(
        customer=organization.pk,
        by=by,
        action=action,
        kind="organization",
        id=organization.public_id,
        words=organization.name,
        before={"status": before},
        after={"status": status},
    )


def _join(organization: Organization, user: User, role: Role) -> Membership:
    membership = Membership(organization=organization, user=user, role=role)
    membership.save(force_insert=True)
    if organization.group_id:
        user.groups.add(organization.group_id)
    return membership


def _keep_one_in_charge(membership: Membership) -> None:
    """The last owner or admin cannot leave or be lowered: somebody must be able to decide."""
    in_charge = {Role.OWNER, Role.ADMIN}
    if membership.role not in in_charge:
        return
    # Locked, or two owners could remove each other at the same moment.
    rows = Membership.objects.select_for_update(of=("self",)).filter(
        organization=membership.organization_id, role__in=in_charge, user__is_active=True
    )
    if list(rows.order_by("pk").values_list("pk", flat=True)) == [membership.pk]:
        raise Invalid("Somebody must stay in charge: give another person this role first")


def _free_slug(name: str) -> str:
    base = slugify(name)[:30] or "partner"
    if not Organization.objects.filter(slug=base).exists():
        return base
    return f"{base}-{uuid.uuid4().hex[:6]}"
