"""Which marked words (smartcare/story/canaries.py) each reader must never get to see."""

import re
from dataclasses import dataclass, field

FOREIGN = {
    "ada": r"canary-(globex-|(northwind|rival|third)-own-|contract-globex-)",
    "northwind": (
        r"canary-(acme-(branch|depot)-|acme-hq-(traffic|configuration|contracts)-|acme-org-|acme-purpose-third-"
        r"|globex-|rival-|third-|contract-acme-)"
    ),
    "rival": r"canary-(acme-|globex-|northwind-|third-|contract-globex-)",
    "third": r"canary-(acme-(?!(hq|branch)-name-|purpose-third-)|globex-|northwind-|rival-|contract-)",
}
# What northwind may no longer see of headquarters once its access has ended.
ENDED = r"canary-acme-hq-(any|inventory|health)-"
WORD = r"[a-z0-9-]*"


@dataclass(slots=True)
class Leaks:
    """Collects them: (who, where, which mark)."""

    found: set[tuple[str, str, str]] = field(default_factory=set)

    def look(self, reader: str, where: str, text: str) -> None:
        """reader: a key of FOREIGN."""
        self._note(reader, where, FOREIGN[reader], text)

    def look_after_the_end(self, reader: str, where: str, text: str) -> None:
        self._note(reader, where, ENDED, text)

    def say(self, reader: str, where: str, what: str) -> None:
        """A leak that no mark tells of."""
        self.found.add((reader, where, what))

    def _note(self, reader: str, where: str, pattern: str, text: str) -> None:
        for match in re.finditer(pattern + WORD, text):
            self.found.add((reader, where, match.group()))

    @property
    def words(self) -> str:
        return "; ".join(f"{reader} saw {mark} at {where}" for reader, where, mark in sorted(self.found)[:5])
