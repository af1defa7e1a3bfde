"""Fields of a native report: typed, bounded, and refused in words that name the place."""

from __future__ import annotations

import re
from datetime import datetime
from math import isfinite
from typing import Any, Final

from telemetry.ingest import rfc3339
from telemetry.ingest.batch import SEVERITIES, Agent, DecodeError, Event, Identity, event_id

AGENT_KINDS: Final = ("device", "site-collector")
IDENTITY_TEXTS: Final = ("device_id", "serial", "vendor", "model", "sys_object_id", "hostname", "mgmt_ip")
_NOT_HEX: Final = re.compile(r"[^0-9a-f]")
_MAC: Final = re.compile(r"[0-9A-Fa-f]{2}([:\-]?[0-9A-Fa-f]{2}){5}|([0-9A-Fa-f]{4}\.){2}[0-9A-Fa-f]{4}")
_SEVERITIES: Final = frozenset(SEVERITIES)


class BadItem(Exception):
    """This item cannot be kept; the rest of the report can."""

    def __init__(self, code: str, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.field = field

    def below(self, path: str) -> str:
        return f"{path}.{self.field}" if self.field else path


def text(raw: dict[str, Any], key: str, most: int) -> str | None:
    """A string of at most `most` characters; None if it is absent (or null)."""
    value = raw.get(key)
    if value is None:
        return None
    if type(value) is not str:
        raise BadItem("wrong_type", f"{key} is a string", key)
    if len(value) > most:
        raise BadItem("bad_value", f"{key} has more than {most} characters", key)
    return value


def required_text(raw: dict[str, Any], key: str, most: int) -> str:
    value = text(raw, key, most)
    if not value:
        raise BadItem("bad_value", f"{key} is required, a string that is not empty", key)
    return value


def moment(raw: dict[str, Any], key: str) -> datetime | None:
    value = text(raw, key, 64)
    return None if value is None else _moment(value, key)


def required_moment(raw: dict[str, Any], key: str) -> datetime:
    return _moment(required_text(raw, key, 64), key)


def _moment(value: str, key: str) -> datetime:
    try:
        return rfc3339.parse(value)
    except ValueError as error:
        raise BadItem("bad_value", f"{key} is {error}", key) from error


def whole(raw: dict[str, Any], key: str, least: int, most: int) -> int | None:
    value = raw.get(key)
    if value is None:
        return None
    if type(value) is float and value.is_integer():
        value = int(value)  # JSON Schema counts 300.0 as an integer
    if type(value) is not int:
        raise BadItem("wrong_type", f"{key} is an integer", key)
    if not least <= value <= most:
        raise BadItem("bad_value", f"{key} is not between {least} and {most}", key)
    return value


def number(raw: dict[str, Any], key: str, *, minimum: float) -> float | None:
    value = raw.get(key)
    if value is None:
        return None
    if type(value) is not float and type(value) is not int:
        raise BadItem("wrong_type", f"{key} is a number", key)
    if not isfinite(value) or value < minimum:
        raise BadItem("bad_value", f"{key} is below {minimum}", key)
    return float(value)


def flag(raw: dict[str, Any], key: str) -> bool | None:
    value = raw.get(key)
    if value is not None and type(value) is not bool:
        raise BadItem("wrong_type", f"{key} is true or false", key)
    return value


def agent(report: dict[str, Any]) -> Agent | None:
    """The program that made the report, if it says so."""
    raw = report.get("agent")
    if raw is None:
        return None
    if type(raw) is not dict:
        raise BadItem("wrong_type", "agent is an object", "agent")
    try:
        name, version = required_text(raw, "name", 64), required_text(raw, "version", 64)
        kind = text(raw, "kind", 64)
    except BadItem as bad:
        raise BadItem(bad.code, bad.message, bad.below("agent")) from bad
    if kind is not None and kind not in AGENT_KINDS:
        raise BadItem("bad_value", f"kind is one of {', '.join(AGENT_KINDS)}", "agent.kind")
    return Agent(name, version, kind)


def identity(raw: Any) -> Identity:
    """Who the device says it is; needs at least one of device_id, serial, mac."""
    if type(raw) is not dict:
        raise BadItem("wrong_type", "identity is required, an object", "identity")
    try:
        said = {key: text(raw, key, 255) or None for key in IDENTITY_TEXTS}
        said["mac"] = mac(text(raw, "mac", 255))
    except BadItem as bad:
        raise BadItem(bad.code, bad.message, bad.below("identity")) from bad
    if not (said["device_id"] or said["serial"] or said["mac"]):
        raise BadItem("bad_value", "one of device_id, serial, mac is required", "identity")
    return Identity(**said)


def mac(value: str | None) -> str | None:
    """`00:00:5e:00:53:10`, whichever way it was written. Something that is no MAC identifies nothing."""
    if not value or not _MAC.fullmatch(value):
        return None
    digits = _NOT_HEX.sub("", value.lower())
    return ":".join(digits[start : start + 2] for start in range(0, 12, 2))


def event(raw: Any, times: rfc3339.EpochTimes, text_chars: int) -> Event:
    """One event. A text above the limit refuses the report (DecodeError), as every overlong string does."""
    if type(raw) is not dict:
        raise BadItem("wrong_type", "an event is an object")
    at = instant(raw, "at", times)
    if at is None:
        raise BadItem("bad_value", "at is required", "at")
    said = raw.get("text")
    if type(said) is str and len(said) > text_chars:
        raise DecodeError(400, "string_too_long", f"a text has more than {text_chars} characters")
    said = required_text(raw, "text", text_chars)
    severity = text(raw, "severity", 16) or "info"
    if severity not in _SEVERITIES:
        raise BadItem("bad_value", "severity is one of the eight syslog names", "severity")
    code = text(raw, "code", 64) or ""
    component = text(raw, "component", 128) or ""
    return Event(text(raw, "id", 128) or event_id(at, code, said), at, severity, code, component, said)


def instant(raw: dict[str, Any], key: str, times: rfc3339.EpochTimes) -> float | None:
    """Seconds since 1970 of an RFC 3339 field, None if it is absent."""
    value = raw.get(key)
    if value is None:
        return None
    if type(value) is not str:
        raise BadItem("wrong_type", f"{key} is a string", key)
    try:
        return times[value]
    except ValueError as error:
        raise BadItem("bad_value", f"{key} is {error}", key) from error
