"""Refused reports of the whole company, with their reasons; also as files."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render

from access.views.log import export
from access.views.pages import PageRequest, for_customer
from telemetry import refusals
from telemetry.models import Device
from telemetry.refusals import RefusalRow
from telemetry.views.exports import wanted

MOST = 500  # as many as are kept
KEPT_DAYS = 30


@for_customer
def index(request: PageRequest) -> HttpResponse:
    """?device= shows those of one device."""
    wished = request.GET.get("device")
    device = get_object_or_404(Device.objects.visible_to(request.viewer), public_id=wished) if wished else None
    rows = refusals.rows(request.viewer, device=device, within_days=KEPT_DAYS, at_most=MOST)
    if wanted(request):
        return export(request, map(_plain, rows), "refused-reports")
    return render(request, "portal/refused.html", {"rows": rows, "device": device})


def _plain(row: RefusalRow) -> dict[str, object]:
    kept = row.refusal
    return {
        "sender": row.sender,
        "key": kept.key_id,
        "format": kept.format,
        "code": kept.code,
        "reason": str(row.reason.title),
        "place": kept.place,
        "answer": kept.status,
        "times": kept.times,
        "first": kept.first_at,
        "last": kept.last_at,
    }
