"""The one statement of T1: a group of reports as the parameters of ingest_accept().

Arrays are written as PostgreSQL's array literals: one token each for its parser, where ARRAY[...] would be one for each
element. Only numbers, UUIDs and hexadecimal digits are written here by hand; text travels as JSON or is quoted.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from django.conf import settings

from telemetry.ingest.batch import CALLHOME, NATIVE
from telemetry.ingest.layouts import Row
from telemetry.ingest.prepare import Prepared
from telemetry.vocabulary import HEALTH, TRAFFIC

CALL: Final = f"SELECT * FROM ingest_accept({', '.join(['%s'] * 29)})"  # noqa: S608 - placeholders alone

OWN_ID: Final = frozenset((NATIVE, CALLHOME))
"""Formats whose sender chose the id: the same id over another body is an error there. Elsewhere it comes from the body."""


def parameters(group: Sequence[Prepared]) -> list[str | float | None]:
    """In the order of ingest_accept(); reports count from 1."""
    reports = list(enumerate(group, start=1))
    devices = [(n, met) for n, report in reports for met in {met.id: met for met in report.devices}.values()]
    rows = [(n, row) for n, report in reports for row in report.rows]
    events = [{"n": n, **event} for n, report in reports for event in report.events]
    facts = [{"n": n, **fact} for n, report in reports for fact in report.facts]
    return [
        *_reports(group),
        _array([f"{n}" for n, _ in devices]),
        _array([f"{met.id}" for _, met in devices]),
        _array([f"{met.stay}" for _, met in devices]),
        *_rows([pair for pair in rows if pair[1].category == HEALTH]),
        *_rows([pair for pair in rows if pair[1].category == TRAFFIC]),
        json.dumps(events) if events else None,
        json.dumps(facts) if facts else None,
        settings.ANALYSIS_SPACING_S,
    ]


def _reports(group: Sequence[Prepared]) -> list[str]:
    batches = [report.batch for report in group]
    return [
        _array([f"{report.sender.key}" for report in group]),
        _array([f"{report.sender.customer}" for report in group]),
        _array([f"{batch.idempotency_key}" for batch in batches]),
        _array([f'"{batch.key_at}"' for batch in batches]),
        _array([_hexed(batch.body_sha256) for batch in batches]),
        _array([batch.format for batch in batches]),
        _array([f"{report.counts.devices}" for report in group]),
        _array([f"{report.counts.samples}" for report in group]),
        _array([f"{report.counts.events}" for report in group]),
        _array(["NULL" if batch.seq is None else f"{batch.seq}" for batch in batches]),
        _array(["NULL" if batch.boot_id is None else _quoted(batch.boot_id) for batch in batches]),
        _array(["t" if batch.clock_adjusted else "f" for batch in batches]),
        _array(["t" if batch.format in OWN_ID else "f" for batch in batches]),
    ]


def _rows(rows: Sequence[tuple[int, Row]]) -> list[str]:
    return [
        _array([f"{n}" for n, _ in rows]),
        _array([f"{row.stay}" for _, row in rows]),
        _array([f"{row.at}" for _, row in rows]),
        _array([f"{row.layout}" for _, row in rows]),
        _array([_hexed(row.values) for _, row in rows]),
    ]


def _array(elements: list[str]) -> str:
    return "{" + ",".join(elements) + "}"


def _hexed(value: bytes) -> str:
    return f"\\\\x{value.hex()}"  # within an array literal a backslash is itself escaped with one


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
