"""Append to the audit journal, in the transaction of the change. Number and hash come from the database's trigger."""

import json
import uuid
from typing import Any
from uuid import UUID

from django.db import connection

from access.viewer import Viewer


def canonical(value: dict[str, Any]) -> str:
    """The very characters the hash covers."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=str, ensure_ascii=False)


def record(
    *,
    customer: UUID,
    by: Viewer | None,
    action: str,
    kind: str,
    id: object,
    words: str,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    """One entry in the journal of `customer` (or of a partner, for its own things). by=None: the system itself, e.g. the clock.

    Raw SQL without RETURNING: who writes here is not always one who may read here.
    """
    actor_id = by.user_id or by.account_id if by else None
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO access_auditentry (id, customer_id, at, actor_id, actor_name, actor_organization, action, object_kind,"
            " object_id, object_words, before, after) VALUES (%s, %s, statement_timestamp(), %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                uuid.uuid4(),
                customer,
                actor_id,
                (by.name if by else "SmartCare")[:160],
                (by.organization_name if by else "SmartCare")[:120],
                action,
                kind,
                str(id)[:64],
                words[:300],
                canonical(before or {}),
                canonical(after or {}),
            ],
        )
