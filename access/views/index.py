"""Who can see your network: the matrix of partners and sites, requests, access over time, the last looks."""

from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone

from access import ledger, matrix, timeline
from access.matrix import Cell
from access.models import StaffState
from access.views import log, looks
from access.views.drafts import DEFAULT_DAYS
from access.views.pages import PageRequest, for_customer
from access.views.requests import title_of

LOOKS_SHOWN = 20


def url_of(cell: Cell) -> str:
    """Every cell is a link: to the request or permission behind it, else to the form with partner and site filled in.

    One that shows something leads to the form also while its partner asks for more: there it can be stopped.
    """
    if cell.request and not cell.shared:
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
    organization = request.viewer.organization
    assert organization is not None
    if request.GET.get("format") in log.FORMATS:
        return log.export(request, ledger.lines(request.viewer), "access", columns=ledger.COLUMNS)
    staff = list(matrix.permissions_of(organization, timezone.now() - timeline.BACK))
    found = matrix.matrix(request.viewer, url_of=url_of, staff=staff)
    every = looks.filtered(request.viewer, {})
    recent = looks.rolled_up(every, looks.zone_of(request.viewer))[:LOOKS_SHOWN]
    seeing = {row.name for row in found.rows if any(c.state in {"on", "soon"} for c in row.cells)}
    return render(
        request,
        "portal/access.html",
        {
            "matrix": found,
            "site_names": [s.name for s in found.sites],
            "rows": [*found.rows, found.staff],
            "partners": len(seeing),
            "requests": [{"row": r, "title": title_of(r, found.sites)} for r in found.requests],
            "staff_requests": [p for p in found.permissions if p.state == StaffState.WAITING],
            "timeline": timeline.timeline(request.viewer, staff=staff),
            "today": timezone.now(),
            "entries": looks.lines(every, recent, request.viewer),
            "zone": organization.timezone,
        },
    )
