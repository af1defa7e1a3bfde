"""Log records as events."""

from __future__ import annotations

from telemetry.ingest.batch import SEVERITIES, Event, event_id
from telemetry.ingest.formats import cisco_syslog
from telemetry.ingest.formats import otlp_mapping as mapping
from telemetry.ingest.formats.instances import BadPoint
from telemetry.ingest.formats.otlp_identity import first
from telemetry.ingest.formats.otlp_model import UNSTORABLE, UNSTORABLE_TEXT, Attributes, Record
from telemetry.ingest.formats.otlp_samples import NANO

CODE_CHARS = 64
COMPONENT_CHARS = 128


def event_of(record: Record, received_at: float, text_chars: int) -> Event:
    """The event a log record tells of. A longer text is cut: no SDK could shorten it and send it again.

    Raises BadPoint if it has no text, or one that cannot be stored.
    """
    text = (record.body or "").strip()
    if not text:
        raise BadPoint("bad_value", "a log record without a body")
    if UNSTORABLE in text:
        raise BadPoint("bad_value", UNSTORABLE_TEXT)
    told = cisco_syslog.find(text)
    code = told.code if told else (first(record.attributes, mapping.EVENT_CODE) or "")[:CODE_CHARS]
    at = (record.t or record.observed) / NANO or received_at
    component = (first(record.attributes, mapping.EVENT_COMPONENT) or "")[:COMPONENT_CHARS]
    severity = _severity(record) or (told.severity if told else "info")
    return Event(event_id(at, code, text), at, severity, code, component, text[:text_chars])


def _severity(record: Record) -> str | None:
    by_number = mapping.SEVERITY_OF_NUMBER.get(record.severity)
    return by_number or _syslog_severity(record.attributes)


def _syslog_severity(attributes: Attributes) -> str | None:
    """By number or by name, as a syslog receiver leaves it."""
    said = first(attributes, mapping.EVENT_SEVERITY)
    if said is None:
        return None
    if said.isdecimal() and said.isascii() and len(said) == 1 and int(said) < len(SEVERITIES):
        return SEVERITIES[int(said)]
    return said if said in SEVERITIES else None
