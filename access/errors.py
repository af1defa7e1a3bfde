"""Refusals in domain words. Views turn them into a form error, a 404, a 409 or a 503; none is ever a 500."""

from django.db import DatabaseError


class NotAllowed(Exception):
    """The viewer may see this but may not do that. The text is meant for the person."""


class AlreadyGranted(Exception):
    """The pair of partner and site has a live grant: change that one."""


class Ended(Exception):
    """Somebody was first: the grant, request or permission is already closed."""


class Invalid(Exception):
    """What was asked for cannot be: the text says why, `field` where."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class NotRecorded(DatabaseError):
    """A look could not be written into the viewing log: nothing may be shown. The transaction is of no further use."""


def require(condition: bool, message: str) -> None:
    if not condition:
        raise NotAllowed(message)
