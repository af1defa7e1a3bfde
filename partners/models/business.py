"""Contracts, tenders, proposals, notes: who is paid, who offers, what a partner keeps for itself. None of it shows any data."""

import uuid
from typing import TYPE_CHECKING, ClassVar

from django.db import models
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from access.models import Category, Organization, Site, TenantModel, User, public_id

if TYPE_CHECKING:
    from access.viewer import Viewer


def contract_public_id() -> str:
    return public_id("ct")


def tender_public_id() -> str:
    return public_id("te")


def proposal_public_id() -> str:
    return public_id("pr")


def note_public_id() -> str:
    return public_id("no")


class ContractQuerySet(QuerySet["Contract"]):
    def visible_to(self, viewer: "Viewer") -> "ContractQuerySet":
        """A contract's header is the paper of both its parties."""
        if viewer.is_customer:
            return self.filter(customer=viewer.organization_id)
        if viewer.is_partner:
            return self.filter(partner=viewer.organization_id)
        return self.none()


class Contract(models.Model):
    """Commercial agreement of a customer with a partner. Grants nothing; nothing that shows data ever reads it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    public_id = models.CharField(max_length=16, unique=True, default=contract_public_id, editable=False)
    customer = models.ForeignKey(Organization, models.PROTECT, related_name="+")
    partner = models.ForeignKey(Organization, models.PROTECT, related_name="+")
    title = models.CharField(max_length=160)
    starts_on = models.DateField()
    ends_on = models.DateField()
    price_cents = models.PositiveBigIntegerField(null=True, blank=True)
    currency = models.CharField(max_length=3, default="EUR")
    terms = models.TextField(max_length=4000, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True, blank=True)
    transferred_to = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="+", db_constraint=False
    )

    objects: ClassVar[models.Manager["Contract"]] = models.Manager.from_queryset(ContractQuerySet)()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["customer", "id"], name="contract_key_with_its_customer")]


class ContractCoverage(TenantModel):
    """What a contract covers at a site: needs the category contracts."""

    SITE_PATH = "site"
    CATEGORY = Category.CONTRACTS

    contract = models.ForeignKey(Contract, models.PROTECT, related_name="+", db_constraint=False)
    site = models.ForeignKey(Site, models.PROTECT, related_name="+", db_constraint=False)
    what = models.CharField(max_length=300)
    ends_on = models.DateField(null=True, blank=True)
    price_cents = models.PositiveBigIntegerField(null=True, blank=True)

    class Meta(TenantModel.Meta):
        pass


class TenderState(models.TextChoices):
    OPEN = "open", "Open"
    CHOSEN = "chosen", "A proposal was chosen"
    CLOSED = "closed", "Closed without a choice"


class Tender(models.Model):
    """What a customer asks several partners to propose for, with a frozen snapshot of equal facts."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    public_id = models.CharField(max_length=16, unique=True, default=tender_public_id, editable=False)
    customer = models.ForeignKey(Organization, models.PROTECT, related_name="+")
    site = models.ForeignKey(Site, models.PROTECT, related_name="+", db_constraint=False)
    title = models.CharField(max_length=160)
    wish = models.TextField(max_length=4000)
    facts = models.JSONField(default=dict)
    state = models.CharField(max_length=6, choices=TenderState.choices, default=TenderState.OPEN)
    opened_at = models.DateTimeField(db_default=Now())
    answers_until = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    opened_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["customer", "id"], name="tender_key_with_its_customer")]


class ProposalState(models.TextChoices):
    INVITED = "invited", "Invited"
    DRAFT = "draft", "Draft"
    SENT = "sent", "Sent"
    CHOSEN = "chosen", "Chosen"
    NOT_CHOSEN = "not_chosen", "Not chosen"
    DECLINED = "declined", "Declined"


class ProposalQuerySet(QuerySet["Proposal"]):
    def visible_to(self, viewer: "Viewer") -> "ProposalQuerySet":
        """The customer sees what was sent to it; a partner its own, drafts included, and never a rival's or their number."""
        if viewer.is_customer:
            return self.filter(customer=viewer.organization_id).exclude(state=ProposalState.DRAFT)
        if viewer.is_partner:
            return self.filter(partner=viewer.organization_id)
        return self.none()


class Proposal(models.Model):
    """A partner's place in a tender: the invitation, its draft, its answer, the outcome."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    public_id = models.CharField(max_length=16, unique=True, default=proposal_public_id, editable=False)
    customer = models.ForeignKey(Organization, models.PROTECT, related_name="+")
    partner = models.ForeignKey(Organization, models.PROTECT, related_name="+")
    tender = models.ForeignKey(Tender, models.PROTECT, related_name="+", db_constraint=False)
    state = models.CharField(max_length=10, choices=ProposalState.choices, default=ProposalState.INVITED)
    summary = models.CharField(max_length=300, blank=True)
    text = models.TextField(max_length=8000, blank=True)
    price_cents = models.PositiveBigIntegerField(null=True, blank=True)
    yearly_cents = models.PositiveBigIntegerField(null=True, blank=True)
    currency = models.CharField(max_length=3, default="EUR")
    work_hours = models.PositiveSmallIntegerField(null=True, blank=True)
    survives_one_failure = models.BooleanField(null=True, blank=True)
    starts_on = models.DateField(null=True, blank=True)
    invited_at = models.DateTimeField(db_default=Now())
    sent_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[models.Manager["Proposal"]] = models.Manager.from_queryset(ProposalQuerySet)()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["customer", "tender", "partner"], name="one_proposal_per_partner_and_tender"
            )
        ]


class TenderQuestion(models.Model):
    """A question of one invited partner; the customer's answer is shared with all, the asker is not."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    customer = models.ForeignKey(Organization, models.PROTECT, related_name="+")
    tender = models.ForeignKey(Tender, models.PROTECT, related_name="+", db_constraint=False)
    asked_by = models.ForeignKey(Organization, models.PROTECT, related_name="+")
    question = models.TextField(max_length=2000)
    answer = models.TextField(max_length=4000, blank=True)
    asked_at = models.DateTimeField(db_default=Now())
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ()


class PartnerNoteQuerySet(QuerySet["PartnerNote"]):
    def visible_to(self, viewer: "Viewer") -> "PartnerNoteQuerySet":
        return self.filter(owner=viewer.organization_id) if viewer.is_partner else self.none()


class PartnerNote(models.Model):
    """What a partner writes down for itself about a customer; stays its own, also after access has ended."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    public_id = models.CharField(max_length=16, unique=True, default=note_public_id, editable=False)
    owner = models.ForeignKey(Organization, models.PROTECT, related_name="+")
    about = models.ForeignKey(Organization, models.PROTECT, related_name="+")
    author = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    author_name = models.CharField(max_length=160)
    text = models.TextField(max_length=4000)
    at = models.DateTimeField(db_default=Now())

    objects: ClassVar[models.Manager["PartnerNote"]] = models.Manager.from_queryset(PartnerNoteQuerySet)()

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["owner", "about", "-at"], name="notes_about_a_customer")]
        constraints = [models.CheckConstraint(condition=~Q(text=""), name="a_note_says_something")]
