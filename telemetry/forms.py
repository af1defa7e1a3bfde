"""Forms of sites, devices and keys. Choices of tenant rows come from the door, never from a default manager."""

from django import forms
from django.db.models import QuerySet

from access.models import Site
from access.timezones import ZONES
from telemetry.models import DeviceKind


class SiteForm(forms.Form):
    name = forms.CharField(max_length=120, label="Name", help_text="As people in your company call it")
    city = forms.CharField(max_length=80, required=False, label="City")
    timezone = forms.ChoiceField(choices=[(z, z.replace("_", " ")) for z in ZONES], label="Time zone")


def offer(form: forms.Form, sites: QuerySet[Site]) -> None:
    """These sites to choose from; a single one is chosen already."""
    field = form.fields["site"]
    assert isinstance(field, forms.ModelChoiceField)
    field.queryset = sites
    if sites.count() == 1:
        field.empty_label = None


class DeviceForm(forms.Form):
    label = forms.CharField(
        max_length=120, label="Name", help_text="Shown to everybody who may see anything of this site"
    )
    kind = forms.ChoiceField(choices=DeviceKind.choices, label="Kind")
    site = forms.ModelChoiceField(queryset=Site.unscoped.none(), to_field_name="public_id", label="Site")
    vendor = forms.CharField(max_length=120, required=False, label="Maker")
    serial = forms.CharField(max_length=120, required=False, label="Serial number")

    def __init__(self, *args: object, sites: QuerySet[Site], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        offer(self, sites)


class EditDeviceForm(forms.Form):
    label = forms.CharField(max_length=120, label="Name")
    kind = forms.ChoiceField(choices=DeviceKind.choices, label="Kind")
    site = forms.ModelChoiceField(
        queryset=Site.unscoped.none(),
        to_field_name="public_id",
        label="Site",
        help_text="What it reported so far stays with the site where it was",
    )
    notes = forms.CharField(
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        label="Note",
        help_text="Partners who may see the device list read it too",
    )

    def __init__(self, *args: object, sites: QuerySet[Site], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        offer(self, sites)
        self.fields["site"].empty_label = None  # type: ignore[attr-defined]  # it is somewhere already
