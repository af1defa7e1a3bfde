"""The same viewer in the database's eyes: a transaction that says for whom it runs, so that row-level security can answer.

The setting is local to the transaction. Session-level SET would leak into the next request on the connection; a test forbids it.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import connection, transaction

if TYPE_CHECKING:
    from access.viewer import Viewer

WEB_STATEMENT_MS = 5_000
WEB_LOCK_MS = 2_000
JOB_STATEMENT_MS = 20_000
JOB_LOCK_MS = 10_000
# A process that stands still in the middle of its work must not hold its locks for ever; the longest call takes 15 s.
IDLE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Context:
    """What the policies read. `customers` is set for jobs alone."""

    kind: str = ""
    organization: str = ""
    user: str = ""
    account: str = ""
    customers: str = ""
    preview_of: str = ""
    statement_ms: int = 0  # 0: as the server has it
    lock_ms: int = 0


_NOBODY = Context()
_current: ContextVar[Context] = ContextVar("principal", default=_NOBODY)


def current() -> Context:
    return _current.get()


@contextmanager
def principal(
    *,
    kind: str,
    organization: UUID | None = None,
    user: UUID | None = None,
    account: UUID | None = None,
    customers: Iterable[UUID] = (),
    preview_of: UUID | None = None,
    statement_ms: int | None = None,
    lock_ms: int | None = None,
) -> Iterator[None]:
    """A transaction (or savepoint) in which the database answers for this principal alone.

    kind "customer" or "partner" with organization and user or account; "staff" with user; "login" with user, before an
    organization is chosen: sees that person's memberships; "job" with the customers whose work it does; "preview" with a
    partner as organization, and user and customer (preview_of) who look in its place.
    """
    context = Context(
        kind=kind,
        organization=str(organization or ""),
        user=str(user or ""),
        account=str(account or ""),
        customers=",".join(sorted(str(c) for c in customers)),
        preview_of=str(preview_of or ""),
        statement_ms=statement_ms or (JOB_STATEMENT_MS if kind == "job" else WEB_STATEMENT_MS),
        lock_ms=lock_ms or (JOB_LOCK_MS if kind == "job" else WEB_LOCK_MS),
    )
    outer = _current.get()
    nested = connection.in_atomic_block
    with transaction.atomic():
        _tell(context)
        token = _current.set(context)
        try:
            yield
        finally:
            _current.reset(token)
        # A released savepoint keeps its settings, so put the outer ones back. Rolled back to, it does so by itself, and
        # the transaction may take no further statement.
        if nested and not connection.needs_rollback:
            _tell(outer)


def _tell(context: Context) -> None:
    values = {
        "app.kind": context.kind,
        "app.organization": context.organization,
        "app.user": context.user,
        "app.account": context.account,
        "app.customers": context.customers,
        "app.preview_of": context.preview_of,
    }
    if context.statement_ms:
        values |= {
            "statement_timeout": str(context.statement_ms),
            "lock_timeout": str(context.lock_ms),
            "idle_in_transaction_session_timeout": str(IDLE_MS),
        }
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT " + ", ".join(["set_config(%s, %s, true)"] * len(values)),
            [text for pair in values.items() for text in pair],
        )


def become(viewer: "Viewer") -> None:
    """Go on as this viewer in the transaction that `principal(kind="login")` opened: one transaction a request, not two."""
    if _current.get().kind != "login":
        raise RuntimeError("Only who has just signed in becomes a viewer; everybody else says acting(viewer)")
    context = Context(
        kind=viewer.kind if viewer.kind != "nobody" else "",
        organization=str(viewer.organization_id or ""),
        user=str(viewer.user_id or ""),
        account=str(viewer.account_id or ""),
        statement_ms=WEB_STATEMENT_MS,
        lock_ms=WEB_LOCK_MS,
    )
    _tell(context)
    _current.set(context)


def acting(viewer: "Viewer"):  # type: ignore[no-untyped-def]  # a context manager; contextlib's own type says it all
    """principal() of a viewer."""
    if viewer.preview_of is not None:
        return principal(
            kind="preview", organization=viewer.organization_id, user=viewer.user_id, preview_of=viewer.preview_of.pk
        )
    return principal(
        kind=viewer.kind if viewer.kind != "nobody" else "",
        organization=viewer.organization_id,
        user=viewer.user_id,
        account=viewer.account_id,
    )


def job(*customers: UUID):  # type: ignore[no-untyped-def]
    """principal() of background work for these customers (or organizations, for their own destinations)."""
    return principal(kind="job", customers=customers)
