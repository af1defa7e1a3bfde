"""What a fleet has sent so far."""

import threading
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Totals:
    """Reports by fate, and the samples the server said it took.

    accepted: stored. duplicates: it had them already. rejected: given up because it will never take them.
    retried: tries that must be repeated. items_rejected: samples and events refused inside accepted reports.
    lost: instants too old to be sent when their turn came.
    """

    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    retried: int = 0
    samples: int = 0
    items_rejected: int = 0
    lost: int = 0


class Tally:
    """Totals that many threads add to."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._totals = Totals()

    def add(self, **counts: int) -> None:
        with self._lock:
            self._totals = replace(
                self._totals, **{name: getattr(self._totals, name) + n for name, n in counts.items()}
            )

    @property
    def totals(self) -> Totals:
        with self._lock:
            return self._totals
