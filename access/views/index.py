"""Who can see your network: the matrix of partners and sites, requests, access over time, the last looks."""

from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone

from access import matrix, timeline
from access.matrix import Cell
from access.models import StaffState, ViewingEntry
from access.views import log
from access.views.drafts import DEFAULT_DAYS
from access.views.pages import PageRequest, for_customer


def url_of(cell: Cell) -> str:
    """Every cell is a link: to the request or permission behind it, else to the form with partner and site filled in."""
    if cell.request:
        return f"/access/requests/{cell.request}"
    if cell.permission:
        return f"/access/staff/{cell.permission}"
    if not cell.partner:
        return "/access/log"
    query = {"partner": cell.partner, "site": cell.site_id}
    if not cell.shared:  # what is shared keeps its own end until somebody changes it
        query["days"] = str(DEFAULT_DAYS)
    return "/access/grant?" + urlencode(query)


@for_customer
def index(request: PageRequest) -> HttpResponse:
    found = matrix.matrix(request.viewer, url_of=url_of)
    if request.GET.get("format") in {"csv", "json"}:
        names = ("partner", "site", "kind", "until", "alerts")
        return log.export(request, (dict(zip(names, line, strict=True)) for line in matrix.lines(found)), "access")
    looks = ViewingEntry.objects.visible_to(request.viewer)
    recent = log.filtered(request).filter(pk__in=looks.order_by("-at").values("pk")[:20])
    seeing = {row.name for row in found.rows if any(c.state in {"on", "soon"} for c in row.cells)}
    organization = request.viewer.organization
    assert organization is not None
    return render(
        request,
        "portal/access.html",
        {
            "matrix": found,
            "site_names": [s.name for s in found.sites],
            "rows": [*found.rows, found.staff],
            "partners": len(seeing),
            "requests": found.requests,
            "staff_requests": [p for p in found.permissions if p.state == StaffState.WAITING],
            "timeline": timeline.timeline(request.viewer),
            "today": timezone.now(),
            "entries": [log.shown(e) for e in recent],
            "zone": organization.timezone,
        },
    )
