"""What a webhook says: thin JSON bodies, made at send time from what the grant covers at that moment.

The facts come in complete; what the reader may not have is left out here, and nothing is added. Ids are public ids.
"""

import json
import math
import re
import secrets as random_source
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

HEALTH: Final = "health"
CHALLENGE_BYTES: Final = 32
LINK_TEXT: Final = re.compile(r"[!-~]+")


class AlertEvent(StrEnum):
    OPENED = "alert.opened"
    UPDATED = "alert.updated"
    RESOLVED = "alert.resolved"


class AccessEvent(StrEnum):
    GRANTED = "access.granted"
    REVOKED = "access.revoked"


VERIFICATION: Final = "destination.verification"


class NotCovered(Exception):
    """The reader may not see health, so there is nothing about an alert to tell. The gate should have stopped it."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One number under an alert. `category` is what a reader must hold to be told."""

    name: str
    value: float | int | str
    unit: str
    category: str


@dataclass(frozen=True, kw_only=True)
class AlertFacts:
    """All there is to tell about one change of an alert.

    `sentence` holds no number that needs another category than health: those are figures. `at` is when it changed.
    """

    alert_id: str
    customer_id: str
    site_id: str
    device_id: str
    customer_name: str
    site_name: str
    device_label: str
    rule: str
    severity: str
    sentence: str
    figures: tuple[Figure, ...]
    link: str
    at: datetime
    opened_at: datetime
    resolved_at: datetime | None = None

    def __post_init__(self) -> None:
        require_web_address(self.link)

    @property
    def headline(self) -> str:
        """The sentence as it stands alone: in a subject, in a chat."""
        return self.sentence if self.device_label in self.sentence else f"{self.device_label}: {self.sentence}"

    def figures_for(self, categories: frozenset[str]) -> tuple[Figure, ...]:
        return tuple(figure for figure in self.figures if figure.category in categories)


@dataclass(frozen=True, kw_only=True)
class AccessFacts:
    """A grant as both its parties may know it. `sentence` comes from access.sentences; `at` is when it changed."""

    grant_id: str
    customer_id: str
    partner_id: str
    site_id: str
    customer_name: str
    partner_name: str
    site_name: str
    sentence: str
    categories: frozenset[str]
    forward_alerts: bool
    expires_at: datetime
    link: str
    at: datetime
    purpose: str = ""

    def __post_init__(self) -> None:
        require_web_address(self.link)


def alert_body(event: AlertEvent, facts: AlertFacts, *, categories: frozenset[str]) -> bytes:
    """The body of an alert's webhook for a reader who holds these categories. Raises NotCovered without health."""
    require_health(categories)
    data = {
        "alert_id": facts.alert_id,
        "customer_id": facts.customer_id,
        "site_id": facts.site_id,
        "device_id": facts.device_id,
        "rule": facts.rule,
        "severity": facts.severity,
        "sentence": facts.headline,
        "figures": [
            {"name": figure.name, "value": _finite(figure.value), "unit": figure.unit}
            for figure in facts.figures_for(categories)
        ],
        "opened_at": _written(facts.opened_at),
        "resolved_at": _written(facts.resolved_at) if facts.resolved_at else None,
        "link": facts.link,
    }
    return _body(event, facts.at, data)


def access_body(event: AccessEvent, facts: AccessFacts) -> bytes:
    """The body that tells either party of a grant that it was given or has ended."""
    data = {
        "grant_id": facts.grant_id,
        "customer_id": facts.customer_id,
        "partner_id": facts.partner_id,
        "site_id": facts.site_id,
        "categories": sorted(facts.categories),
        "forward_alerts": facts.forward_alerts,
        "expires_at": _written(facts.expires_at),
        "sentence": facts.sentence,
        "link": facts.link,
    }
    return _body(event, facts.at, data)


def figures_of(
    evidence: Mapping[str, object], *, category: str, units: Mapping[str, str] | None = None
) -> list[Figure]:
    """The single numbers and words of an alert's evidence; lists and tables are for its page."""
    return [
        Figure(name=name, value=value, unit=(units or {}).get(name, ""), category=category)
        for name, value in evidence.items()
        if isinstance(value, (int, float, str)) and not isinstance(value, bool)
    ]


def new_challenge() -> str:
    """Something only the receiver of the verification can know."""
    return random_source.token_urlsafe(CHALLENGE_BYTES)


def verification_body(challenge: str, *, at: datetime) -> bytes:
    """The first thing a new webhook destination gets; it must answer 2xx with the challenge in its body."""
    return _body(VERIFICATION, at, {"challenge": challenge})


def require_health(categories: frozenset[str]) -> None:
    if HEALTH not in categories:
        raise NotCovered


def require_web_address(link: str) -> None:
    """Raises ValueError for what must never stand in an href, in a mail header or in somebody's chat bot."""
    parts = urlsplit(link)
    if parts.scheme not in {"http", "https"} or not parts.netloc or not LINK_TEXT.fullmatch(link):
        raise ValueError("A link is a complete http(s) address")


def _body(kind: str, at: datetime, data: Mapping[str, object]) -> bytes:
    message = {"type": str(kind), "timestamp": _written(at), "data": data}
    return json.dumps(message, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _written(at: datetime) -> str:
    """RFC 3339 in UTC, to the second."""
    if at.utcoffset() is None:
        raise ValueError("A message needs aware times")
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _finite(value: float | str) -> float | str | None:
    """JSON knows no infinity; a figure that is none is told as unknown rather than keeping the alert from going out."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
