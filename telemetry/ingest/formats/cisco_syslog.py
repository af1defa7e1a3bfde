"""`%FACILITY-SEVERITY-MNEMONIC:` as Cisco devices write it, in whatever envelope it travels."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from telemetry.ingest.batch import SEVERITIES

# facilities may hold dashes and subfacilities: %SYS-SW1-4-..., %PLATFORM_ENV-1-FAN, %ASA-6-302013
_MESSAGE: Final = re.compile(r"%([A-Z][A-Z0-9_]*(?:-[A-Z0-9_]+)*?-([0-7])-[A-Z0-9_]+)\s*:\s*(.*)", re.DOTALL)
CODE_CHARS: Final = 64


class Message(NamedTuple):
    code: str
    severity: str
    text: str


def find(text: str) -> Message | None:
    """Code, severity by name, and what follows the colon; None if this is no such message."""
    found = _MESSAGE.search(text[:1_000])  # it stands near the beginning, and the pattern must not search for ever
    if found is None or len(found[1]) > CODE_CHARS:
        return None
    return Message(found[1], SEVERITIES[int(found[2])], text[found.start(3) :].strip())
