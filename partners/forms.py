"""Forms of the partner's pages and of destinations. Choices over tenants' rows come from the door, never from a model."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from access.lengths import OFFERED
from access.models import SHAREABLE, Category, Membership, Organization, Site
from access.requests import SHORTEST_REASON
from partners.contracts import DEAREST_CENTS
from partners.models import Proposal
from telemetry.models import Severity

DEFAULT_DAYS = 90
ANSWER_DAYS = (7, 14, 30, 60, 90)  # at most partners.tenders.MOST_DAYS
SURVIVES = [("", _("Not stated")), ("yes", _("Yes")), ("no", _("No"))]


class AskForm(forms.Form):
    """What a partner wishes to see. customer: one it deals with, whose name is then fixed and whose sites it knows can be chosen."""

    customer_name = forms.CharField(
        max_length=120,
        label=_("Which company?"),
        help_text=_("Its name as it writes it. Nobody learns from us whether a company uses SmartCare."),
    )
    site = forms.MultipleChoiceField(label=_("Which sites?"), required=False)
    cat = forms.MultipleChoiceField(
        label=_("What would you like to see?"), choices=[(c.value, c.label) for c in SHAREABLE]
    )
    forward_alerts = forms.BooleanField(label=_("Send us alerts as they happen"), required=False)
    days = forms.TypedChoiceField(label=_("For how long?"), choices=[(d, str(d)) for d in OFFERED], coerce=int)
    reason = forms.CharField(
        label=_("Why?"),
        min_length=SHORTEST_REASON,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("They read your words exactly as you write them. At least 20 characters."),
    )

    def __init__(self, data: Any, *, customer: Organization | None, sites: Iterable[Site], **options: Any) -> None:
        super().__init__(data, **options)
        self.customer = customer
        self.known_sites = list(sites)
        choices = [(s.public_id, s.name) for s in self.known_sites]
        self.fields["site"].choices = choices  # type: ignore[attr-defined]
        if customer is not None:
            self.fields["customer_name"].disabled = True  # its name comes from us: see `initial`

    @property
    def chosen_sites(self) -> list[Site]:
        """Of the sites it knows; none means all sites of the customer."""
        wanted = self["site"].value() or []
        return [s for s in self.known_sites if s.public_id in wanted]

    @property
    def chosen_categories(self) -> list[Category]:
        wanted = self["cat"].value() or []
        return [c for c in SHAREABLE if c.value in wanted]


class NoteForm(forms.Form):
    text = forms.CharField(
        max_length=4000,
        label=_("Add a note"),
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Only your company reads it."),
    )


SEVERITIES = [(s.value, s.label) for s in sorted(Severity)]


def severity_field() -> forms.TypedChoiceField:
    return forms.TypedChoiceField(
        label=_("From which severity on?"),
        choices=SEVERITIES,
        coerce=lambda v: Severity(int(v)),
        initial=Severity.WARNING.value,
    )


class EmailForm(forms.Form):
    """Mail to a colleague's sign-in address; the choices are the company's own members."""

    member = forms.ChoiceField(label=_("To whom?"))
    minimum = severity_field()

    def __init__(self, data: Any, *, members: Iterable[Membership], **options: Any) -> None:
        super().__init__(data, **options)
        self.members = {m.public_id: m.user for m in members}
        choices = [(pid, f"{user.name} ({user.email})") for pid, user in self.members.items()]
        self.fields["member"].choices = choices  # type: ignore[attr-defined]


class WebhookForm(forms.Form):
    name = forms.CharField(max_length=80, required=False, label=_("Name"), help_text=_("How you call this receiver"))
    url = forms.CharField(max_length=500, label=_("Address"), help_text=_("https://, reachable from the internet"))
    minimum = severity_field()


class DestinationForm(forms.Form):
    """What may be changed about a destination that is there."""

    name = forms.CharField(max_length=80, label=_("Name"))
    minimum = severity_field()
    enabled = forms.BooleanField(required=False, label=_("Send alerts there"))


class AssignmentForm(forms.Form):
    """Which customers a colleague may see: all that the company sees, or only these. It never widens."""

    all_customers = forms.BooleanField(required=False, label=_("Every customer we may see, also new ones"))
    customer = forms.MultipleChoiceField(
        required=False, label=_("Only these"), widget=forms.CheckboxSelectMultiple, choices=()
    )

    def __init__(self, data: Any, *, customers: Iterable[Organization], **options: Any) -> None:
        super().__init__(data, **options)
        self.customers = {c.public_id: c for c in customers}
        self.fields["customer"].choices = [(pid, c.name) for pid, c in self.customers.items()]  # type: ignore[attr-defined]

    @property
    def chosen(self) -> list[Organization] | None:
        if self.cleaned_data["all_customers"]:
            return None
        return [self.customers[pid] for pid in self.cleaned_data["customer"]]


class TenderForm(forms.Form):
    """What a customer asks partners for. sites and partners come from the door and the directory, by public id."""

    site = forms.ChoiceField(label=_("For which site?"))
    title = forms.CharField(max_length=160, label=_("What is it about?"), help_text=_("A few words, for the list"))
    wish = forms.CharField(
        max_length=4000,
        label=_("What do you wish for?"),
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text=_("Everybody whom you ask reads these very words. Leave out what nobody outside should know."),
    )
    partners = forms.MultipleChoiceField(
        label=_("Whom do you ask?"), error_messages={"required": _("Choose at least one partner")}
    )
    days = forms.TypedChoiceField(
        label=_("How long may they take?"), choices=[(d, str(d)) for d in ANSWER_DAYS], coerce=int
    )

    def __init__(self, data: Any, *, sites: Iterable[Site], partners: Iterable[Organization], **options: Any) -> None:
        super().__init__(data, **options)
        self.sites = {s.public_id: s for s in sites}
        self.directory = {p.public_id: p for p in partners}
        self.fields["site"].choices = [(pid, s.name) for pid, s in self.sites.items()]  # type: ignore[attr-defined]
        self.fields["partners"].choices = [(pid, p.name) for pid, p in self.directory.items()]  # type: ignore[attr-defined]

    @property
    def chosen_site(self) -> Site | None:
        return self.sites.get(str(self["site"].value() or ""))

    @property
    def chosen_partners(self) -> list[Organization]:
        wanted = self["partners"].value() or []
        return [p for pid, p in self.directory.items() if pid in wanted]


class AnswerForm(forms.Form):
    answer = forms.CharField(
        max_length=4000,
        label=_("Your answer"),
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Once, for all whom you asked. None of them reads who had the question."),
    )


class QuestionForm(forms.Form):
    question = forms.CharField(
        max_length=2000,
        label=_("Ask the customer"),
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Once it is answered, whoever is invited reads question and answer, and not who asked."),
    )


PART = _("0 if there is none. Left empty it is not stated, and the whole is not called the lowest price.")


class ProposalForm(forms.Form):
    """A partner's proposal in the customer's units: money in whole and hundredths. What is left empty is "not stated"."""

    summary = forms.CharField(
        max_length=300, label=_("What do you propose, in one sentence?"), help_text=_("Stands at the top of your card.")
    )
    price = forms.DecimalField(
        required=False,
        min_value=0,
        max_value=DEAREST_CENTS // 100,
        decimal_places=2,
        label=_("Price, once"),
        help_text=PART,
    )
    yearly = forms.DecimalField(
        required=False,
        min_value=0,
        max_value=DEAREST_CENTS // 100,
        decimal_places=2,
        label=_("Price, each year"),
        help_text=PART,
    )
    currency = forms.RegexField(
        r"^[A-Z]{3}$",
        label=_("Currency"),
        max_length=3,
        help_text=_("Three letters, such as EUR"),
        error_messages={"invalid": _("Three capital letters: EUR, CHF, USD")},
    )
    work_hours = forms.IntegerField(
        required=False, min_value=0, max_value=32_000, label=_("Hours of work"), help_text=_("On the customer's site")
    )
    starts_on = forms.DateField(
        required=False, label=_("You could start on"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    survives_one_failure = forms.TypedChoiceField(
        required=False,
        label=_("Does it go on when one unit fails?"),
        choices=SURVIVES,
        coerce=lambda word: word == "yes",
        empty_value=None,
    )
    text = forms.CharField(
        required=False,
        max_length=8000,
        label=_("The proposal itself"),
        widget=forms.Textarea(attrs={"rows": 10}),
        help_text=_("What is included, what is not, and how you would go about it."),
    )

    @classmethod
    def first(cls, row: Proposal) -> dict[str, Any]:
        """What the form shows of a proposal."""
        return {
            "summary": row.summary,
            "price": _money(row.price_cents),
            "yearly": _money(row.yearly_cents),
            "currency": row.currency,
            "work_hours": row.work_hours,
            "starts_on": row.starts_on,
            "survives_one_failure": {True: "yes", False: "no", None: ""}[row.survives_one_failure],
            "text": row.text,
        }

    @property
    def said(self) -> dict[str, Any]:
        """Values of `proposals.draft`."""
        said = dict(self.cleaned_data)
        return said | {"price_cents": _cents(said.pop("price")), "yearly_cents": _cents(said.pop("yearly"))}


def _money(cents: int | None) -> Decimal | None:
    return None if cents is None else Decimal(cents) / 100


def _cents(money: Decimal | None) -> int | None:
    return None if money is None else int(money * 100)
