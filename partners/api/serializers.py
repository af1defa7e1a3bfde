"""What the API says of destinations, deliveries, contracts, tenders and proposals. Written by hand: what is not named cannot leave."""

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from access.api.fields import Categories, Viewed, VisibleSite
from access.models import Category, Membership, Site
from partners import deliveries, tenders
from partners.contracts import DEAREST_CENTS, Cover, Paper
from partners.models import (
    Contract,
    ContractCoverage,
    Delivery,
    DeliveryState,
    Destination,
    DestinationKind,
    Proposal,
    ProposalState,
    Tender,
    TenderQuestion,
    TenderState,
)
from partners.proposals import LABELS, Compared, left_out, whole_cost
from telemetry.models import Severity

SEVERITIES = {x.word: x for x in Severity}
MOST_COVERS = 200
MOST_GRANTS = 200


def cents(**options: Any) -> serializers.IntegerField:
    return serializers.IntegerField(min_value=0, max_value=DEAREST_CENTS, **options)


def word(choices: Iterable[str]) -> serializers.CharField:
    """A word that we say. Not an enumeration in the schema: several resources have a `state`, and more words may come."""
    return serializers.CharField(help_text=", ".join(choices))


class CurrencyField(serializers.RegexField):
    """Three capital letters, as ISO 4217 writes them."""

    def __init__(self, **options: Any) -> None:
        super().__init__(r"^[A-Z]{3}$", **options)


@extend_schema_field({"type": "string", "pattern": f"^({'|'.join(SEVERITIES)})$"})
class SeverityField(serializers.ChoiceField):
    """The word of a severity: people do not count from 1 to 4."""

    def __init__(self, **options: Any) -> None:
        super().__init__(choices=list(SEVERITIES), **options)

    def to_internal_value(self, data: Any) -> Any:
        return SEVERITIES[super().to_internal_value(data)]


@extend_schema_field(OpenApiTypes.STR)
class Colleague(serializers.Field[Any, Any, Any, Any]):
    """A member of the viewer's own organization, by the id of the membership."""

    default_error_messages = {"unknown": "No member of your company has this id"}

    def to_internal_value(self, data: Any) -> Any:
        own = Membership.objects.filter(organization=self.context["viewer"].organization_id).select_related("user")
        found = own.filter(public_id=data).first() if isinstance(data, str) else None
        if found is None:
            self.fail("unknown")
        return found.user


# ---- destinations and deliveries


class DestinationOut(Viewed):
    """Where alerts go. The secret of a webhook is in the answer that makes it, and nowhere else."""

    id = serializers.CharField(source="public_id")
    kind = word(DestinationKind.values)
    name = serializers.CharField()
    address = serializers.CharField(help_text="The mail address or the URL")
    minimum_severity = serializers.SerializerMethodField()
    enabled = serializers.BooleanField()
    added_by = serializers.CharField(
        source="created_by.name",
        default=None,
        allow_null=True,
        help_text="Who answers for it: added it, or took it over",
    )
    is_kept = serializers.BooleanField(
        default=True,
        help_text="False: whoever answered for this webhook has left; nothing is sent there before one of you keeps it",
    )
    verified_at = serializers.DateTimeField(allow_null=True)
    failing_since = serializers.DateTimeField(allow_null=True)
    disabled_at = serializers.DateTimeField(allow_null=True)
    disabled_reason = serializers.CharField()
    created_at = serializers.DateTimeField()

    def get_minimum_severity(self, row: Destination) -> str:
        return Severity(row.minimum_severity).word


class DestinationMade(DestinationOut):
    secret = serializers.CharField(required=False, help_text="Of a webhook: shown now and never again")


class SecretMade(serializers.Serializer[Any]):
    secret = serializers.CharField(help_text="Shown now and never again; for a day the former one signs as well")


@extend_schema_field({"type": "string", "pattern": f"^({'|'.join(DestinationKind.values)})$"})
class KindField(serializers.ChoiceField):
    """Which sort of destination. A pattern in the schema: `kind` is a list of words of its own for devices."""

    def __init__(self) -> None:
        super().__init__(choices=DestinationKind.choices)


