"""People and companies. No table here holds what a device said."""

import secrets
import uuid
from typing import Any, ClassVar

from django.contrib.auth.base_user import BaseUserManager
from django.contrib.auth.models import AbstractBaseUser, Group, PermissionsMixin
from django.db import models
from django.db.models.functions import Lower

ALPHABET = "23456789abcdefghjkmnpqrstvwxyz"  # no 0 o 1 i l u: ids are read aloud on the phone


def public_id(prefix: str) -> str:
    """A short random id for URLs, e.g. 'dv-7k2p9mqh4t': 49 bits, so guessing one is hopeless and order says nothing."""
    return f"{prefix}-" + "".join(secrets.choice(ALPHABET) for _ in range(10))


def organization_public_id() -> str:
    return public_id("or")


def account_public_id() -> str:
    return public_id("sa")


def invitation_public_id() -> str:
    return public_id("iv")


def membership_public_id() -> str:
    return public_id("me")


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=(username or "").lower())


class User(AbstractBaseUser, PermissionsMixin):
    """A person who signs in; has no rights except through memberships (or as staff, through permissions a customer gave)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    timezone = models.CharField(max_length=64, default="UTC")
    keyboard_shortcuts = models.BooleanField(default=True)
    date_joined = models.DateTimeField(auto_now_add=True)

    objects = UserManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="one_user_per_email_whatever_its_case")]

    def get_full_name(self) -> str:
        return self.name

    def get_short_name(self) -> str:
        return self.name.split(" ")[0]


class OrganizationKind(models.TextChoices):
    CUSTOMER = "customer", "Customer"
    PARTNER = "partner", "Partner"


class OrganizationStatus(models.TextChoices):
    ACTIVE = "active", "Active"
    SUSPENDED = "suspended", "Suspended"
    CLOSED = "closed", "Closed"


class ClaimWords(models.TextChoices):
    """How a customer lets other partners see that somebody has an alert (ux.md, section 5)."""

    SOMEONE = "someone", "Someone has this already"
    PROVIDER = "provider", "Claimed by another provider"
    NAME = "name", "The name of who has it"


class Organization(models.Model):
    """A company: a customer (the tenant, owns sites) or a partner (may hold grants)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    public_id = models.CharField(max_length=16, unique=True, default=organization_public_id, editable=False)
    kind = models.CharField(max_length=8, choices=OrganizationKind.choices)
    name = models.CharField(max_length=120)
    slug = models.SlugField(max_length=40, unique=True, help_text="Part of a partner's address, /p/<slug>/")
    status = models.CharField(max_length=9, choices=OrganizationStatus.choices, default=OrganizationStatus.ACTIVE)
    # A partner's public profile, shown in the directory to every customer.
    profile = models.TextField(max_length=2000, blank=True)
    city = models.CharField(max_length=80, blank=True)
    website = models.URLField(blank=True)
    timezone = models.CharField(max_length=64, default="UTC")
    claim_words = models.CharField(max_length=8, choices=ClaimWords.choices, default=ClaimWords.SOMEONE)
    allow_custom_metrics = models.BooleanField(default=True)
    keep_configuration = models.BooleanField(default=False)
    # guardian hangs permissions on a Group; the group is the partner's shadow and is never shown.
    group = models.OneToOneField(Group, models.PROTECT, null=True, blank=True, related_name="organization")
    verified_at = models.DateTimeField(null=True, blank=True)
    referred_by = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind="customer", group=None) | models.Q(kind="partner", group__isnull=False),
                name="partners_have_a_group_and_customers_none",
            ),
        ]

    @property
    def is_customer(self) -> bool:
        return self.kind == OrganizationKind.CUSTOMER

    @property
    def is_partner(self) -> bool:
        return self.kind == OrganizationKind.PARTNER

    @property
    def is_active(self) -> bool:
        return self.status == OrganizationStatus.ACTIVE


class Role(models.TextChoices):
    OWNER = "owner", "Owner"
    APPROVER = "approver", "Approver"
    VIEWER = "viewer", "Viewer"
    ADMIN = "admin", "Admin"
    ENGINEER = "engineer", "Engineer"
    SALES = "sales", "Sales"


CUSTOMER_ROLES = (Role.OWNER, Role.APPROVER, Role.VIEWER)
PARTNER_ROLES = (Role.ADMIN, Role.ENGINEER, Role.SALES)


class Membership(models.Model):
    """A user in an organization, with a role. Ends by deletion: an ex-member has no row to be forgotten."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    public_id = models.CharField(max_length=16, unique=True, default=membership_public_id, editable=False)
    organization = models.ForeignKey(Organization, models.PROTECT, related_name="memberships")
    user = models.ForeignKey(User, models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=8, choices=Role.choices)
    # None: every customer the partner may see. A list narrows to these customers; it never widens.
    only_customers = models.JSONField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "user"], name="one_membership_per_person_and_organization")
        ]

    @property
    def may_manage_people(self) -> bool:
        return self.role in {Role.OWNER, Role.ADMIN}


class Scope(models.TextChoices):
    READ = "read", "Read"
    WRITE = "write", "Read and write"


class ServiceAccount(models.Model):
    """A program acting for one organization with its own expiring token; a viewer like a person."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    public_id = models.CharField(max_length=16, unique=True, default=account_public_id, editable=False)
    organization = models.ForeignKey(Organization, models.PROTECT, related_name="service_accounts")
    name = models.CharField(max_length=80)
    scope = models.CharField(max_length=5, choices=Scope.choices, default=Scope.READ)
    key_id = models.CharField(max_length=12, unique=True)
    digest = models.BinaryField(max_length=32)
    created_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)


class InvitationKind(models.TextChoices):
    MEMBER = "member", "A colleague"
    PARTNER = "partner", "A partner"


class Invitation(models.Model):
    """A one-use link by mail, 14 days. It lets somebody join; it shares no data with anybody."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    public_id = models.CharField(max_length=16, unique=True, default=invitation_public_id, editable=False)
    organization = models.ForeignKey(Organization, models.PROTECT, related_name="invitations")
    kind = models.CharField(max_length=7, choices=InvitationKind.choices)
    email = models.EmailField()
    role = models.CharField(max_length=8, choices=Role.choices, blank=True)
    digest = models.BinaryField(max_length=32, unique=True)
    invited_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    accepted_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    # The partner that answered an invitation to partners.
    accepted_for = models.ForeignKey(Organization, models.PROTECT, null=True, blank=True, related_name="+")
    withdrawn_at = models.DateTimeField(null=True, blank=True)
