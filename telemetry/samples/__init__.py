"""The only reader and writer of the tables of samples; nobody else knows the tiers (docs/decisions/0004-storage.md).

For jobs, inside their principal: news(), keep_latest(). From the sweep, in principals of its own: compact(). For viewers,
inside theirs: latest(), series_of(), readings().
"""

from telemetry.samples.blocks import compact
from telemetry.samples.hot import Arrived, Happened, News, Reading, keep_latest, news
from telemetry.samples.reads import Readings, latest, readings, series_of
from telemetry.samples.series import Series

__all__ = [
    "Arrived",
    "Happened",
    "News",
    "Reading",
    "Readings",
    "Series",
    "compact",
    "keep_latest",
    "latest",
    "news",
    "readings",
    "series_of",
]