class DestinationIn(Viewed):
    """`url` for a webhook; for mail `member`, one of your own people, whose sign-in address it then is."""

    kind = KindField()
    name = serializers.CharField(max_length=80, required=False, allow_blank=True, default="")
    url = serializers.CharField(max_length=500, required=False)
    member = Colleague(required=False)
    minimum_severity = SeverityField(default=Severity.WARNING)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        needed, other = ("url", "member") if attrs["kind"] == DestinationKind.WEBHOOK else ("member", "url")
        if needed not in attrs:
            raise serializers.ValidationError({needed: ["This field is required."]})
        if other in attrs:
            raise serializers.ValidationError({other: [f"Not for a destination of the kind {attrs['kind']}"]})
        return attrs


class DestinationChange(Viewed):
    name = serializers.CharField(max_length=80, required=False)
    minimum_severity = SeverityField(required=False)
    enabled = serializers.BooleanField(required=False)


class AttemptOut(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    at = serializers.DateTimeField()
    outcome = serializers.CharField()
    status_code = serializers.IntegerField(allow_null=True)
    duration_ms = serializers.IntegerField(allow_null=True)
    error = serializers.CharField()


class DeliveryOut(Viewed):
    """One telling to one destination. Never what it said: that may have been withdrawn since."""

    id = serializers.CharField(source="public_id")
    destination = serializers.CharField(source="destination.public_id")
    event = serializers.CharField()
    what = serializers.SerializerMethodField()
    state = word(DeliveryState.values)
    reason = serializers.SerializerMethodField(help_text="Why it was cancelled or given up, in words")
    attempts = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)

    def get_what(self, row: Delivery) -> str:
        return deliveries.told(row).what

    def get_reason(self, row: Delivery) -> str:
        return deliveries.told(row).why


class DeliveryDetail(DeliveryOut):
    tries = AttemptOut(many=True)


# ---- contracts


class CoverOut(serializers.Serializer[ContractCoverage]):
    site = serializers.CharField(source="site.public_id")
    what = serializers.CharField()
    ends_on = serializers.DateField(allow_null=True)
    price_cents = serializers.IntegerField(allow_null=True)


class ContractOut(Viewed):
    """The paper of both its parties. What it covers (in the detail) needs the kind contracts; to whom it went, the customer knows."""

    id = serializers.CharField(source="public_id")
    customer = serializers.CharField(source="customer.public_id")
    customer_name = serializers.CharField(source="customer.name")
    partner = serializers.CharField(source="partner.public_id")
    partner_name = serializers.CharField(source="partner.name")
    title = serializers.CharField()
    state = serializers.SerializerMethodField()
    starts_on = serializers.DateField()
    ends_on = serializers.DateField()
    ended_at = serializers.DateTimeField(allow_null=True)
    price_cents = serializers.IntegerField(allow_null=True)
    currency = serializers.CharField()
    terms = serializers.CharField()
    transferred_to = serializers.SerializerMethodField()

    def get_state(self, row: Contract) -> str:
        if row.ended_at is not None:
            return "ended"
        return "ran_out" if row.ends_on < timezone.localdate() else "running"

    def get_transferred_to(self, row: Contract) -> str | None:
        """Never for a partner: that there is a successor is that successor's and the customer's business."""
        successor = row.transferred_to if self.viewer.is_customer else None
        return successor.public_id if successor else None


class ContractDetail(ContractOut):
    covers = serializers.SerializerMethodField()

    @extend_schema_field(CoverOut(many=True))
    def get_covers(self, row: Contract) -> list[dict[str, Any]]:
        covered: list[ContractCoverage] = self.context.get("covers", [])
        return list(CoverOut(covered, many=True).data)  # type: ignore[arg-type]  # the stubs do not know many=True


class CoverIn(Viewed):
    site = VisibleSite()
    what = serializers.CharField(max_length=300)
    ends_on = serializers.DateField(required=False, allow_null=True, default=None)
    price_cents = cents(required=False, allow_null=True, default=None)


