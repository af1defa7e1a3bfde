"""Collectors: programs at a site that report for several devices."""

from django import forms
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render

from access.models import Site
from access.views.pages import PageRequest, acted, for_customer
from telemetry import fleet
from telemetry.models import Collector, DeviceKey


class CollectorForm(forms.Form):
    name = forms.CharField(max_length=120, label="Name")
    site = forms.ModelChoiceField(queryset=Site.unscoped.none(), to_field_name="public_id", label="Site")

    def __init__(self, *args: object, sites: QuerySet[Site], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields["site"].queryset = sites  # type: ignore[attr-defined]


@for_customer
def index(request: PageRequest) -> HttpResponse:
    sites = Site.objects.visible_to(request.viewer).filter(closed_at=None).order_by("name")
    form = CollectorForm(request.POST or None, sites=sites)
    made: dict[str, str] = {}
    if request.method == "POST" and form.is_valid():

        def act() -> str:
            collector = fleet.open_collector(by=request.viewer, **form.cleaned_data)
            made["key"] = fleet.issue_key(collector=collector, by=request.viewer).secret
            return f"{collector.name} is added."

        if acted(request, act):
            form = CollectorForm(sites=sites)
    rows = Collector.objects.visible_to(request.viewer).filter(retired_at=None).select_related("site").order_by("name")
    return render(request, "portal/collectors.html", {"rows": rows, "form": form, "made": made.get("key", "")})


@for_customer
def keys(request: PageRequest, public_id: str) -> HttpResponse:
    collector = get_object_or_404(
        Collector.objects.visible_to(request.viewer).select_related("site"), public_id=public_id
    )
    made: dict[str, str] = {}
    found = DeviceKey.objects.visible_to(request.viewer).filter(collector=collector)
    if request.method == "POST":

        def act() -> str | None:
            if stopped := request.POST.get("stop"):
                fleet.stop_key(get_object_or_404(found, key_id=stopped), by=request.viewer)
                return "The key is refused from now on."
            made["key"] = fleet.issue_key(collector=collector, by=request.viewer).secret
            return None

        acted(request, act)
    rows = found.select_related("created_by").order_by("-created_at")
    return render(
        request, "portal/collector_keys.html", {"collector": collector, "keys": rows, "made": made.get("key", "")}
    )
