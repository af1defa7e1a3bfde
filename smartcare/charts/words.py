"""Every word and sentence a chart writes, in one place, so that a translation is one more value of `Words`."""

from collections.abc import Mapping
from dataclasses import dataclass, field

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
KINDS = {
    "inventory": "device list",
    "health": "health and alerts",
    "traffic": "traffic totals",
    "configuration": "configuration",
    "contracts": "contracts",
}
"""Category code -> what it is called, in the order that is fixed everywhere."""

STATE_WORDS = {"ok": "Healthy", "watch": "Watch", "risk": "At risk", "down": "Down", "mute": "No report"}


@dataclass(frozen=True, slots=True)
class Words:
    """Named templates for `str.format`; the placeholders are part of the contract."""

    months: tuple[str, ...] = MONTHS
    state: Mapping[str, str] = field(default_factory=lambda: STATE_WORDS)
    kinds: Mapping[str, str] = field(default_factory=lambda: KINDS)
    today: str = "Today"
    day: str = "Day"
    time: str = "Time"
    name: str = "Name"
    status: str = "State"
    details: str = "Details"
    earliest: str = "Earliest"
    latest: str = "Latest"
    since: str = "From"
    until: str = "To"
    measured: str = "Measured"
    low: str = "Low"
    high: str = "High"
    mean: str = "Mean"
    expected: str = "Expected"
    below: str = "Connected to"
    no_score: str = "no score"
    nothing_yet: str = "{label}: no readings yet"
    ring: str = "{label}: {value} out of 100, {state}"
    ring_empty: str = "{label}: no score yet"
    spark: str = "{label}: from {first} to {last}"
    bars: str = "{label}, {days} days: {down} with an outage, {warned} with warnings, {mute} without report"
    horizon: str = "Next {days} days: {events}"
    horizon_empty: str = "Next {days} days: nothing is due"
    between: str = "between {first} and {last}"
    forecast: str = "{label} went from {first} to {last}"
    forecast_end: str = "{label} went from {first} to {last} and is expected to reach {limit} on {day}{between}"
    runs_out: str = "Runs out {day}"
    gantt: str = "From {first} to {last}: {rows}"
    gantt_empty: str = "From {first} to {last}: nobody had access"
    topology: str = "Map: {nodes}"
    topology_empty: str = "Map: nothing to show yet"
    more_nodes: str = "{count} more"
    heat: str = "{label}, {days} days: busiest at {time} on {day}"
    tiles_rest: str = "{count} healthy"
    mini: str = "{label}: limit reached after {months} months"
    mini_never: str = "{label}: limit not reached in {months} months"
    pips: str = "Shared: {kinds}"
    pips_none: str = "Nothing is shared"
    most: str = "most"
    some: str = "some"
    little: str = "little"


ENGLISH = Words()
