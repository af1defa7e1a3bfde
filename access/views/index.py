"""Who can see your network: the matrix of partners and sites, requests, access over time, the last looks."""

from collections.abc import Iterable
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext

from access import matrix, sentences, timeline
from access.matrix import Cell
from access.models import AccessRequest, Site, StaffState
from access.views import log, looks
from access.views.drafts import DEFAULT_DAYS, LENGTH_WORDS
from access.views.pages import PageRequest, for_customer

LOOKS_SHOWN = 20


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


def title_of(request: AccessRequest, sites: Iterable[Site]) -> str:
    """'Brightwire asks for traffic totals, Lyon office, 30 days'."""
    words = {
        "name": request.partner.name,
        "what": sentences.categories(request.categories),
        "where": sentences.listed([s.name for s in sites if s.pk in request.sites]) or gettext("all your sites"),
        "length": LENGTH_WORDS.get(request.days, gettext("%(n)d days") % {"n": request.days}),
    }
    return gettext("%(name)s asks for %(what)s, %(where)s, %(length)s") % words


@for_customer
def index(request: PageRequest) -> HttpResponse:
    organization = request.viewer.organization
    assert organization is not None
    staff = list(matrix.permissions_of(organization, timezone.now() - timeline.BACK))
    found = matrix.matrix(request.viewer, url_of=url_of, staff=staff)
    if request.GET.get("format") in {"csv", "json"}:
        names = ("partner", "site", "kind", "until", "alerts")
        return log.export(request, (dict(zip(names, line, strict=True)) for line in matrix.lines(found)), "access")
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
