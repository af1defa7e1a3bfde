"""When the demo plays, and what its partners may see."""

from datetime import UTC, datetime

NOW = datetime(2026, 11, 24, 9, 12, tzinfo=UTC)
TODAY = NOW.date()
KINDS = ("inventory", "health", "traffic")
