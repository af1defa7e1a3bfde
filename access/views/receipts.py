"""The receipt of a decision: a page, the same as JSON, the same as PDF."""

import json
from pathlib import Path
from typing import Any

import typst
from django.conf import settings
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext

from access import receipts, sentences
from access.models import Organization, ViewingEntry
from access.receipts import Line, Receipt
from access.sharing import Terms
from access.views.pages import PageRequest, for_customer

EXPORTS_SHOWN = 20
FORMATS = ("json", "pdf")
LAYOUT = Path(settings.BASE_DIR) / "templates" / "print" / "receipt.typ"


@for_customer
def page(request: PageRequest, number: int) -> HttpResponse:
    """Of the decision to which this entry of the journal belongs."""
    found = receipts.receipt(request.viewer, number)
    if found is None:
        raise Http404
    customer = request.viewer.organization
    assert customer is not None
    kind = request.GET.get("format")
    if kind in FORMATS:
        facts = told(found, customer)
        made = JsonResponse(facts) if kind == "json" else HttpResponse(_printed(facts), content_type="application/pdf")
        made["Content-Disposition"] = f'attachment; filename="receipt-{found.number}.{kind}"'
        return made
    exports = ViewingEntry.objects.visible_to(request.viewer).filter(
        grant__in=[line.grant.pk for line in found.lines], way="export", at__lte=found.at
    )
    now = timezone.now()
    context = {
        "receipt": found,
        "lines": [
            {"line": line, "is_over": bool(line.grant.closed_at) or line.grant.expires_at <= now}
            for line in found.lines
        ],
        "exports": exports.order_by("-at")[:EXPORTS_SHOWN] if found.is_end else (),
        "zone": customer.timezone,
    }
    return render(request, "portal/receipt.html", context)


def told(found: Receipt, customer: Organization) -> dict[str, Any]:
    """The receipt in plain values: for programs, and for print."""
    return {
        "receipt": found.number,
        "what": found.what,
        "at": found.at.isoformat(),
        "when": sentences.moment(found.at, customer),
        "zone": customer.timezone,
        "customer": customer.name,
        "partner": found.partner.name,
        "decided_by": found.who,
        "company": found.company,
        "sentences": list(found.sentences),
        "purpose": found.purpose,
        "asked_for": found.request.reason if found.request else None,
        "sites": [_told_line(line) for line in found.lines],
    }


def _told_line(line: Line) -> dict[str, Any]:
    grant = line.grant
    ended = line.after is None
    return {
        "site": grant.site.name,
        "partner": grant.partner.name,
        "grant": grant.public_id,
        "before": _terms(line.before),
        "after": _terms(line.after),
        "changes": [c.words for c in line.changes],
        "revoked_at": grant.revoked_at.isoformat() if ended and grant.revoked_at else None,
        "drained_at": grant.drained_at.isoformat() if ended and grant.drained_at else None,
        "cancelled_deliveries": line.cancelled_deliveries if ended else None,
        "journal_number": line.number,
        "checksum": line.checksum,
    }


def _terms(terms: Terms | None) -> dict[str, Any] | None:
    if terms is None:
        return None
    return {
        "categories": terms.values,
        "kinds": _kinds(terms),
        "expires_at": terms.expires_at.isoformat(),
        "forward_alerts": terms.forward_alerts,
    }


def _kinds(terms: Terms | None) -> str:
    return sentences.categories(terms.categories) if terms else gettext("nothing")


def _printed(facts: dict[str, Any]) -> bytes:
    """Names are data to the layout, never part of it."""
    made = typst.compile(LAYOUT.read_bytes(), format="pdf", sys_inputs={"receipt": json.dumps(facts)})
    assert isinstance(made, bytes)
    return made
