"""What staff write when they want to look. Every word of the reason is shown to the customer."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from access.models import SHAREABLE, Category, Site
from access.staff import EMERGENCY_HOURS, HOURS, SHORTEST_EMERGENCY_REASON, SHORTEST_REASON

WORDS = {1: _("1 hour"), 4: _("4 hours"), 24: _("24 hours"), 72: _("3 days")}


class LookForm(forms.Form):
    """Sites and kinds of data to look at, for how long and why. sites: the customer's, by name; none chosen means all."""

    shortest = SHORTEST_REASON
    lengths: tuple[int, ...] = HOURS

    case = forms.CharField(max_length=40, required=False, label=_("Case number"))
    hours = forms.TypedChoiceField(label=_("For how long?"), coerce=int, choices=())
    reason = forms.CharField(
        max_length=1000,
        label=_("Reason"),
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("The customer reads your words exactly as written."),
    )
    site = forms.MultipleChoiceField(label=_("Which site?"), required=False, choices=())
    cat = forms.MultipleChoiceField(label=_("Which data?"), choices=[(c.value, c.label) for c in SHAREABLE])

    def __init__(self, data: Any, *, sites: Iterable[Site], **options: Any) -> None:
        super().__init__(data, **options)
        self.known_sites = list(sites)
        self.fields["site"].choices = [(s.public_id, s.name) for s in self.known_sites]  # type: ignore[attr-defined]
        self.fields["hours"].choices = [(h, WORDS.get(h, str(h))) for h in self.lengths]  # type: ignore[attr-defined]

    def clean_reason(self) -> str:
        words: str = self.cleaned_data["reason"].strip()
        if len(words) < self.shortest:
            raise forms.ValidationError(_("Give a reason of at least %(n)d characters.") % {"n": self.shortest})
        return words

    @property
    def chosen_sites(self) -> list[Site]:
        wanted = self["site"].value() or []
        return [s for s in self.known_sites if s.public_id in wanted]

    @property
    def chosen_categories(self) -> list[Category]:
        wanted = self["cat"].value() or []
        return [c for c in SHAREABLE if c.value in wanted]


class EmergencyForm(LookForm):
    shortest = SHORTEST_EMERGENCY_REASON
    lengths = (1, EMERGENCY_HOURS)

    understood = forms.BooleanField(
        label=_("I know that the owners are told now, and that a colleague reviews this afterwards")
    )


class PartnerForm(forms.Form):
    name = forms.CharField(max_length=120, label=_("Company"))
    city = forms.CharField(max_length=80, required=False, label=_("Place"))
    email = forms.EmailField(label=_("E-mail of its first admin"), help_text=_("An invitation is sent there"))


class ReviewForm(forms.Form):
    words = forms.CharField(max_length=2000, label=_("What did you find?"), widget=forms.Textarea(attrs={"rows": 4}))
