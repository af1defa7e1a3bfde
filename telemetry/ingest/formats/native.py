"""`smartcare.report/1`, as JSON or NDJSON: both become the same object and are read by the same code."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from telemetry.ingest import rfc3339, strictjson
from telemetry.ingest.batch import (
    NATIVE,
    CanonicalBatch,
    DecodeError,
    DeviceReport,
    Event,
    Rejections,
    RequestMeta,
    at_most,
    refuse_if_nothing_is_left,
)
from telemetry.ingest.formats import native_fields as fields
from telemetry.ingest.formats.native_fields import BadItem
from telemetry.ingest.formats.native_inventory import read_inventory
from telemetry.ingest.formats.native_lines import report_of_lines
from telemetry.ingest.formats.native_samples import SampleReader, positions

SCHEMA: Final = "smartcare.report/1"
JSON_TYPE: Final = "application/json"
NDJSON_TYPE: Final = "application/x-ndjson"
CONTENT_TYPES: Final = (JSON_TYPE, NDJSON_TYPE)
LARGEST_SEQ: Final = (1 << 53) - 1  # what every JSON library keeps exact


def decode(body: bytes, meta: RequestMeta) -> CanonicalBatch:
    """One report. Items that cannot be kept are listed in `rejected`; the rest stands.

    Raises DecodeError: 400 if the body is no report or nothing in it can be kept, 413 if it holds too much.
    """
    rejections = Rejections(meta.limits.rejections_listed)
    if meta.media_type == NDJSON_TYPE:
        report = report_of_lines(body, meta.limits, rejections)
    else:
        report = strictjson.loads(body, meta.limits.json_depth, meta.limits.json_values)
    return _Report(meta, rejections).read(report, hashlib.sha256(body).digest())


class _Report:
    """Reads one report; holds what all its parts need."""

    def __init__(self, meta: RequestMeta, rejections: Rejections) -> None:
        self.limits = meta.limits
        self.rejections = rejections
        self.times = rfc3339.EpochTimes()

    def read(self, report: Any, digest: bytes) -> CanonicalBatch:
        _check_schema(report)
        try:
            head: dict[str, Any] = {
                "idempotency_key": _report_id(report),
                "sent_at": fields.required_moment(report, "sent_at"),
                "seq": fields.whole(report, "seq", 0, LARGEST_SEQ),
                "boot_id": fields.text(report, "boot_id", 64),
                "interval_s": fields.whole(report, "interval_s", 10, 86_400),
                "agent": fields.agent(report),
            }
        except BadItem as bad:
            raise DecodeError(400, bad.code, bad.message, bad.field) from bad
        devices = self._devices(report.get("devices"), head["sent_at"].timestamp())
        batch = CanonicalBatch(
            format=NATIVE,
            body_sha256=digest,
            devices=devices,
            rejected=tuple(self.rejections.listed),
            rejected_total=self.rejections.total,
            **head,
        )
        return refuse_if_nothing_is_left(batch)

    def _devices(self, listed: Any, sent_at: float) -> tuple[DeviceReport, ...]:
        if type(listed) is not list or not listed:
            raise DecodeError(400, "wrong_type", "a list with at least one device is required", "devices")
        self._check_counts(listed)
        samples = SampleReader(sent_at, self.times, self.limits, self.rejections)
        devices: dict[str, DeviceReport] = {}
        for index, raw in enumerate(listed):
            path = f"devices[{index}]"
            try:
                device = self._device(raw, path, samples, known=devices)
            except BadItem as bad:
                self.rejections.add(bad.below(path), bad.code, bad.message)
            else:
                devices[device.ref] = device
        return tuple(devices.values())

    def _check_counts(self, listed: list[Any]) -> None:
        limits = self.limits
        at_most(limits.devices, len(listed), "devices")
        devices = [raw for raw in listed if type(raw) is dict]
        at_most(limits.samples, _total(devices, "samples"), "samples")
        at_most(limits.events, _total(devices, "events"), "events")
        inventories = [raw["inventory"] for raw in devices if type(raw.get("inventory")) is dict]
        for inventory in inventories:
            at_most(limits.components, _total([inventory], "components"), "components of one device")

    def _device(self, raw: Any, path: str, samples: SampleReader, known: Mapping[str, DeviceReport]) -> DeviceReport:
        if type(raw) is not dict:
            raise BadItem("wrong_type", "a device is an object")
        ref = fields.required_text(raw, "ref", 32)
        if ref in known:
            raise BadItem("bad_value", "another device of this report has the same ref", "ref")
        head: dict[str, Any] = {
            "identity": fields.identity(raw.get("identity")),
            "reachable": fields.flag(raw, "reachable"),
            "error": fields.text(raw, "error", 500),
            "uptime_s": fields.number(raw, "uptime_s", minimum=0),
            "clock": fields.moment(raw, "clock"),
        }
        kept, sample_positions = samples.read(_list(raw, "samples"), f"{path}.samples")
        events, event_positions = self._events(_list(raw, "events"), f"{path}.events")
        return DeviceReport(
            ref=ref,
            path=path,
            inventory=read_inventory(raw.get("inventory"), f"{path}.inventory", self.rejections),
            samples=kept,
            sample_positions=sample_positions,
            events=events,
            event_positions=event_positions,
            **head,
        )

    def _events(self, listed: list[Any], path: str) -> tuple[tuple[Event, ...], tuple[int, ...]]:
        events: list[Event] = []
        refused: set[int] = set()
        for index, raw in enumerate(listed):
            try:
                events.append(fields.event(raw, self.times, self.limits.text_chars))
            except BadItem as bad:
                self.rejections.add(bad.below(f"{path}[{index}]"), bad.code, bad.message)
                refused.add(index)
        return tuple(events), positions(len(listed), refused)


def _check_schema(report: Any) -> None:
    if type(report) is not dict:
        raise DecodeError(400, "wrong_type", "a report is a JSON object")
    if report.get("schema") != SCHEMA:
        raise DecodeError(400, "unsupported_schema", f"supported: {SCHEMA}", "schema")


def _report_id(report: dict[str, Any]) -> UUID:
    value = fields.required_text(report, "report_id", 64)
    try:
        parsed = UUID(value)
    except ValueError as error:
        raise BadItem("bad_value", "report_id is not a UUID", "report_id") from error
    if str(parsed) != value.lower():
        raise BadItem("bad_value", "report_id is not written as a UUID is (8-4-4-4-12)", "report_id")
    return parsed


def _list(raw: dict[str, Any], key: str) -> list[Any]:
    value = raw.get(key)
    if value is None:
        return []
    if type(value) is not list:
        raise BadItem("wrong_type", f"{key} is a list", key)
    return value


def _total(holders: list[dict[str, Any]], key: str) -> int:
    lists = (holder.get(key) for holder in holders)
    return sum(len(value) for value in lists if type(value) is list)
