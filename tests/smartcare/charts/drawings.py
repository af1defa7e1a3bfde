"""Reading an SVG in a test: its parts, its name, its words; and one of each chart with a label of the test's choice."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from xml.etree import ElementTree

from smartcare.charts import (
    bars90,
    forecast,
    gantt,
    heat,
    horizon,
    lines,
    mini,
    pips,
    reason_bars,
    ring,
    spark,
    tiles,
    topology,
)
from smartcare.charts.words import Words

SVG = "{http://www.w3.org/2000/svg}"
NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
TODAY = NOW.date()


def parsed(markup: str) -> ElementTree.Element:
    """The markup as a tree; fails where it is not well formed."""
    return ElementTree.fromstring(f"<root>{markup}</root>")


def parts(markup: str, tag: str) -> list[ElementTree.Element]:
    """All elements of a name, in drawing order."""
    return [element for element in parsed(markup).iter() if element.tag.removeprefix(SVG) == tag]


def name_of(markup: str) -> str:
    """What a screen reader says of the picture."""
    return parts(markup, "svg")[0].get("aria-label", "")


def said(markup: str) -> list[str]:
    """The words written in the picture."""
    return ["".join(element.itertext()) for element in parts(markup, "text")]


def daily(*values: float | None) -> list[tuple[datetime, float | None]]:
    """One reading a day, the last one today."""
    return [(NOW - timedelta(days=len(values) - 1 - index), value) for index, value in enumerate(values)]


def outlook_drawn(label: str) -> str:
    """A forecast that reaches its limit."""
    outlook = forecast.Outlook(95, label, TODAY + timedelta(days=9), TODAY, TODAY + timedelta(days=20))
    ahead = [(NOW + timedelta(days=day), 80.0 + day, 82.0 + 2 * day, 84.0 + 3 * day) for day in range(1, 15)]
    data = forecast.frame(daily(70, 75, 80), ahead, outlook)
    return forecast.forecast(data, outlook, label=label, unit="%").svg


EVERY_CHART: dict[str, Callable[[str], str]] = {
    "ring": lambda label: ring.ring(58, label=label, sub=label),
    "spark": lambda label: spark.spark([1, 2, None, 3], label=label),
    "bars90": lambda label: bars90.bars90(["ok", "down", "mute"], label=label).svg,
    "horizon": lambda label: (
        horizon.horizon(
            [{"at": TODAY + timedelta(days=20), "state": "risk", "title": label, "detail": label}], today=TODAY
        ).svg
    ),
    "forecast": outlook_drawn,
    "lines": lambda label: (
        lines.lines(
            [{"label": label, "points": daily(1, 2, 3)}, {"label": label, "points": daily(3, 2, 1)}], label=label
        ).svg
    ),
    "gantt": lambda label: (
        gantt.gantt(
            [{"name": label, "note": label, "spans": [{"start": TODAY, "end": date(2027, 2, 1), "label": label}]}],
            start=date(2026, 1, 1),
            end=date(2027, 3, 1),
            today=TODAY,
        ).svg
    ),
    "topology": lambda label: topology.topology([{"id": "a", "label": label, "state": "ok"}], label=label).svg,
    "heat": lambda label: heat.heat([[1, 2], [None, 4]], first_day=TODAY, label=label).svg,
    "mini": lambda label: mini.mini(12, first_year=2026, label=label),
    "pips": lambda label: pips.pips({"health"}, words=Words(kinds={"health": label})),
    "tiles": lambda label: tiles.tiles([{"label": label, "state": "down", "url": label}], rest_url=label),
    "reason_bars": lambda label: reason_bars.reason_bars([{"text": label, "share": 40, "value": label}]),
}
PICTURES = [kind for kind in EVERY_CHART if kind not in ("tiles", "reason_bars")]
