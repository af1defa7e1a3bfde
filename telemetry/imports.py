"""Devices from a CSV file: read and judged first, shown, then registered all or none."""

import codecs
import csv
import io
from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from access.errors import Invalid, require
from access.models import Site
from access.viewer import Viewer
from access.views.log import harmless
from telemetry import fleet
from telemetry.models import Device, DeviceInventory, DeviceKey, DeviceKind

COLUMNS = ("name", "kind", "site", "vendor", "model", "serial")
MOST_ROWS = 1_000
MOST_BYTES = 1_000_000
MOST_CHARS = 120
TWO_SITES = "several of your sites are called like that: write the name exactly as it stands there"
KINDS = {name.lower(): kind.value for kind in DeviceKind for name in (kind.value, kind.label)}


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


def decoded(content: bytes) -> str:
    """The text of a file as spreadsheets write them: UTF-8 with or without a mark, UTF-16 with one, or the old Western code
    page; lines end with \n. Raises Invalid."""
    if len(content) > MOST_BYTES:
        raise Invalid("The file is larger than 1 MB", "file")
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = content.decode("utf-16", "replace")
    else:
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = content.decode("cp1252", "replace")
    return text.replace("\0", "").replace("\r\n", "\n").replace("\r", "\n")


def read(text: str, *, by: Viewer) -> list[Row]:
    """Rows of a CSV with the columns above, separated by comma, semicolon or tab. Raises Invalid."""
    reader = csv.DictReader(io.StringIO(text), delimiter=_separator(text))
    try:
        names = {(n or "").strip().lower() for n in reader.fieldnames or []}
    except csv.Error as error:
        raise Invalid(f"The first line cannot be read: {error}", "file") from error
    if not {"name", "site"} <= names:
        raise Invalid(f"The first line must name the columns: {', '.join(COLUMNS)}. Name and site are needed", "file")
    try:
        told = [(reader.line_num, _values(line)) for line in reader]
    except csv.Error as error:
        raise Invalid(f"Line {reader.line_num} cannot be read: {error}", "file") from error
    rows = [_row(number, values) for number, values in told if any(values.values())]  # spreadsheets add empty lines
    if not rows:
        raise Invalid("The file has no lines below the first", "file")
    if len(rows) > MOST_ROWS:
        raise Invalid(
            f"The file has {len(rows)} devices, at most {MOST_ROWS} are added at once: make two of it", "file"
        )
    _judge(rows, by)
    return rows


def _separator(text: str) -> str:
    """Whichever the first line has most of."""
    first = text.split("\n", 1)[0]
    return max(",;\t", key=first.count)


def _values(line: dict[str | Any, str | Any]) -> dict[str, str]:
    """By column, each on one line. What stands beyond the last column has no name and is left out."""
    return {k.strip().lower(): " ".join((v or "").split()) for k, v in line.items() if isinstance(k, str)}


def _row(number: int, values: dict[str, str]) -> Row:
    said = values.get("kind", "")
    kind = KINDS.get(said.lower(), said)
    return Row(
        line=number,
        name=values.get("name", ""),
        kind=kind or DeviceKind.OTHER.value,
        site=values.get("site", ""),
        vendor=values.get("vendor", ""),
        model=values.get("model", ""),
        serial=values.get("serial", ""),
    )


def _called(name: str, sites: Sequence[Site]) -> list[Site]:
    """The site of exactly this name, else those called so whatever case and blanks. Who sees a device depends on its site, so
    nobody guesses between two."""
    exact = [s for s in sites if s.name == name]
    return exact or [s for s in sites if _folded(s.name) == _folded(name)]


def _folded(name: str) -> str:
    return " ".join(name.lower().split())


def _judge(rows: Sequence[Row], by: Viewer) -> None:
    sites = list(Site.objects.visible_to(by).filter(closed_at=None))
    inventories = DeviceInventory.objects.visible_to(by).exclude(serial="")
    serials = set(inventories.values_list("vendor", "serial"))
    names: set[tuple[Any, str]] = {
        (site, label.lower()) for site, label in Device.objects.visible_to(by).in_use().values_list("site", "label")
    }
    for row in rows:
        called = _called(row.site, sites)
        row.found_site = called[0] if len(called) == 1 else None
        site = row.found_site.pk if row.found_site else None
        row.problem = TWO_SITES if len(called) > 1 else _problem(row, serials, names)
        names.add((site, row.name.lower()))
        if row.serial:
            serials.add((row.vendor, row.serial))


def _problem(row: Row, serials: Container[tuple[str, str]], names: Container[tuple[Any, str]]) -> str:
    """Why the row cannot be registered. serials, names: taken already, by devices or by lines above."""
    long = next((n for n in ("name", "vendor", "model", "serial") if len(getattr(row, n)) > MOST_CHARS), "")
    if not row.name:
        return "has no name"
    if long:
        return f"has a {long} of more than {MOST_CHARS} characters"
    if row.kind not in DeviceKind.values:
        return f"“{row.kind[:40]}” is no kind: use {', '.join(DeviceKind.values)}"
    if row.found_site is None:
        return f"you have no site “{row.site[:40]}”" if row.site else "names no site"
    if row.serial and (row.vendor, row.serial) in serials:
        return "this serial number exists already"
    if (row.found_site.pk, row.name.lower()) in names:
        return "this site has a device of this name already"
    return ""


def example(*, by: Viewer) -> str:
    """A file to begin with: the columns, and a line for each of the first two sites."""
    sites = list(Site.objects.visible_to(by).filter(closed_at=None).order_by("name")[:2])
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for number, site in enumerate(sites, start=1):
        writer.writerow(
            [f"Switch {number}", "switch", harmless(site.name), "Example Networks", "EN-24", f"SN-000{number}"]
        )
    return text.getvalue()


def with_keys(keys: Sequence[str], *, by: Viewer) -> str:
    """A table of devices and these keys of theirs, for a spreadsheet or a script, in the order of the keys. Who asks brings the
    keys along, since nobody keeps them; what is no live key of the company's devices is left out. Raises NotAllowed, Invalid."""
    require(by.may_edit, "Only owners and approvers hold keys")
    told = {key.split("_", 2)[1]: key for key in keys[:MOST_ROWS] if key.count("_") >= 2}
    found = DeviceKey.objects.visible_to(by).filter(key_id__in=told, revoked_at=None, device__isnull=False)
    rows = {row.key_id: row for row in found.select_related("device", "site") if fleet.fits(row, told[row.key_id])}
    if not rows:
        raise Invalid("None of these keys can be used any more: make new ones on the pages of the devices", "keys")
    serials = dict(
        DeviceInventory.objects.visible_to(by)
        .filter(device__in=[row.device_id for row in rows.values()])
        .values_list("device", "serial")
    )
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(["name", "site", "serial", "device_id", "key"])
    for key_id, key in told.items():
        if row := rows.get(key_id):
            serial = serials.get(row.device_id, "")
            writer.writerow([*map(harmless, (row.device.label, row.site.name, serial)), row.device.public_id, key])
    return text.getvalue()


@transaction.atomic
def register(rows: Sequence[Row], *, by: Viewer) -> list[tuple[Device, str]]:
    """All of the rows, or none: each device with its key, shown once. Raises Invalid, NotAllowed."""
    if wrong := [r for r in rows if r.problem]:
        raise Invalid(f"Line {wrong[0].line} {wrong[0].problem}", "file")
    fleet.hold_open(*(row.found_site.pk for row in rows if row.found_site))  # all at once, so in one order
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
