"""Check the hash chains of every organization's journals, or of one; exit code 1 when a chain is broken."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from access import verification
from access.principal import principal
from access.verification import Report

STATEMENT_MS = 600_000  # a journal of years


class Command(BaseCommand):
    help = "Check that no entry of the audit journal and the viewing log was changed, removed, added or moved."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--customer", metavar="PUBLIC_ID", default="", help="this organization alone")
        parser.add_argument("--json", action="store_true", dest="as_json", help="one JSON object on standard output")
        parser.add_argument("--export", type=Path, metavar="FILE", help="write the journal for docs/verify_journal.py")

    def handle(self, *args: Any, customer: str, as_json: bool, export: Path | None = None, **options: Any) -> None:
        journals = self.journals(customer)
        if export is not None and len(journals) != 1:
            raise CommandError("--export needs --customer")
        reports: dict[str, Report] = {}
        for pk, public_id in journals:
            with job_for_long(pk):
                reports[public_id] = verification.verify(pk)
                if export is not None:
                    with export.open("w", encoding="utf-8") as file:
                        file.writelines(verification.exported(pk))
            if not as_json:
                self.tell(public_id, reports[public_id])
        if as_json:
            found = [as_dict(public_id, report) for public_id, report in reports.items()]
            self.stdout.write(json.dumps({"ok": all(r.ok for r in reports.values()), "journals": found}))
        if not all(r.ok for r in reports.values()):
            sys.exit(1)

    def journals(self, customer: str) -> list[tuple[UUID, str]]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT id, public_id FROM find_journals(%s)", [customer])
            found = list(cursor.fetchall())
        if customer and not found:
            raise CommandError(f"No organization has the id {customer}")
        return found

    def tell(self, public_id: str, report: Report) -> None:
        ends = ", ".join(f"{chain} to {seq}" for chain, seq in report.upto.items())
        waiting = f"; {report.waiting} looks not sealed yet" if report.waiting else ""
        self.stdout.write(f"{public_id}: {'whole' if report.ok else 'BROKEN'}, {report.checked} rows, {ends}{waiting}")
        for fault in report.broken:
            self.stdout.write(f"  {fault.chain} {fault.seq}: {fault.what}")


def job_for_long(customer: UUID) -> Any:
    return principal(kind="job", customers=[customer], statement_ms=STATEMENT_MS)


def as_dict(public_id: str, report: Report) -> dict[str, Any]:
    return {
        "customer": public_id,
        "ok": report.ok,
        "checked": report.checked,
        "waiting": report.waiting,
        "upto": report.upto,
        "at": report.at.isoformat(),
        "broken": [asdict(fault) for fault in report.broken],
    }
