"""Prometheus remote_write 1.0: mostly snmp_exporter behind a Prometheus agent, so MIB objects under their own names."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import isfinite
from typing import Final

from telemetry.ingest.batch import (
    PROMETHEUS,
    CanonicalBatch,
    DecodeError,
    DeviceReport,
    Identity,
    Rejections,
    RequestMeta,
    Sample,
    at_most,
    uuid_from_digest,
)
from telemetry.ingest.formats import prometheus_wire, wire
from telemetry.ingest.formats.instances import BadPoint
from telemetry.ingest.formats.prometheus_mapping import UP, is_text_only
from telemetry.ingest.formats.prometheus_samples import SeriesReader
from telemetry.ingest.formats.prometheus_wire import STALE, LabelSet, Series, double

CONTENT_TYPES: Final = ("application/x-protobuf",)
VERSION_2: Final = "io.prometheus.write.v2."
LATEST_S: Final = 253_402_300_799  # the last second of the year 9999
IDENTITY_CHARS: Final = 255


def decode(body: bytes, meta: RequestMeta) -> CanonicalBatch:
    """One write request. A request of metadata only gives a batch without devices.

    Raises DecodeError: 400 if the body is no WriteRequest, 413 if it holds too many samples or devices, 415 for version
    2 of the protocol, whereupon senders fall back.
    """
    if refuses_type(meta.content_type):
        raise DecodeError(415, "unsupported_type", "remote_write 1.0 only: prometheus.WriteRequest")
    request = _Request(meta)
    try:
        for series in prometheus_wire.series(body):
            request.read(series)
    except wire.Malformed as error:
        raise DecodeError(400, "malformed", f"not a WriteRequest: {error}") from error
    return request.batch(hashlib.sha256(body).digest())


def refuses_type(content_type: str) -> bool:
    """Whether a Content-Type announces version 2 of the protocol; senders fall back to version 1 upon 415."""
    return VERSION_2 in content_type


@dataclass(slots=True)
class _Device:
    identity: Identity
    samples: list[Sample] = field(default_factory=list)
    reachable: tuple[float, bool] | None = None  # since when, and whether

    def saw_scrape(self, t: float, is_up: bool) -> None:
        if self.reachable is None or t >= self.reachable[0]:
            self.reachable = (t, is_up)


class _Request:
    """Sorts what one request holds by device."""

    def __init__(self, meta: RequestMeta) -> None:
        self.limits = meta.limits
        self.rejections = Rejections(meta.limits.rejections_listed)
        self.reader = SeriesReader(meta.limits)
        self.devices: dict[str, _Device] = {}
        self.count = 0
        self.newest = 0.0

    def read(self, series: Series) -> None:
        self.count += len(series.samples)
        at_most(self.limits.samples, self.count, "samples")
        labels = series.labels
        if labels is None:
            self._refuse("", "bad_value", "a label holds U+0000 or is not UTF-8", len(series.samples))
            return
        name = labels.get("__name__", "")
        if is_text_only(name, labels):
            return
        try:
            device = self._device(labels)
            for raw, milliseconds in series.samples:
                if raw != STALE:
                    self._keep(device, name, labels, double(raw), milliseconds)
        except BadPoint as bad:  # what is wrong with a series is wrong with all of its samples
            self._refuse(name, bad.code, bad.message, len(series.samples))

    def _keep(self, device: _Device, name: str, labels: LabelSet, value: float, milliseconds: int) -> None:
        t = milliseconds / 1000
        if not isfinite(value) or not 0 < t <= LATEST_S:
            self._refuse(name, "bad_value", "not a finite value at a time of this era", 1)
            return
        sample = self.reader.sample(name, labels, value, t)
        if sample is None:
            return
        device.samples.append(sample)
        self.newest = max(self.newest, t)
        if name == UP:
            device.saw_scrape(t, value == 1)

    def _device(self, labels: LabelSet) -> _Device:
        """By the target's label device, else instance: a name that somebody registered in the site."""
        alias = labels.get("device") or labels.get("instance") or ""
        known = self.devices.get(alias)
        if known is None:
            if len(alias) > IDENTITY_CHARS:
                raise BadPoint("bad_value", f"device has more than {IDENTITY_CHARS} characters")
            known = self.devices[alias] = _Device(Identity(alias=alias or None, hostname=alias or None))
            at_most(self.limits.devices, len(self.devices), "devices")
        return known

    def _refuse(self, name: str, code: str, message: str, count: int) -> None:
        if count:
            self.rejections.add(f"timeseries {name[:64]}", code, message, count)

    def batch(self, digest: bytes) -> CanonicalBatch:
        return CanonicalBatch(
            format=PROMETHEUS,
            idempotency_key=uuid_from_digest(digest),
            body_sha256=digest,
            sent_at=datetime.fromtimestamp(self.newest, UTC) if self.newest else None,
            devices=tuple(
                DeviceReport(
                    ref=f"t{number}",
                    path="timeseries",
                    identity=device.identity,
                    reachable=None if device.reachable is None else device.reachable[1],
                    samples=tuple(device.samples),
                )
                for number, device in enumerate(self.devices.values(), start=1)
                if device.samples
            ),
            rejected=tuple(self.rejections.listed),
            rejected_total=self.rejections.total,
        )
