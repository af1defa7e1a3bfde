"""Bulk import with a preview: the file's text travels with the form, so nothing is kept between the two steps."""

from django.http import HttpResponse
from django.shortcuts import render

from access.errors import Invalid
from access.views.pages import PageRequest, acted, for_customer
from telemetry import imports


@for_customer
def upload(request: PageRequest) -> HttpResponse:
    context: dict[str, object] = {"columns": imports.COLUMNS}
    if request.method == "POST":
        file = request.FILES.get("file")
        text = file.read(imports.MOST_BYTES + 1) if file is not None else request.POST.get("text", "").encode()
        try:
            rows = imports.read(text, by=request.viewer)
        except Invalid as no:
            context["problem"] = str(no)
        else:
            context |= {"rows": rows, "text": text.decode("utf-8", "replace"), "bad": sum(1 for r in rows if r.problem)}
            made: list[object] = []
            if request.POST.get("confirm") and acted(
                request, lambda: made.extend(imports.register(rows, by=request.viewer))
            ):
                return render(request, "portal/import_done.html", {"made": made})
    return render(request, "portal/import.html", context)
