"""The only reader and writer of the tables of samples; nobody else knows the tiers (docs/decisions/0004-storage.md).

For jobs, inside their principal: news(), keep_latest(), compact(). For viewers: latest(), readings().
"""

from telemetry.samples.hot import Arrived, Happened, News, Reading, keep_latest, news

__all__ = ["Arrived", "Happened", "News", "Reading", "keep_latest", "news"]
