"""The figures under an alert in words and units for people, as far as this viewer may have them."""

from datetime import UTC, datetime
from typing import Any

from access.viewer import Viewer
from telemetry.models import Alert, TrafficFigures

LABELS = {
    "level": "Now",
    "limit": "Limit",
    "slope_per_day": "Change a day",
    "window_days": "Looked at",
    "ratio": "Errors per frame",
    "base_ratio": "Usually",
    "bad_hours": "Hours with errors",
    "frames": "Frames",
    "transitions": "Ups and downs",
    "boots": "Restarts",
    "rpm": "Speed now",
    "base_rpm": "Usual speed",
    "loss": "Loss now",
    "expected_every_s": "Expected every",
    "missed": "Reports missed",
    "last_report": "Last report",
}


def figures(viewer: Viewer, alert: Alert) -> dict[str, Any]:
    """Evidence of the alert; figures that come from traffic only for those who see traffic."""
    own = dict(alert.evidence)
    traffic = TrafficFigures.objects.visible_to(viewer).filter(alert=alert).values_list("figures", flat=True).first()
    return own | dict(traffic or {})


def facts(viewer: Viewer, alert: Alert) -> list[dict[str, Any]]:
    """[{label, value, unit}] of the single figures; series and windows are for the chart."""
    found = figures(viewer, alert)
    unit = str(found.get("unit", ""))
    rows = []
    for name, value in found.items():
        if name == "unit" or isinstance(value, (list, dict, bool)) or value is None:
            continue
        rows.append({"label": LABELS.get(name, name.replace("_", " ").capitalize()), **_shown(name, value, unit)})
    return rows


def _shown(name: str, value: Any, unit: str) -> dict[str, Any]:
    if isinstance(value, (int, float)) and name.endswith(("_at", "_report", "_since")):
        return {"value": datetime.fromtimestamp(value, UTC), "unit": "time"}
    if isinstance(value, (int, float)):
        per_value = name in {"level", "limit", "slope_per_day", "base", "baseline"}
        return {"value": value, "unit": unit if per_value else "s" if name.endswith("_s") else "d" if name.endswith("_days") else ""}
    return {"value": str(value), "unit": "text"}
