"""Bulk import with a preview: the file's text travels with the form, so nothing is kept between the two steps."""

import csv
import io

from django.http import HttpResponse
from django.shortcuts import redirect, render

from access.errors import Invalid
from access.views.log import harmless
from access.views.pages import PageRequest, acted, for_customer
from telemetry import imports
from telemetry.models import Device, DeviceKind

SUMMED_UP = 20  # wrong lines named above the table; all of them are in it


@for_customer
def upload(request: PageRequest) -> HttpResponse:
    if request.GET.get("format") == "csv":
        return _file(imports.example(by=request.viewer))
    if request.method == "POST" and "keys" in request.POST:
        return _keys(request)
    context: dict[str, object] = {"columns": imports.COLUMNS, "kinds": DeviceKind.values}
    if request.method == "POST":
        file = request.FILES.get("file")
        sent = file.read(imports.MOST_BYTES + 1) if file is not None else request.POST.get("text", "").encode()
        try:
            text = imports.decoded(sent)
            rows = imports.read(text, by=request.viewer)
        except Invalid as no:
            context["problem"] = str(no)
        else:
            bad = [r for r in rows if r.problem]
            context |= {"rows": rows, "text": text, "bad": bad, "more": max(0, len(bad) - SUMMED_UP)}
            context["summed_up"] = bad[:SUMMED_UP]
            made: list[tuple[Device, str]] = []
            if request.POST.get("confirm") and acted(
                request, lambda: made.extend(imports.register(rows, by=request.viewer))
            ):
                return render(request, "portal/import_done.html", {"made": made, "lines": _lines(made)})
    return render(request, "portal/import.html", context)


def _keys(request: PageRequest) -> HttpResponse:
    """The keys on the page just shown, as a file. They come from there: nothing here could tell them a second time."""
    table: list[str] = []
    if acted(request, lambda: table.append(imports.with_keys(request.POST["keys"].split(), by=request.viewer))):
        return _file(table[0], name="device-keys.csv")
    return redirect("devices_import")


def _lines(made: list[tuple[Device, str]]) -> str:
    """Devices and keys as a table for a spreadsheet or a script: the one moment the keys can be copied."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["name", "device_id", "key"])
    for device, key in made:
        writer.writerow([harmless(device.label), device.public_id, key])
    return text.getvalue().rstrip()


def _file(text: str, name: str = "devices.csv") -> HttpResponse:
    response = HttpResponse(text, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
