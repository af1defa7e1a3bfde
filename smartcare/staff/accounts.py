"""What staff decide about partners: opened, verified, suspended, let go on. It never touches a grant."""

from django.db import transaction
from django.db.models.functions import Now

from access import audit, invitations, onboarding
from access.errors import Invalid, require
from access.models import Membership, Organization
from access.principal import job
from access.viewer import Viewer


@transaction.atomic
def open_partner(*, name: str, city: str, email: str, by: Viewer) -> Organization:
    """A new partner, whose first admin is invited by mail. It sees nothing: customers alone share. Raises NotAllowed, Invalid."""
    partner = onboarding.open_partner(name=name, city=city, by=by)
    invitations.invite_first_admin(partner, by=by, email=email)
    return partner


def invite_again(partner: Organization, *, email: str, by: Viewer) -> None:
    """The first admin, where the first mail went nowhere; as long as nobody has joined. Raises NotAllowed, Invalid."""
    if not partner.is_active:
        raise Invalid("This partner is suspended")
    invitations.invite_first_admin(partner, by=by, email=email)


def waits_for_its_first(partner: Organization) -> bool:
    """Whether nobody has joined it yet."""
    with job(partner.pk):
        return not Membership.objects.filter(organization=partner).exists()


@transaction.atomic
def verify(partner: Organization, *, by: Viewer) -> None:
    """Somebody of us has checked that the company is what it says. Raises NotAllowed, Invalid."""
    require(by.is_staff, "Only staff verify a partner")
    if not partner.is_partner:
        raise Invalid("Only partners are verified")
    if Organization.objects.filter(pk=partner.pk, verified_at=None).update(verified_at=Now()) == 0:
        raise Invalid("This partner is verified already")
    audit.record(
        customer=partner.pk,
        by=by,
        action="organization.verified",
        kind="organization",
        id=partner.public_id,
        words=partner.name,
    )


def suspend(partner: Organization, *, by: Viewer) -> None:
    """Its reads stop at the next statement and what waits for it is dropped. Raises NotAllowed, Invalid.

    Written as work of the partner: staff see none of its deliveries, so they could not cancel any.
    """
    _check(partner, by)
    with job(partner.pk):
        onboarding.suspend(partner, by=by)


def resume(partner: Organization, *, by: Viewer) -> None:
    """Its grants, those that still run, are read again. Raises NotAllowed, Invalid."""
    _check(partner, by)
    with job(partner.pk):
        onboarding.resume(partner, by=by)


def _check(partner: Organization, by: Viewer) -> None:
    require(by.is_staff, "Only staff suspend a partner")
    if not partner.is_partner:
        raise Invalid("Only partners are suspended here")