class ContractIn(Viewed):
    partner = serializers.CharField()
    title = serializers.CharField(max_length=160)
    starts_on = serializers.DateField()
    ends_on = serializers.DateField()
    price_cents = cents(required=False, allow_null=True, default=None)
    currency = CurrencyField(required=False, default="EUR")
    terms = serializers.CharField(max_length=4000, required=False, allow_blank=True, default="")
    covers = CoverIn(many=True, required=False, max_length=MOST_COVERS)  # type: ignore[call-arg]

    def paper(self) -> Paper:
        said = self.validated_data
        names = ("title", "starts_on", "ends_on", "price_cents", "currency", "terms")
        return Paper(**{name: said[name] for name in names})

    def covered(self) -> list[Cover]:
        return [Cover(**cover) for cover in self.validated_data.get("covers", [])]


class GrantWish(Viewed):
    """What is to become of one access when the contract goes to somebody else. Not named: it stays."""

    grant = serializers.CharField()
    action = serializers.ChoiceField(choices=["keep", "end", "narrow"], default="keep")
    categories = Categories(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if (attrs["action"] == "narrow") != ("categories" in attrs):
            raise serializers.ValidationError({"categories": ["The kinds that stay, with `narrow` alone"]})
        return attrs


class TransferIn(Viewed):
    partner = serializers.CharField(help_text="Who is to be paid from now on")
    starts_on = serializers.DateField(required=False, help_text="Left out: today")
    grants = GrantWish(many=True, required=False, max_length=MOST_GRANTS)  # type: ignore[call-arg]


class GrantOutcome(serializers.Serializer[Any]):
    grant = serializers.CharField()
    outcome = serializers.ChoiceField(choices=["kept", "ended", "narrowed", "refused"])
    detail = serializers.CharField(help_text="Why it was refused, in words")
    revoked_at = serializers.DateTimeField(allow_null=True)
    drained_at = serializers.DateTimeField(allow_null=True)
    cancelled_deliveries = serializers.IntegerField()


class TransferOut(serializers.Serializer[Any]):
    """The new contract, and what became of each access that was named. Whatever is not named here stayed as it was."""

    contract = ContractOut()
    header = serializers.CharField()
    grants = GrantOutcome(many=True)


# ---- tenders and proposals


class InvitedOut(serializers.Serializer[tenders.Invited]):
    partner = serializers.CharField(source="partner.public_id")
    partner_name = serializers.CharField(source="partner.name")
    state = word(ProposalState.values)


class QuestionOut(serializers.Serializer[TenderQuestion]):
    """A question and its answer, for all who are invited; who asked is nobody's business."""

    id = serializers.CharField()
    question = serializers.CharField()
    answer = serializers.CharField()
    asked_at = serializers.DateTimeField()
    answered_at = serializers.DateTimeField(allow_null=True)


class ProposalOut(Viewed):
    id = serializers.CharField(source="public_id")
    tender = serializers.CharField(source="tender.public_id")
    tender_title = serializers.CharField(source="tender.title")
    customer = serializers.CharField(source="customer.public_id")
    customer_name = serializers.CharField(source="customer.name")
    partner = serializers.CharField(source="partner.public_id")
    partner_name = serializers.CharField(source="partner.name")
    state = word(ProposalState.values)
    summary = serializers.CharField()
    text = serializers.CharField()
    price_cents = serializers.IntegerField(allow_null=True)
    yearly_cents = serializers.IntegerField(allow_null=True)
    currency = serializers.CharField()
    work_hours = serializers.IntegerField(allow_null=True)
    survives_one_failure = serializers.BooleanField(allow_null=True)
    starts_on = serializers.DateField(allow_null=True)
    invited_at = serializers.DateTimeField()
    sent_at = serializers.DateTimeField(allow_null=True)


class ComparedOut(ProposalOut):
    """One column of the comparison: the same rows for all. null is "not stated"."""

    cost_3_years_cents = serializers.IntegerField(
        allow_null=True,
        help_text="null where the price, the yearly price or both are not stated: see cost_3_years_note",
    )
    cost_3_years_note = serializers.CharField(
        help_text='What is left out, e.g. "no yearly price stated"; "" if nothing is'
    )
    sees = serializers.ListField(child=serializers.ChoiceField(choices=[c.value for c in Category]))
    labels = serializers.ListField(child=serializers.ChoiceField(choices=list(LABELS)))

    def to_representation(self, row: Compared) -> dict[str, Any]:
        said: dict[str, Any] = ProposalOut(row.proposal, context=self.context).data
        return {
            **said,
            "cost_3_years_cents": whole_cost(row.proposal),
            "cost_3_years_note": left_out(row.proposal),
            "sees": [c.value for c in row.sees],
            "labels": row.labels,
        }


class TenderOut(Viewed):
    """A tender. `state` is open or over for a partner; whether somebody else was chosen is not its business."""

    id = serializers.CharField(source="public_id")
    customer = serializers.CharField(source="customer.public_id")
    customer_name = serializers.CharField(source="customer.name")
    site = serializers.SerializerMethodField()
    title = serializers.CharField()
    wish = serializers.CharField()
    facts = serializers.DictField(help_text="The same for all who are invited, frozen when the tender opened")
    state = serializers.SerializerMethodField()
    opened_at = serializers.DateTimeField()
    answers_until = serializers.DateTimeField()
    closed_at = serializers.DateTimeField(allow_null=True)
    proposal = serializers.SerializerMethodField()

    def get_site(self, row: Tender) -> str | None:
        known: dict[Any, Site] = self.context.get("sites", {})
        return known[row.site_id].public_id if row.site_id in known else None

    def get_state(self, row: Tender) -> str:
        return TenderState.CLOSED if self.viewer.is_partner and row.state != TenderState.OPEN else row.state

    def get_proposal(self, row: Tender) -> str | None:
        """A partner's own."""
        own: dict[Any, Proposal] = self.context.get("own", {})
        return own[row.pk].public_id if row.pk in own else None


class TenderDetail(TenderOut):
    """With the shared questions; for the customer also who was invited, and what was sent, by the partners' names."""

    questions = serializers.SerializerMethodField()
    invited = serializers.SerializerMethodField()
    proposals = serializers.SerializerMethodField()

    @extend_schema_field(QuestionOut(many=True))
    def get_questions(self, row: Tender) -> list[dict[str, Any]]:
        found: QuerySet[TenderQuestion] = tenders.questions(row, viewer=self.viewer)
        return list(QuestionOut(found, many=True).data)  # type: ignore[arg-type]

    @extend_schema_field(InvitedOut(many=True))
    def get_invited(self, row: Tender) -> list[dict[str, Any]]:
        return list(InvitedOut(tenders.invited(row, viewer=self.viewer), many=True).data)  # type: ignore[arg-type]

    @extend_schema_field(ComparedOut(many=True))
    def get_proposals(self, row: Tender) -> list[dict[str, Any]]:
        compared: list[Compared] = self.context.get("compared", [])
        return list(ComparedOut(compared, many=True, context=self.context).data)


class TenderIn(Viewed):
    """Opening a tender gives nobody access: who is invited reads title, wish and facts."""

    site = VisibleSite()
    title = serializers.CharField(max_length=160)
    wish = serializers.CharField(max_length=4000)
    partners = serializers.ListField(
        child=serializers.CharField(), min_length=1, max_length=tenders.MOST_INVITED, help_text="Ids of the directory"
    )
    days = serializers.IntegerField(min_value=1, max_value=tenders.MOST_DAYS)


class QuestionIn(Viewed):
    question = serializers.CharField(max_length=2000)


class QuestionAnswer(Viewed):
    answer = serializers.CharField(max_length=4000)


class CloseIn(Viewed):
    """Access that was given for the tender ends only where it is named here, as a decision of its own."""

    end_grants = serializers.ListField(child=serializers.CharField(), required=False, max_length=MOST_GRANTS)


class ChooseIn(CloseIn):
    proposal = serializers.CharField()


class ClosedOut(serializers.Serializer[Any]):
    tender = TenderOut()
    grants = GrantOutcome(many=True)


class ProposalChange(Viewed):
    summary = serializers.CharField(max_length=300, required=False, allow_blank=True)
    text = serializers.CharField(max_length=8000, required=False, allow_blank=True)
    price_cents = cents(required=False, allow_null=True)
    yearly_cents = cents(required=False, allow_null=True)
    currency = CurrencyField(required=False)
    work_hours = serializers.IntegerField(min_value=0, max_value=32_000, required=False, allow_null=True)
    survives_one_failure = serializers.BooleanField(required=False, allow_null=True)
    starts_on = serializers.DateField(required=False, allow_null=True)
