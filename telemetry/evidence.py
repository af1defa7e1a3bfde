"""The figures under an alert in words and units for people, as far as this viewer may have them."""

from datetime import UTC, datetime
from typing import Any

from access.viewer import Viewer
from telemetry.models import Alert, TrafficFigures

# What people are told of the figures, in this order, and what the number is: "" is a count, "own" the unit of the finding.
# A figure that is not here (steps of a window, statistics of a fit) is for the API and the chart.
WORDS: dict[str, tuple[str, str]] = {
    "level": ("Now", "own"),
    "limit": ("Limit", "own"),
    "clears_below": ("All well again below", "own"),
    "slope_a_day": ("Change a day", "own"),
    "growth_a_week": ("Growth a week", "%"),
    "window_d": ("Looked at", "d"),
    "window_h": ("Looked at", "h"),
    "mean": ("Now", "own"),
    "usual": ("Usually", "own"),
    "share_of_hours": ("Share of the hours", "1"),
    "delay_times_usual": ("Delay, times the usual", ""),
    "ratio": ("Errors among all frames", "1"),
    "ratio_before": ("Before", "1"),
    "bad_hours": ("Hours with errors", ""),
    "errors": ("Errors", ""),
    "frames": ("Frames", ""),
    "config_changed_at": ("Configuration changed", "at"),
    "transitions": ("Ups and downs", ""),
    "usual_a_day": ("Usually, a day", ""),
    "speed": ("Speed now", "rpm"),
    "usual_speed": ("Usual speed", "rpm"),
    "temperature": ("Temperature", "Cel"),
    "last_report": ("Last report", "at"),
    "missed_reports": ("Reports missed", ""),
    "interval_s": ("Expected every", "s"),
    "count": ("Devices", ""),
    "silent": ("Devices silent", ""),
    "fleet": ("Devices in all", ""),
    "what": ("What ends", "text"),
    "date": ("On", "at"),
    "model": ("Model", "text"),
    "firmware": ("Software", "text"),
    "reason": ("Why", "text"),
    "note": ("Note", "text"),
}
SECONDS = {"s": 1, "h": 3_600, "d": 86_400}


def figures(viewer: Viewer, alert: Alert) -> dict[str, Any]:
    """Evidence of the alert; figures that come from traffic only for those who see traffic."""
    own = dict(alert.evidence)
    traffic = TrafficFigures.objects.visible_to(viewer).filter(alert=alert).values_list("figures", flat=True).first()
    return own | dict(traffic or {})


def facts(viewer: Viewer, alert: Alert) -> list[dict[str, Any]]:
    """[{label, value, unit}] of the single figures in the words of people; unit "time" goes with an aware moment, "text" with words."""
    found = figures(viewer, alert)
    own = str(found.get("unit", ""))
    rows = [
        {"label": label, **_shown(found[name], own if unit == "own" else unit)}
        for name, (label, unit) in WORDS.items()
        if found.get(name) not in (None, "")
    ]
    return rows + _counted(found)


def _counted(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Of what comes as a list, how many there are."""
    boots = found.get("boots")
    return [{"label": "Restarts", "value": len(boots), "unit": ""}] if isinstance(boots, list) else []


def _shown(value: Any, unit: str) -> dict[str, Any]:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return {"value": str(value), "unit": "text"}
    if unit == "at":
        return {"value": datetime.fromtimestamp(value, UTC), "unit": "time"}
    return {"value": value * SECONDS[unit], "unit": "s"} if unit in SECONDS else {"value": value, "unit": unit}
