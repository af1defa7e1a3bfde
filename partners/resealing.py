"""After a change of SECRET_KEY: seal webhooks' secrets again with today's key, so that the former one may leave the settings.

SECRET_KEY_FALLBACKS keeps them readable until then; `doctor` says when none is left that needs it.
"""

from uuid import UUID

import structlog
from django.db import connection

from access.principal import job
from partners.forwarding import secrets
from partners.models import Destination

log = structlog.get_logger(__name__)


def sealed_otherwise() -> list[tuple[UUID, UUID]]:
    """Webhooks with a secret that today's key does not open: (destination, owner)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, owner_id FROM find_secrets_to_reseal(%s)", [secrets.current_head()])
        return list(cursor.fetchall())


def reseal_secrets() -> int:
    """Returns how many webhooks were sealed again. What no key opens is left, and said: its owner has to replace it."""
    return sum(_reseal(pk, owner) for pk, owner in sealed_otherwise())


def _reseal(pk: UUID, owner: UUID) -> bool:
    with job(owner):
        # Seen again under the lock: its owner may be replacing the secret at this moment.
        row = Destination.objects.select_for_update().get(pk=pk)
        try:
            row.secret, row.old_secret = (_today(blob, row) for blob in (row.secret, row.old_secret))
        except secrets.CannotOpen:
            log.error("destination.secret_unreadable", destination=row.public_id)
            return False
        row.save(update_fields=["secret", "old_secret"])
        return True


def _today(blob: bytes | memoryview, row: Destination) -> bytes:
    if not blob or secrets.is_current(blob):
        return bytes(blob)
    return secrets.seal(secrets.open_sealed(blob, str(row.pk)), str(row.pk))
