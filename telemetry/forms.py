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
        self.fields["site"].queryset = sites  # type: ignore[attr-defined]


class EditDeviceForm(forms.Form):
    label = forms.CharField(max_length=120, label="Name")
    kind = forms.ChoiceField(choices=DeviceKind.choices, label="Kind")
    site = forms.ModelChoiceField(
        queryset=Site.unscoped.none(),
        to_field_name="public_id",
        label="Site",
        help_text="What it reported so far stays with the site where it was",
    )

    def __init__(self, *args: object, sites: QuerySet[Site], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields["site"].queryset = sites  # type: ignore[attr-defined]
