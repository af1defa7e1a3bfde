"""Viewer: who is looking, for one organization, in one request. The argument of every read and the `by=` of every write."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from access.models.identity import (
    Membership,
    Organization,
    Role,
    Scope,
    ServiceAccount,
    User,
)

Kind = Literal["customer", "partner", "staff", "nobody"]


@dataclass(frozen=True, slots=True)
class Viewer:
    """A user (or a service account) acting for one organization; staff act for themselves.

    Holds no rights: only the names under which the door asks the database, at each read, what may be seen.
    """

    kind: Kind
    user: User | None = None
    organization: Organization | None = None
    role: str = ""
    account: ServiceAccount | None = None
    # Of an account: the role that whoever made it has today; '' where no person did, and its scope alone decides.
    maker_role: str = ""
    only_customers: tuple[UUID, ...] | None = None
    request_id: str = ""
    alias: str = ""  # how a push without a person is named in the viewing log
    # A customer's person who looks as this partner (access/preview.py): sees what the partner sees of this customer, writes nothing.
    preview_of: Organization | None = None

    @classmethod
    def of_membership(cls, membership: Membership, *, request_id: str = "") -> "Viewer":
        organization = membership.organization
        return cls(
            kind="customer" if organization.is_customer else "partner",
            user=membership.user,
            organization=organization,
            role=membership.role,
            only_customers=_narrowed(organization, membership.only_customers),
            request_id=request_id,
        )

    @classmethod
    def of_account(
        cls,
        account: ServiceAccount,
        *,
        maker_role: str = "",
        only_customers: Iterable[str] | None = None,
        request_id: str = "",
    ) -> "Viewer":
        """A program, which may do no more than whoever made it may today."""
        organization = account.organization
        return cls(
            kind="customer" if organization.is_customer else "partner",
            organization=organization,
            account=account,
            maker_role=maker_role,
            only_customers=_narrowed(organization, only_customers),
            request_id=request_id,
        )

    @classmethod
    def of_staff(cls, user: User, *, request_id: str = "") -> "Viewer":
        return cls(kind="staff", user=user, request_id=request_id)

    @classmethod
    def stand_in(cls, viewer: "Viewer", partner: Organization) -> "Viewer":
        """A customer's person in the partner's place, for a preview."""
        customer = viewer.organization
        if not viewer.is_customer or customer is None or not partner.is_partner:
            raise ValueError("Only a customer looks as a partner")
        return cls(
            kind="partner",
            user=viewer.user,
            organization=partner,
            only_customers=(customer.pk,),
            request_id=viewer.request_id,
            preview_of=customer,
        )

    @property
    def is_customer(self) -> bool:
        return self.kind == "customer"

    @property
    def is_partner(self) -> bool:
        return self.kind == "partner"

    @property
    def is_staff(self) -> bool:
        return self.kind == "staff"

    @property
    def user_id(self) -> UUID | None:
        return self.user.pk if self.user else None

    @property
    def organization_id(self) -> UUID | None:
        return self.organization.pk if self.organization else None

    @property
    def account_id(self) -> UUID | None:
        return self.account.pk if self.account else None

    @property
    def name(self) -> str:
        """How this viewer is named to others: the person, or the service account."""
        if self.alias:
            return self.alias
        if self.account:
            return f"API key “{self.account.name}”"
        return self.user.name if self.user else "SmartCare"

    @property
    def organization_name(self) -> str:
        return self.organization.name if self.organization else "SmartCare staff"

    @property
    def rank(self) -> str:
        """The role that bounds what this viewer may do: the person's own, or of a program that of whoever made it."""
        if self.account is None:
            return self.role
        return self.maker_role or (Role.OWNER if self.is_customer else Role.ADMIN)

    @property
    def may_write(self) -> bool:
        return self.preview_of is None and (self.account is None or self.account.scope == Scope.WRITE)

    @property
    def may_decide(self) -> bool:
        """May answer requests and give, change and stop access for its customer."""
        return self.is_customer and self.may_write and self.rank in {Role.OWNER, Role.APPROVER}

    @property
    def is_owner(self) -> bool:
        return self.is_customer and self.account is None and self.role == Role.OWNER

    @property
    def may_edit(self) -> bool:
        """May change the customer's own things that touch nobody's rights: sites, devices, alerts' states."""
        return self.is_customer and self.may_write and self.rank in {Role.OWNER, Role.APPROVER}

    @property
    def may_manage_people(self) -> bool:
        return self.account is None and self.role in {Role.OWNER, Role.ADMIN}

    @property
    def may_answer(self) -> bool:
        """May take, snooze, resolve and comment on alerts it sees. Viewers read, and sales people make offers."""
        if not self.may_write or self.is_staff:
            return False
        return self.rank not in {Role.SALES, Role.VIEWER}


def _narrowed(organization: Organization, only: Iterable[str] | None) -> tuple[UUID, ...] | None:
    """Customers to which a partner's colleague is assigned; None: to all."""
    return tuple(UUID(str(c)) for c in only) if only is not None and organization.is_partner else None


NOBODY = Viewer(kind="nobody")
