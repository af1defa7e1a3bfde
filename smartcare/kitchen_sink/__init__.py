"""Demo data for the page that shows every component in every state (DEBUG and tests); no real row is read."""

from typing import Any

from smartcare.kitchen_sink.components import components
from smartcare.kitchen_sink.moment import NOW, TODAY
from smartcare.kitchen_sink.pictures import pictures


def samples() -> dict[str, Any]:
    """Everything templates/staff/kitchen_sink.html shows."""
    return {**components(), **pictures(), "now": NOW, "today": TODAY}
