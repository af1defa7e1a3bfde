"""What a partner writes down for itself about a customer. Its own, also after access has ended; nobody else reads it."""

from access.errors import Invalid, require
from access.models import Organization
from access.viewer import Viewer
from partners.models import PartnerNote


def write(*, about: Organization, text: str, by: Viewer) -> PartnerNote:
    """Raises NotAllowed, Invalid."""
    require(by.is_partner and by.may_write, "Only partners keep notes about customers")
    words = text.strip()
    if not 1 <= len(words) <= 4000:
        raise Invalid("A note has 1 to 4,000 characters", "text")
    note = PartnerNote(owner=by.organization, about=about, author=by.user, author_name=by.name[:160], text=words)
    note.save(force_insert=True)
    return note


def remove(note: PartnerNote, *, by: Viewer) -> None:
    """By its author or an admin. Raises NotAllowed."""
    mine = by.is_partner and by.may_write and note.owner_id == by.organization_id
    wrote_it = by.user_id is not None and note.author_id == by.user_id
    require(mine and (wrote_it or by.role == "admin"), "A note is removed by who wrote it, or by an admin")
    note.delete()
