"""Devices from a CSV file: read and judged first, shown, then registered all or none."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db import transaction

from access.errors import Invalid
from access.models import Site
from access.viewer import Viewer
from telemetry import fleet
from telemetry.models import Device, DeviceInventory, DeviceKind

COLUMNS = ("name", "kind", "site", "vendor", "model", "serial")
MOST_ROWS = 1_000
MOST_BYTES = 1_000_000


@dataclass(slots=True)
class Row:
    """One line of the file. problem: why it cannot be registered, '' if it can."""

    line: int
    name: str
    kind: str
    site: str
    vendor: str = ""
    model: str = ""
    serial: str = ""
    problem: str = ""
    found_site: Site | None = field(default=None, repr=False)


def read(content: bytes, *, by: Viewer) -> list[Row]:
    """Rows of a CSV with the columns above (comma or semicolon, UTF-8 or the old Western code page). Raises Invalid."""
    if len(content) > MOST_BYTES:
        raise Invalid("The file is larger than 1 MB", "file")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", "replace")
    first = text.split("\n", 1)[0]
    reader = csv.DictReader(
        io.StringIO(text.replace("\0", "")), delimiter=";" if first.count(";") > first.count(",") else ","
    )
    names = {(n or "").strip().lower() for n in reader.fieldnames or []}
    if not {"name", "site"} <= names:
        raise Invalid(f"The first line must name the columns: {', '.join(COLUMNS)}. Name and site are needed", "file")
    rows = [
        _row(
            number,
            {(k or "").strip().lower(): (v or "").strip() if isinstance(v, str) else "" for k, v in line.items()},
        )
        for number, line in enumerate(reader, start=2)
    ]
    if not rows:
        raise Invalid("The file has no lines below the first", "file")
    if len(rows) > MOST_ROWS:
        raise Invalid(f"At most {MOST_ROWS} devices at once", "file")
    _judge(rows, by)
    return rows


def _row(number: int, values: dict[str, str]) -> Row:
    kind = values.get("kind", "").lower().replace("access point", "ap")
    return Row(
        line=number,
        name=values.get("name", "")[:120],
        kind=kind or DeviceKind.OTHER.value,
        site=values.get("site", ""),
        vendor=values.get("vendor", "")[:120],
        model=values.get("model", "")[:120],
        serial=values.get("serial", "")[:120],
    )


def _judge(rows: Sequence[Row], by: Viewer) -> None:
    sites = {s.name.lower(): s for s in Site.objects.visible_to(by).filter(closed_at=None)}
    serials = set(DeviceInventory.objects.visible_to(by).exclude(serial="").values_list("vendor", "serial"))
    seen: set[tuple[str, str]] = set()
    for row in rows:
        row.found_site = sites.get(row.site.lower())
        key = (row.vendor, row.serial)
        if not row.name:
            row.problem = "has no name"
        elif row.kind not in DeviceKind.values:
            row.problem = f"“{row.kind}” is no kind: use {', '.join(DeviceKind.values)}"
        elif row.found_site is None:
            row.problem = f"you have no site “{row.site}”"
        elif row.serial and (key in serials or key in seen):
            row.problem = "this serial number exists already"
        if row.serial:
            seen.add(key)


@transaction.atomic
def register(rows: Sequence[Row], *, by: Viewer) -> list[tuple[Device, str]]:
    """All of the rows, or none: each device with its key, shown once. Raises Invalid, NotAllowed."""
    if wrong := [r for r in rows if r.problem]:
        raise Invalid(f"Line {wrong[0].line} {wrong[0].problem}", "file")
    made = []
    for row in rows:
        assert row.found_site is not None
        device = fleet.register(
            site=row.found_site,
            label=row.name,
            kind=DeviceKind(row.kind),
            by=by,
            serial=row.serial,
            vendor=row.vendor,
            model=row.model,
        )
        made.append((device, fleet.issue_key(device=device, by=by).secret))
    return made
