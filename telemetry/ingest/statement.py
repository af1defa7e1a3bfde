"""The one statement of T1: a group of reports as the parameters of ingest_accept().

Arrays are written as PostgreSQL's array literals: one token each for its parser, where ARRAY[...] would be one for each
element. Only numbers, UUIDs and hexadecimal digits are written here by hand; text travels as JSON or is quoted.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from telemetry.ingest.batch import CALLHOME, NATIVE
from telemetry.ingest.layouts import Row
from telemetry.ingest.prepare import Prepared
from telemetry.vocabulary import HEALTH, TRAFFIC

CALL: Final = f"SELECT * FROM ingest_accept({', '.join(['%s'] * 28)})"  # noqa: S608 - placeholders alone

OWN_ID: Final = frozenset((NATIVE, CALLHOME))
"""Formats whose sender chose the id: the same id over another body is an error there. Elsewhere it comes from the body."""


def parameters(group: Sequence[Prepared]) -> list[str | None]:
    """In the order of ingest_accept(); reports count from 1."""
    reports = list(enumerate(group, start=1))
    devices = [(n, met) for n, report in reports for met in {met.id: met for met in report.devices}.values()]
    rows = [(n, row) for n, report in reports for row in report.rows]
    events = [{"n": n, **event} for n, report in reports for event in report.events]
    facts = [{"n": n, **fact} for n, report in reports for fact in report.facts]
    return [
        *_reports(group),
        _plain(n for n, _ in devices),
        _plain(met.id for _, met in devices),
        _plain(met.stay for _, met in devices),
        *_rows([pair for pair in rows if pair[1].category == HEALTH]),
        *_rows([pair for pair in rows if pair[1].category == TRAFFIC]),
        json.dumps(events) if events else None,
        json.dumps(facts) if facts else None,
    ]


def _reports(group: Sequence[Prepared]) -> list[str]:
    batches = [report.batch for report in group]
    return [
        _plain(report.sender.key for report in group),
        _plain(report.sender.customer for report in group),
        _plain(batch.idempotency_key for batch in batches),
        _plain(f'"{batch.key_at}"' for batch in batches),
        _bytes(batch.body_sha256 for batch in batches),
        _plain(batch.format for batch in batches),
        _plain(report.counts.devices for report in group),
        _plain(report.counts.samples for report in group),
        _plain(report.counts.events for report in group),
        _plain("NULL" if batch.seq is None else batch.seq for batch in batches),
        _plain("NULL" if batch.boot_id is None else _quoted(batch.boot_id) for batch in batches),
        _plain("t" if batch.clock_adjusted else "f" for batch in batches),
        _plain("t" if batch.format in OWN_ID else "f" for batch in batches),
    ]


def _rows(rows: Sequence[tuple[int, Row]]) -> list[str]:
    return [
        _plain(n for n, _ in rows),
        _plain(row.stay for _, row in rows),
        _plain(row.at for _, row in rows),
        _plain(row.layout for _, row in rows),
        _bytes(row.values for _, row in rows),
    ]


def _plain(values: Iterable[Any]) -> str:
    return "{" + ",".join(map(str, values)) + "}"


def _bytes(values: Iterable[bytes]) -> str:
    # A backslash within an array literal is itself escaped with one.
    hexed: Callable[[bytes], str] = bytes.hex
    return "{" + ",".join(f"\\\\x{hexed(value)}" for value in values) + "}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
