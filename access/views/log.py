"""Who looked, and what was changed: the customer's journals, with filters, export and a check of the chains."""

import csv
import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.core.paginator import Paginator
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.dateparse import parse_date

from access import audit_words, verification
from access.models import AuditEntry, Category, OwnReadSummary, Seal, ViewingEntry, Way
from access.views.pages import PageRequest, for_customer

PAGE = 50
ALL_WITHIN = 10_000  # rows of an export made at once


def filtered(request: PageRequest) -> QuerySet[ViewingEntry]:
    """Looks under the filters of the query string: partner, person, site, kind, how, from, to."""
    wanted = request.GET
    found = ViewingEntry.objects.visible_to(request.viewer).select_related("grant", "site")
    if wanted.get("partner"):
        found = found.filter(looker__public_id=wanted["partner"])
    if wanted.get("person"):
        found = found.filter(person_name__icontains=wanted["person"])
    if wanted.get("site"):
        found = found.filter(site__public_id=wanted["site"])
    if wanted.get("kind") in Category.values:
        found = found.filter(category=wanted["kind"])
    if wanted.get("how") in Way.values:
        found = found.filter(way=wanted["how"])
    if since := parse_date(wanted.get("from", "")):
        found = found.filter(at__date__gte=since)
    if until := parse_date(wanted.get("to", "")):
        found = found.filter(at__date__lte=until)
    sealed = Seal.objects.filter(customer=OuterRef("customer"), entry=OuterRef("pk"))
    return found.annotate(is_sealed=Exists(sealed)).order_by("-at", "-number")


def shown(entry: ViewingEntry) -> dict[str, Any]:
    """One look in the words of the page and of the export."""
    return {
        "person": entry.person_name or f"A person of {entry.looker_name}",
        "company": entry.looker_name,
        "object": entry.object_words + (f" ({entry.outcome})" if entry.outcome == "may have been delivered" else ""),
        "kind": Category(entry.category).label,
        "how": entry.get_way_display(),
        "allowed_by": _allowed_by(entry),
        "allowed_url": f"/access/grants/{entry.grant.public_id}" if entry.grant else "",
        "purpose": entry.purpose,
        "at": entry.at,
        "unsealed": not entry.is_sealed,  # type: ignore[attr-defined]
    }


def _allowed_by(entry: ViewingEntry) -> str:
    if entry.grant:
        return f"To {entry.grant.expires_at:%-d %b %Y}"
    return "You allowed it" if entry.staff_permission_id else ""


@for_customer
def index(request: PageRequest) -> HttpResponse:
    found = filtered(request)
    if request.GET.get("format") in {"csv", "json"}:
        return export(request, (shown(e) for e in found[:ALL_WITHIN]), "viewing-log")
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    organization = request.viewer.organization
    assert organization is not None
    own = OwnReadSummary.objects.visible_to(request.viewer).order_by("-day", "person_name")[:30]
    return render(
        request,
        "portal/log.html",
        {
            "entries": [shown(e) for e in page],
            "page": page,
            "zone": organization.timezone,
            "own": own,
            "kinds": Category.choices,
            "ways": Way.choices,
        },
    )


@for_customer
def check(request: PageRequest) -> HttpResponse:
    """Run the check of both chains now; says up to which row and when."""
    organization = request.viewer.organization
    assert organization is not None
    report = verification.verify(organization.pk)
    return render(
        request, "portal/log_check.html", {"report": report, "at": timezone.now(), "zone": organization.timezone}
    )


@for_customer
def audit(request: PageRequest) -> HttpResponse:
    found = AuditEntry.objects.visible_to(request.viewer).order_by("-seq")
    if request.GET.get("format") in {"csv", "json"}:
        rows = (
            {
                "number": e.seq,
                "at": e.at,
                "who": e.actor_name,
                "company": e.actor_organization,
                "action": e.action,
                "object": e.object_words,
                "before": e.before,
                "after": e.after,
            }
            for e in found[:ALL_WITHIN]
        )
        return export(request, rows, "audit-journal")
    organization = request.viewer.organization
    assert organization is not None
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    changes = [{"entry": e, "what": audit_words.said(e.action)} for e in page]
    return render(request, "portal/audit.html", {"page": page, "changes": changes, "zone": organization.timezone})


def export(request: PageRequest, rows: Iterable[dict[str, Any]], name: str) -> HttpResponse:
    """Rows as CSV (RFC 4180; cells that a spreadsheet would take for a formula are quoted) or JSON."""
    if request.GET["format"] == "json":
        response = HttpResponse(json.dumps(list(rows), default=_plain), content_type="application/json")
    else:
        response = HttpResponse(content_type="text/csv; charset=utf-8")
        _write_csv(response, iter(rows))
    response["Content-Disposition"] = f'attachment; filename="{name}.{request.GET["format"]}"'
    return response


def _write_csv(response: HttpResponse, rows: Iterator[dict[str, Any]]) -> None:
    writer = csv.writer(response, lineterminator="\r\n")
    for number, row in enumerate(rows):
        if number == 0:
            writer.writerow(row)
        writer.writerow([harmless(_plain(v)) for v in row.values()])


def harmless(value: Any) -> str:
    """A cell that starts like a formula is text: devices and people may be called anything."""
    text = "" if value is None else str(value)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(ZoneInfo("UTC")).isoformat()
    return value if isinstance(value, (str, int, float, bool)) or value is None else str(value)
