"""Stop mail by the link in it: no session, no account, one click (RFC 8058). Stops one mail destination, nothing else."""

from dataclasses import dataclass
from uuid import UUID

from django.db import connection, transaction

from access import audit
from access.principal import job
from partners import destinations
from partners.models import Destination


@dataclass(frozen=True, slots=True)
class Found:
    """The destination that a link is about; no address of it, since whoever holds the link may not be its owner."""

    id: UUID
    owner_id: UUID


def find(token: str) -> Found | None:
    """None for a token that is none of ours, or whose destination is gone."""
    public_id = destinations.of_unsubscribe_token(token)
    if public_id is None:
        return None
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT id, owner_id FROM find_destination(%s)", [public_id])
        row = cursor.fetchone()
    return Found(*row) if row else None


def stop(found: Found) -> None:
    """Switch the destination off; its owner finds in the journal that the link was used. Twice is as good as once."""
    with job(found.owner_id):
        switched_off = Destination.objects.filter(pk=found.id, enabled=True).update(enabled=False)
        if switched_off:
            row = Destination.objects.get(pk=found.id)
            audit.record(
                customer=row.owner_id,
                by=None,
                action="destination.unsubscribed",
                kind="destination",
                id=row.public_id,
                words=f"{row.name} ({row.kind})",
            )
