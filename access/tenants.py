"""Facts of accounts: what staff may know of a customer or partner without permission, and who owns a serial number."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q

from access import viewing
from access.errors import Invalid, require
from access.models import Category, Membership, Organization, Role, Site
from access.viewer import Viewer


@dataclass(frozen=True, slots=True)
class Tenant:
    """Facts of an account: what staff may know without permission. No data of devices, and not who sees them."""

    organization: Organization
    owners: tuple[str, ...]
    sites: tuple[tuple[str, str], ...]  # (public id, name)
    devices: int  # how many, never which


def tenants(search: str, *, by: Viewer) -> list[Organization]:
    """Customers and partners whose name or public id matches, at most 50, by name. Raises NotAllowed."""
    require(by.is_staff, "Only staff search accounts")
    wanted = search.strip()
    if not wanted:
        return []
    found = Organization.objects.filter(Q(name__icontains=wanted) | Q(public_id=wanted.lower()))
    return list(found.order_by("name", "public_id")[:50])


def tenant(public_id: str, *, by: Viewer) -> Tenant:
    """Raises NotAllowed, Organization.DoesNotExist."""
    require(by.is_staff, "Only staff read facts of an account")
    organization = Organization.objects.get(public_id=public_id)
    in_charge = Membership.objects.filter(organization=organization, role__in=[Role.OWNER, Role.ADMIN])
    owners = in_charge.select_related("user").order_by("user__name")
    sites = Site.unscoped.filter(customer=organization, closed_at=None).order_by("name")
    return Tenant(
        organization=organization,
        owners=tuple(m.user.name for m in owners),
        sites=tuple(sites.values_list("public_id", "name")),
        devices=_ask("count_devices", organization.pk) or 0,
    )


def sites(customer: Organization, *, by: Viewer, only: Collection[UUID] | None = None) -> list[Site]:
    """Sites of an account by name: whom to ask about. What is at a site stays closed. Raises NotAllowed."""
    require(by.is_staff, "Only staff read facts of an account")
    found = Site.unscoped.filter(customer=customer, closed_at=None)
    return list((found if only is None else found.filter(pk__in=only)).order_by("name"))


@transaction.atomic
def owners_of_serial(serial: str, *, by: Viewer) -> list[str]:
    """Names of the customers that own a device with exactly this serial number; each owner finds the question in its log.

    Raises NotAllowed, Invalid.
    """
    require(by.is_staff, "Only staff look a serial number up")
    wanted = serial.strip()
    if len(wanted) < 4:
        raise Invalid("A serial number must be complete", "serial")
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM find_serial_owners(%s)", [wanted])
        owners = [row[0] for row in cursor.fetchall()]
    looks = [
        viewing.Look(
            customer_id=pk, category=Category.INVENTORY, site_id=None, kind="serial", words=f"serial number {wanted}"
        )
        for pk in sorted(owners)
    ]
    viewing.record(by, looks, way="page")
    return list(Organization.objects.filter(pk__in=owners).order_by("name").values_list("name", flat=True))


def _ask(function: str, argument: UUID) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(%s)", [argument])  # noqa: S608 - names in this module
        return cursor.fetchone()[0]
