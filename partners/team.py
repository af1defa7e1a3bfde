"""Which customers a colleague may see: all that the company may see, or only some. An assignment narrows; it never widens."""

from collections.abc import Iterable

from django.db import transaction

from access import audit
from access.errors import Invalid, require
from access.models import Membership, Organization, Role
from access.viewer import Viewer
from partners import relations

ROLE_HINTS = {
    Role.ADMIN: "Manages people, destinations and access, and works on alerts",
    Role.ENGINEER: "Works on alerts and manages destinations",
    Role.SALES: "Looks, asks for access and makes offers; answers no alerts",
}


@transaction.atomic
def assign(membership: Membership, *, only: Iterable[Organization] | None, by: Viewer) -> None:
    """only None: every customer, also new ones. Takes effect at the next page. Raises NotAllowed, Invalid."""
    mine = by.is_partner and membership.organization_id == by.organization_id
    require(mine and by.may_manage_people, "Only admins assign customers")
    if membership.user_id == by.user_id and only is not None:
        raise Invalid("An admin sees every customer: give yourself another role first", "customer")
    chosen = None if only is None else sorted(str(c.pk) for c in only)
    known = {str(c.pk) for c in relations.customers(by)}
    if chosen is not None and not set(chosen) <= known:
        raise Invalid("Unknown customer", "customer")
    before = membership.only_customers
    membership.only_customers = chosen
    membership.save(update_fields=["only_customers"])
    audit.record(
        customer=membership.organization_id,
        by=by,
        action="member.assigned",
        kind="user",
        id=membership.user_id,
        words=membership.user.name,
        before={"only_customers": before},
        after={"only_customers": chosen},
    )
