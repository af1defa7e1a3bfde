"""Access's rounds of the sweep (every 2 s). Plain functions: cheap when there is nothing to do, safe to run twice at once."""

from collections.abc import Callable

from access import expiry, seal

SWEEPS: tuple[Callable[[], int], ...] = (
    expiry.book_expired,
    expiry.drain_closed,
    expiry.lapse_requests,
    expiry.tell_customers,
    expiry.end_staff_permissions,
    expiry.remind,
    seal.seal_journals,
    seal.anchor_daily,
)
