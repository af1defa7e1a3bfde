"""Who can see your network: the matrix of partners and sites, requests, access over time, the last looks."""

from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext

from access import ledger, matrix, timeline
from access.cells import Cell
from access.matrix import Matrix, Standing, Wanted
from access.models import StaffState
from access.views import log, looks
from access.views.drafts import DEFAULT_DAYS
from access.views.numbers import whole
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
    by_group = cell.of_several and cell.site_id != matrix.ALL_SITES
    query = {"partner": cell.partner, "group" if by_group else "site": cell.site_id}
    if not cell.shared:  # what is shared keeps its own end until somebody changes it
        query["days"] = str(DEFAULT_DAYS)
    return "/access/grant?" + urlencode(query)


@for_customer
def index(request: PageRequest) -> HttpResponse:
    organization = request.viewer.organization
    assert organization is not None
    wanted = wanted_of(request.GET)
    if request.GET.get("format") in log.FORMATS:
        return _export(request, wanted)
    staff = list(matrix.permissions_of(organization, timezone.now() - timeline.BACK))
    found = matrix.matrix(request.viewer, url_of=url_of, staff=staff, wanted=wanted)
    every = looks.filtered(request.viewer, {})
    recent = looks.rolled_up(every, looks.zone_of(request.viewer))[:LOOKS_SHOWN]
    over_time = timeline.timeline(request.viewer, staff=staff, partners=found.shown if found.is_large else None)
    return render(
        request,
        "portal/access.html",
        {
            "matrix": found,
            "rows": [*found.rows, found.staff],
            "standings": _standings(request.GET, found),
            "requests": [{"row": r, "title": title_of(r, found.sites)} for r in found.requests],
            "staff_requests": [p for p in found.permissions if p.state == StaffState.WAITING],
            "timeline": over_time,
            "today": timezone.now(),
            "entries": looks.lines(every, recent, request.viewer),
            "zone": organization.timezone,
        },
    )


def wanted_of(query: QueryDict) -> Wanted:
    """From the address; what no link says is as if it was not there."""
    standing = query.get("show", "")
    return Wanted(
        group=query.get("group", ""),
        name=query.get("q", "").strip(),
        standing=Standing(standing) if standing in set(Standing) else None,
        page=whole(query.get("page"), most=9_999) or 1,
    )


def _export(request: PageRequest, wanted: Wanted) -> HttpResponse:
    """The whole table, with what ended and what was refused; under the filters of the page, if any."""
    partners, sites = None, None
    if wanted.group or wanted.name or wanted.standing:
        found = matrix.matrix(request.viewer, wanted=wanted)
        partners = set(found.found) if wanted.name or wanted.standing else None
        sites = {s.pk for s in found.group.sites} if found.group else None
    rows = ledger.lines(request.viewer, partners=partners, sites=sites)
    return log.export(request, rows, "access", columns=ledger.COLUMNS)


def _standings(query: QueryDict, found: Matrix) -> list[dict[str, Any]]:
    """Links that narrow the rows, each with its number of partners."""
    options = [
        ("", gettext("All partners"), found.partners),
        (Standing.SEEING, gettext("See something"), found.counts[Standing.SEEING]),
        (Standing.ASKING, gettext("Ask for access"), found.counts[Standing.ASKING]),
        (Standing.NEITHER, gettext("See nothing"), found.counts[Standing.NEITHER]),
    ]
    kept = {name: query[name] for name in ("group", "q") if query.get(name)}
    return [
        {
            "url": "?" + urlencode(kept | ({"show": value} if value else {})),
            "label": label,
            "count": count,
            "current": query.get("show", "") == value,
        }
        for value, label, count in options
    ]
