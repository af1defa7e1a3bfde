"""A native report as NDJSON: header, devices, samples, events, and an end that proves nothing is missing."""

from __future__ import annotations

from typing import Any, Final

from telemetry.ingest import strictjson
from telemetry.ingest.batch import DecodeError, Rejections
from telemetry.ingest.limits import Limits

_LISTS: Final = {"sample": "samples", "event": "events"}


def report_of_lines(body: bytes, limits: Limits, rejections: Rejections) -> dict[str, Any]:
    """The report as one object, exactly as it would have come in JSON.

    Raises DecodeError 400: `truncated` if the end is missing or counts another number of lines.
    """
    try:
        numbered = list(strictjson.lines(body, limits.json_depth, limits.json_values))
    except DecodeError as error:
        last_line = f"line {body.rstrip().count(b'\n') + 1}"
        raise _truncated("the last line is cut off") if error.path == last_line else error from None
    if not all(type(value) is dict for _, value in numbered):
        raise DecodeError(400, "wrong_type", "each line is a JSON object")
    values: list[dict[str, Any]] = [value for _, value in numbered]
    if not values or values[0].get("type") != "report":
        raise DecodeError(400, "malformed", "the first line is the report's header, with type report", "line 1")
    header, end = values[0], values[-1]
    _check_end(header, end, len(values) - 1)
    return {**header, "devices": _grouped(numbered[1:-1], rejections)}


def _check_end(header: dict[str, Any], end: dict[str, Any], lines_before: int) -> None:
    if end.get("type") != "end":
        raise _truncated("there is no line with type end")
    if end.get("report_id") != header.get("report_id"):
        raise _truncated("the end belongs to another report")
    if end.get("lines") != lines_before:
        raise _truncated(f"the end counts {end.get('lines')!r:.32} lines, {lines_before} came before it")


def _grouped(numbered: list[tuple[int, dict[str, Any]]], rejections: Rejections) -> list[dict[str, Any]]:
    """Devices with their samples and events, in the order of their first line."""
    devices: list[dict[str, Any]] = []
    by_ref: dict[str, dict[str, Any]] = {}
    for number, line in numbered:
        kind = line.get("type")
        if kind == "device":
            device = {key: value for key, value in line.items() if key not in ("type", "samples", "events")}
            devices.append(device)
            by_ref.setdefault(str(line.get("ref")), device)
            continue
        key = _LISTS.get(kind) if type(kind) is str else None
        device_ref = line.get("d")
        if key is None:
            rejections.add(f"line {number}", "wrong_type", "type is one of device, sample, event")
        elif type(device_ref) is not str or device_ref not in by_ref:
            rejections.add(f"line {number}", "bad_value", "d is not the ref of a device named before")
        else:
            by_ref[device_ref].setdefault(key, []).append(line)
    return devices


def _truncated(message: str) -> DecodeError:
    return DecodeError(400, "truncated", f"{message}; nothing was kept")
