"""End of sale, of support, of security fixes: from a catalogue file, with an explicit "unknown"."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from django.db import transaction
from django.db.models.functions import Lower
from django.utils import timezone

from telemetry.models import DeviceInventory, ModelLifecycle

COLUMNS = ("vendor", "model", "end_of_sale", "end_of_support", "end_of_security_fixes", "source")
SOON_DAYS = 180
LONGEST = {"vendor": 120, "model": 120, "source": 300}  # as the table holds them


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """What is known of a model's dates. state: ok, watch (within half a year), risk (passed) or mute (unknown)."""

    end_of_sale: date | None
    end_of_support: date | None
    end_of_security_fixes: date | None
    source: str
    state: str
    words: str
    is_listed: bool = False
    """In the catalogue, though dates may be unknown there too."""


UNKNOWN = Lifecycle(None, None, None, "", "mute", "Unknown: this model is not in the catalogue")


def of(inventory: DeviceInventory) -> Lifecycle:
    """Dates of the device's model; unknown is said, never guessed."""
    if not inventory.model:
        return Lifecycle(None, None, None, "", "mute", "Unknown: the device has not named its model")
    asked = (inventory.vendor, inventory.model)
    row = rows([asked]).get(asked)
    return UNKNOWN if row is None else judged(row, timezone.now().date())


def states(models: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """The state of each (vendor, model), as `of` says it, in one question to the database."""
    asked, today = set(models), timezone.now().date()
    found = rows(asked)
    return {model: judged(found[model], today).state if model in found else UNKNOWN.state for model in asked}


def rows(models: Iterable[tuple[str, str]]) -> dict[tuple[str, str], ModelLifecycle]:
    """What the catalogue has of each (vendor, model), whatever the case; of two spellings the older row. One question."""
    asked = set(models)
    folded = ModelLifecycle.objects.annotate(folded=Lower("model")).filter(
        folded__in={m.lower() for _, m in asked if m}
    )
    known = {(r.vendor.lower(), r.model.lower()): r for r in folded.order_by("-pk")}
    named = {(vendor, model): known.get((vendor.lower(), model.lower())) for vendor, model in asked}
    return {model: row for model, row in named.items() if row is not None}


def judged(row: ModelLifecycle, today: date) -> Lifecycle:
    dates = [d for d in (row.end_of_security_fixes, row.end_of_support) if d is not None]
    first = min(dates, default=None)
    fixes = first != row.end_of_support  # what ends first are security fixes alone
    if first is None:
        state, words = "mute", "Unknown: the maker has named no end of support"
    elif first <= today:
        state, words = "risk", f"Without {'security fixes' if fixes else 'support'} since {first:%-d %B %Y}"
    elif (first - today).days <= SOON_DAYS:
        state, words = "watch", f"{'Security fixes end' if fixes else 'Support ends'} on {first:%-d %B %Y}"
    else:
        state, words = "ok", f"{'Security fixes' if fixes else 'Supported'} until {first:%-d %B %Y}"
    return Lifecycle(
        row.end_of_sale, row.end_of_support, row.end_of_security_fixes, row.source, state, words, is_listed=True
    )


class BadCatalogue(ValueError):
    """The file is not a catalogue; the text names line and column."""


def load(path: Path) -> int:
    """Read a catalogue (CSV with the columns above, dates as YYYY-MM-DD or empty) into the database. Raises BadCatalogue."""
    with path.open(newline="", encoding="utf-8-sig") as lines:
        told = list(parsed(csv.DictReader(lines)))
    with transaction.atomic():
        for row in told:
            there = rows([(row.vendor, row.model)]).get((row.vendor, row.model))
            row.pk = there.pk if there else None
            if there:  # the spelling that stands there stays
                row.vendor, row.model = there.vendor, there.model
            row.save()
    return len(told)


def parsed(lines: "Iterable[dict[str, str]]") -> list[ModelLifecycle]:
    found = []
    for number, line in enumerate(lines, start=2):
        if not {"vendor", "model"} <= line.keys():
            raise BadCatalogue(f"The first line must name the columns {', '.join(COLUMNS)}")
        try:
            dates = {c: date.fromisoformat(line[c]) if line.get(c) else None for c in COLUMNS[2:5]}
        except ValueError as error:
            raise BadCatalogue(f"Line {number}: {error}") from error
        texts = {c: (line.get(c) or "").strip() for c in ("vendor", "model", "source")}
        if not texts["vendor"] or not texts["model"]:
            raise BadCatalogue(f"Line {number}: vendor and model are needed")
        for column, text in texts.items():
            if len(text) > LONGEST[column]:
                raise BadCatalogue(f"Line {number}: {column} has more than {LONGEST[column]} characters")
        found.append(ModelLifecycle(**texts, **dates))
    return found
