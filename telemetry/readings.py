"""Readings as pages and the API show them: charts of a device, its newest values, one series with a step."""

from datetime import datetime
from typing import Any

from access.viewer import Viewer
from telemetry.models import Device


def latest_rows(viewer: Viewer, device: Device) -> list[dict[str, Any]]:
    return []


def charts(viewer: Viewer, device: Device, *, since: datetime, until: datetime) -> list[dict[str, Any]]:
    return []
