"""Who looked, and what was changed: the customer's journals, with filters, export and a check of the chains."""

import csv
import json
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import QuerySet
from django.http import FileResponse, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext

from access import audit_words, receipts, verification
from access.errors import Invalid
from access.models import AuditEntry, OwnReadSummary
from access.principal import acting
from access.views import leaves, looks
from access.views.leaves import Key
from access.views.numbers import LARGEST_SEQ, whole
from access.views.pages import PageRequest, for_customer, own_transactions

ALL_WITHIN = 100_000  # rows of an export made at once
CHUNK = 2_000
SCRIPT = Path(settings.BASE_DIR) / "docs" / "verify_journal.py"
OWN_SHOWN = 30
FILTERS = ("partner", "person", "site", "kind", "how", "from", "to")
FORMATS = {"csv", "json"}


@for_customer
def index(request: PageRequest) -> HttpResponse:
    viewer, wanted = request.viewer, request.GET
    found = looks.filtered(viewer, wanted)
    if wanted.get("format") in FORMATS:
        return export(request, (looks.shown(e, viewer) for e in every(found)), "viewing-log")
    # One by one where somebody asked for the reads behind a line, else a program's day is one line.
    rows = found if wanted.get("each") else looks.rolled_up(found, looks.zone_of(viewer))
    page = leaves.leaf(rows, wanted, looks.KEY)
    own = OwnReadSummary.objects.visible_to(viewer).order_by("-day", "person_name", "category")
    context = {
        "entries": [looks.shown(e, viewer) for e in page.rows]
        if wanted.get("each")
        else looks.lines(found, page.rows, viewer),
        "page": page,
        "zone": str(looks.zone_of(viewer)),
        "own": own[:OWN_SHOWN],
        "is_filtered": any(wanted.get(name) for name in FILTERS),
        **looks.choices(viewer),
    }
    return render(request, "portal/log.html", context)


def every(found: QuerySet[Any]) -> Iterator[Any]:
    """Every row, or none: an export that quietly ends somewhere would be taken for the whole. Raises Invalid."""
    if found.order_by()[: ALL_WITHIN + 1].count() > ALL_WITHIN:
        words = gettext("More than %(n)d rows: choose a shorter time, then export again")
        raise Invalid(words % {"n": ALL_WITHIN})
    return found.iterator(chunk_size=CHUNK)


@for_customer
def check(request: PageRequest) -> HttpResponse:
    """Run the check of both chains now; says up to which row and when."""
    organization = request.viewer.organization
    assert organization is not None
    report = verification.verify(organization.pk)
    return render(
        request, "portal/log_check.html", {"report": report, "at": timezone.now(), "zone": organization.timezone}
    )


@own_transactions
@for_customer
def journal(request: PageRequest) -> HttpResponse:
    """Both chains and the anchors, for the script: a check that takes our word for nothing. However long, it is not held in memory."""
    organization = request.viewer.organization
    assert organization is not None
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the answer closes it
    with acting(request.viewer):
        file.writelines(line.encode() for line in verification.exported(organization.pk))
    file.seek(0)
    # Django's streaming answers are no HttpResponse, and pass wherever one does.
    return FileResponse(  # type: ignore[return-value]
        file, as_attachment=True, filename="journal.jsonl", content_type="application/jsonl"
    )


@for_customer
def script(request: PageRequest) -> HttpResponse:
    """The script itself: Python alone runs it."""
    answer = HttpResponse(SCRIPT.read_bytes(), content_type="text/x-python; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{SCRIPT.name}"'
    return answer


def _read_seq(text: str) -> tuple[int] | None:
    number = whole(text, most=LARGEST_SEQ, least=0)
    return None if number is None else (number,)


BY_NUMBER = Key(("seq",), lambda entry: str(entry.seq), _read_seq)


@for_customer
def audit(request: PageRequest) -> HttpResponse:
    found = AuditEntry.objects.visible_to(request.viewer)
    if request.GET.get("format") in FORMATS:
        return export(request, (_change(e) for e in every(found.order_by("-seq"))), "audit-journal")
    organization = request.viewer.organization
    assert organization is not None
    page = leaves.leaf(found, request.GET, BY_NUMBER)
    with_receipt = receipts.GIVES + receipts.ENDS
    changes = [
        {"entry": e, "what": audit_words.said(e.action), "has_receipt": e.action in with_receipt} for e in page.rows
    ]
    return render(request, "portal/audit.html", {"page": page, "changes": changes, "zone": organization.timezone})


def _change(entry: AuditEntry) -> dict[str, Any]:
    return {
        "number": entry.seq,
        "at": entry.at,
        "who": entry.actor_name,
        "company": entry.actor_organization,
        "action": entry.action,
        "object": entry.object_words,
        "before": entry.before,
        "after": entry.after,
        "checksum": bytes(entry.hash or b"").hex(),
    }


def export(
    request: PageRequest, rows: Iterable[dict[str, Any]], name: str, *, columns: Sequence[str] = ()
) -> HttpResponse:
    """Rows as CSV (RFC 4180; cells that a spreadsheet would take for a formula are quoted) or JSON.

    columns: heads a table without rows, too.
    """
    if request.GET["format"] == "json":
        response = HttpResponse(json.dumps(list(rows), default=_plain), content_type="application/json")
    else:
        response = HttpResponse(content_type="text/csv; charset=utf-8")
        _write_csv(response, rows, columns)
    response["Content-Disposition"] = f'attachment; filename="{name}.{request.GET["format"]}"'
    return response


def _write_csv(response: HttpResponse, rows: Iterable[dict[str, Any]], columns: Sequence[str]) -> None:
    writer = csv.writer(response, lineterminator="\r\n")
    if columns:
        writer.writerow(columns)
    for number, row in enumerate(rows):
        if number == 0 and not columns:
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
