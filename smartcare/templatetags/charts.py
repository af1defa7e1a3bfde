"""`{% load charts %}`: the only way pages call charts, and the small marks and formats of running text.

States are `ok`, `watch`, `risk`, `down`, `mute`. Charts take plain numbers, dicts and aware datetimes, so that no view
imports this package; missing values are None or NaN. `table=True` adds the numbers as a table in `<details>`.

    {% icon "name" size="" %}                    {% chip state text="" %}   {% shape state size=11 %}
    {% avatar name size="" %}                    {% kinds_of_data as kinds %}   {% five_states as states %}
    {% chart_ring value size=56 label="Health" sub="" %}
    {% chart_spark values state="ok" label="" small=False %}
    {% chart_bars90 states label="" first_day=None table=False %}
    {% chart_horizon events today=None days=90 table=True %}        event: at state title detail earliest latest
    {% chart_forecast history predicted limit=None unit="%" label="" now=None runs_out_at=None earliest=None
                      latest=None limit_label="" zone="UTC" table=True %}   (at, value); (at, low, mid, high)
    {% chart_lines series start=None end=None unit="" label="" zone="UTC" limit=None gap_s=None table=True %}
                                                 series: label points; point: (datetime, value[, low, high])
    {% chart_gantt rows start end today=None zone="UTC" table=True %}
                                                 row: name note spans; span: start end label state
    {% chart_topology nodes label="" table=True %}                  node: id label state parent
    {% chart_tiles items rest_url="" %}                             item: label state score url
    {% chart_heat rows first_day label="" unit="" hours_per_row=3 table=True %}
    {% chart_reasons reasons %}                                     reason: text share state value
    {% chart_pips shared %}
    {% chart_mini months horizon=36 first_year=None label="" %}

    {{ at|ago }}  {{ at|datez:zone }}  {{ at|dayz:zone }}  {{ bps|bits }}  {{ value|metric_value:unit }}
"""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any

from django import template
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.html import json_script
from django.utils.safestring import SafeString, mark_safe

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
    svg,
    tiles,
    topology,
)
from smartcare.charts.states import STATES
from smartcare.charts.words import ENGLISH
from smartcare.templatetags import _marks, _text

register = template.Library()
register.simple_tag(_marks.icon, name="icon")
register.simple_tag(_marks.chip, name="chip")
register.simple_tag(_marks.shape_mark, name="shape")
register.simple_tag(_marks.avatar, name="avatar")
for function in (_text.ago, _text.bits, _text.metric_value, _text.datez, _text.dayz):
    register.filter(function.__name__, function)

WIDE_FROM = 16  # devices; a map of more is wider than a phone
KIND_ICONS = {
    "inventory": "list",
    "health": "health",
    "traffic": "traffic",
    "configuration": "config",
    "contracts": "contract",
}


def _markup(text: str) -> SafeString:
    """Markup made by smartcare.charts, where every attribute and word has been escaped."""
    return mark_safe(text)  # noqa: S308 - see above


def _chart(chart: svg.Chart, *, table: bool, **more: object) -> SafeString:
    """The picture in its box, with its numbers beneath. more: what ui/_chart.html shows besides."""
    shown = {"svg": _markup(chart.svg), "header": chart.header, "rows": chart.rows if table else ()}
    return render_to_string("ui/_chart.html", {**shown, **more})


@register.simple_tag
def kinds_of_data() -> list[dict[str, str]]:
    """The five kinds of data in their fixed order: code, label, icon."""
    return [
        {"code": code, "label": label.capitalize(), "icon": KIND_ICONS[code]} for code, label in ENGLISH.kinds.items()
    ]


@register.simple_tag
def five_states() -> list[dict[str, str]]:
    """The five states with their words, for a legend."""
    return [{"state": state, "label": ENGLISH.state[state]} for state in STATES]


@register.simple_tag
def chart_ring(value: float | None, size: float = 56, label: str = "Health", sub: str = "") -> SafeString:
    """Score 0-100 as a ring; None draws a dash."""
    return _markup(ring.ring(value, size=size, label=label, sub=sub))


@register.simple_tag
def chart_spark(values: Sequence[float | None], state: str = "ok", label: str = "", small: bool = False) -> SafeString:
    """A line without axes, oldest value first."""
    return _markup(spark.spark(values, state=state, label=label, small=small))


@register.simple_tag
def chart_bars90(
    states: Sequence[str], label: str = "", first_day: date | None = None, table: bool = False
) -> SafeString | str:
    """One bar a day, oldest first. Without its table the bare drawing, for `<div class="days">`."""
    chart = bars90.bars90(states, label=label, first_day=first_day)
    return _chart(chart, table=True) if table else _markup(chart.svg)


@register.simple_tag
def chart_horizon(
    events: Sequence[horizon.Event], today: date | None = None, days: int = 90, table: bool = True
) -> SafeString:
    """Dated events of the days ahead; on phones a list."""
    chart = horizon.horizon(events, today=today or timezone.localdate(), days=days)
    phone = [{"state": one["state"], "title": one["title"], "detail": one.get("detail", "")} for one in events]
    return _chart(chart, table=table, phone=phone)


