"""Higher packages take part in an act of access, inside its transaction: an exception there undoes the act.

partners registers for "grant.ended" to cancel what is queued; access itself knows neither deliveries nor mails.
"""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

Handler = Callable[..., Any]
_handlers: dict[str, list[Handler]] = defaultdict(list)

ACTS = {
    "grant.opened",
    "grant.changed",  # extended, widened or narrowed
    "grant.narrowed",
    "grant.ended",  # revoked, given back, expired, stopped with all others
    "grant.ending_soon",
    "request.made",
    "request.answered",
    "request.lapsed",
    "invitation.made",
    "invitation.accepted",
    "staff.asked",
    "staff.answered",
    "staff.break_glass",
    "staff.ended",
    "journal.anchored",  # the daily signed heads, to be mailed to the owners
    "site.closed",
    "organization.opened",
    "member.added",
    "organization.closed",
    "organization.suspended",
    "member.removed",
    "member.role",  # has another one now
}


def on(*acts: str) -> Callable[[Handler], Handler]:
    """Register a function for acts; it is called with the act's subject and keyword facts."""
    unknown = set(acts) - ACTS
    if unknown:
        raise LookupError(f"No such act: {unknown}")

    def register(handler: Handler) -> Handler:
        for act in acts:
            _handlers[act].append(handler)
        return handler

    return register


def happened(act: str, subject: object, **facts: Any) -> list[Any]:
    """Let everybody registered take part. Returns what they returned, None left out."""
    if act not in ACTS:
        raise LookupError(f"No such act: {act}")
    results = [handler(subject, **facts) for handler in _handlers[act]]
    return [r for r in results if r is not None]
