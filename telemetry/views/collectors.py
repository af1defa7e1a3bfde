"""Collectors: programs at a site that report for several devices."""

from django import forms
from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from access.models import Site
from access.views.pages import PageRequest, acted, for_customer
from telemetry import connecting, fleet
from telemetry.forms import offer
from telemetry.models import Collector


class CollectorForm(forms.Form):
    name = forms.CharField(max_length=120, label="Name")
    site = forms.ModelChoiceField(queryset=Site.unscoped.none(), to_field_name="public_id", label="Site")

    def __init__(self, *args: object, sites: QuerySet[Site], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        offer(self, sites)


@for_customer
def index(request: PageRequest) -> HttpResponse:
    sites = Site.objects.visible_to(request.viewer).filter(closed_at=None).order_by("name")
    form = CollectorForm(request.POST or None, sites=sites)
    ways: list[connecting.Way] = []
    if request.method == "POST" and form.is_valid():

        def act() -> str:
            collector = fleet.open_collector(by=request.viewer, **form.cleaned_data)
            key = fleet.issue_key(collector=collector, by=request.viewer).secret
            ways.extend(connecting.by_collector(key, url=settings.PUBLIC_URL))
            return f"{collector.name} is added."

        if acted(request, act):
            form = CollectorForm(sites=sites)
    rows = Collector.objects.visible_to(request.viewer).filter(retired_at=None).select_related("site").order_by("name")
    return render(request, "portal/collectors.html", {"rows": rows, "form": form, "ways": ways})


@require_POST
@for_customer
def retire(request: PageRequest, public_id: str) -> HttpResponse:
    collector = get_object_or_404(Collector.objects.visible_to(request.viewer), public_id=public_id)
    done = acted(
        request,
        lambda: (
            fleet.retire_collector(collector, by=request.viewer)
            or f"{collector.name} is retired; its keys are stopped."
        ),
    )
    return redirect("collectors") if done else redirect("collector_keys", public_id=public_id)
