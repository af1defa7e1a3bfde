"""Forms of the partner's pages and of destinations. Choices over tenants' rows come from the door, never from a model."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from access.lengths import OFFERED
from access.models import SHAREABLE, Category, Membership, Organization, Site
from access.requests import SHORTEST_REASON
from telemetry.models import Severity

DEFAULT_DAYS = 90


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