@register.simple_tag
def chart_forecast(
    history: Sequence[forecast.Measured],
    predicted: Sequence[forecast.Predicted],
    limit: float | None = None,
    unit: str = "%",
    label: str = "",
    now: datetime | None = None,
    runs_out_at: date | None = None,
    earliest: date | None = None,
    latest: date | None = None,
    limit_label: str = "",
    zone: str = "UTC",
    table: bool = True,
) -> SafeString:
    """Readings, prediction and limit; hover where the page includes `ui/_uplot_*.html`. unit: UCUM."""
    factor, suffix = _text.axis_scale([value for _, value in history] + [limit], unit)
    measured = [(at, _times(value, factor)) for at, value in history]
    expected = [(at, *(_times(value, factor) for value in values)) for at, *values in predicted]
    outlook = forecast.Outlook(_times(limit, factor), limit_label, runs_out_at, earliest, latest)
    zone_, most = _text.zone_of(zone), 100.0 if suffix == "%" else None  # nothing gets fuller than full
    data = forecast.frame(measured, expected, outlook, now=now, zone=zone_, most=most)  # type: ignore[arg-type]  # rows of four
    chart = forecast.forecast(data, outlook, label=label, unit=suffix)
    hover = json_script(forecast.hover_data(data, outlook, zone=str(zone), unit=suffix)) if data else ""
    return _chart(chart, table=table, hover=hover, legend=bool(data and data.expected), shape_of_box="plot")


@register.simple_tag
def chart_lines(
    series: Sequence[lines.Series],
    start: datetime | None = None,
    end: datetime | None = None,
    unit: str = "",
    label: str = "",
    zone: str = "UTC",
    limit: float | None = None,
    gap_s: float | None = None,
    table: bool = True,
) -> SafeString:
    """Readings over time with gaps and bands. unit: UCUM, values in it."""
    factor, suffix = _text.axis_scale([value for one in series for point in one["points"] for value in point[1:]], unit)
    scaled = [lines.Series(label=one["label"], points=[_scaled(p, factor) for p in one["points"]]) for one in series]
    window = lines.Window(start, end, _text.zone_of(zone), gap_s)
    chart = lines.lines(scaled, label=label, unit=suffix, window=window, limit=_times(limit, factor))
    return _chart(chart, table=table, shape_of_box="plot")


def _scaled(point: lines.Value, factor: float) -> lines.Value:
    at, value = point[:2]
    if len(point) == 4:
        return at, _times(value, factor), _times(point[2], factor), _times(point[3], factor)
    return at, _times(value, factor)


def _times(value: Any, factor: float) -> float | None:
    number = _text.as_number(value)
    return None if number is None else number * factor


@register.simple_tag
def chart_gantt(
    rows: Sequence[gantt.Row],
    start: gantt.Moment,
    end: gantt.Moment,
    today: gantt.Moment | None = None,
    zone: str = "UTC",
    table: bool = True,
) -> SafeString:
    """Who had access when; on phones a list."""
    chart = gantt.gantt(rows, start=start, end=end, today=today or timezone.now(), zone=_text.zone_of(zone))
    return _chart(chart, table=table, phone=[_phone_line(row) for row in rows])


def _phone_line(row: gantt.Row) -> dict[str, str]:
    """A row of the gantt in words; the shape is that of its last span, a live grant has a healthy one."""
    spans = row["spans"]
    state = spans[-1].get("state", "acc") if spans else "mute"
    told = [*(span.get("label", "") for span in spans[-1:]), row.get("note", "")]
    return {"state": "ok" if state == "acc" else state, "title": row["name"], "detail": ", ".join(filter(None, told))}


@register.simple_tag
def chart_topology(nodes: Sequence[topology.Node], label: str = "", table: bool = True) -> SafeString:
    """What hangs on what."""
    wide = len(nodes) > WIDE_FROM
    return _chart(topology.topology(nodes, label=label), table=table, scrolls=wide, shape_of_box="wide" if wide else "")


@register.simple_tag
def chart_tiles(items: Sequence[tiles.Tile], rest_url: str = "") -> SafeString:
    """Many customers at a glance, worst first."""
    return _markup(tiles.tiles(items, rest_url=rest_url))


@register.simple_tag
def chart_heat(
    rows: Sequence[Sequence[float | None]],
    first_day: date,
    label: str = "",
    unit: str = "",
    hours_per_row: int = 3,
    table: bool = True,
) -> SafeString:
    """Busy hours of many days. unit: UCUM."""
    factor, suffix = _text.axis_scale([value for row in rows for value in row], unit)
    scaled = [[_times(value, factor) for value in row] for row in rows]
    chart = heat.heat(scaled, first_day=first_day, label=label, unit=suffix, hours_per_row=hours_per_row)
    return _chart(chart, table=table)


@register.simple_tag
def chart_reasons(reasons: Sequence[reason_bars.Reason]) -> SafeString:
    """Reasons with bars and words."""
    return _markup(reason_bars.reason_bars(reasons))


@register.simple_tag
def chart_pips(shared: Collection[str]) -> SafeString:
    """Five squares: which kinds of data are shared."""
    return _markup(pips.pips(shared))


@register.simple_tag
def chart_mini(months: float | None, horizon: int = 36, first_year: int | None = None, label: str = "") -> SafeString:
    """Three years of a proposal."""
    return _markup(mini.mini(months, horizon=horizon, first_year=first_year, label=label))
