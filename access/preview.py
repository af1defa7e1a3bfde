"""Look as a partner: run its own querysets under a draft, then roll everything back (A21).

The honest way to show what a draft would show is to make it true for a moment. In one savepoint the draft is written as the
customer, the principal becomes a stand-in for the partner, the transaction becomes read only, the caller reads and renders, and
the savepoint is rolled back. Door and row-level security both answer as they will after the decision; nothing is kept, no look
is logged, nobody is told.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import connection, transaction

from access import sentences, sharing
from access.errors import require
from access.models import SHAREABLE, Category, Grant, Organization, Site
from access.principal import acting
from access.sentences import Change
from access.sharing import Terms
from access.viewer import Viewer


@contextmanager
def as_if(viewer: Viewer, partner: Organization, draft: Mapping[Site, Terms | None]) -> Iterator[Viewer]:
    """What the partner would see of this customer if `draft` were decided; sites that are not in it stay as they are.

    Yields the viewer to hand to `visible_to`. Render inside: afterwards the draft is gone. A write inside fails.
    Raises NotAllowed, Invalid.
    """
    require(viewer.is_customer and viewer.user is not None, "Only people of the customer look as a partner")
    stand_in = Viewer.stand_in(viewer, partner)
    with acting(viewer), transaction.atomic():
        sharing.rehearse(partner=partner, terms=draft, by=viewer)
        with acting(stand_in):
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION READ ONLY")  # until this savepoint ends
            yield stand_in
        transaction.set_rollback(True)


@contextmanager
def looking_as(
    viewer: Viewer, partner: Organization, *, sites: Sequence[Site] = (), terms: Terms | None = None
) -> Iterator[Viewer]:
    """The whole view of a partner: under its live grants, or with these sites on these terms. See `as_if`."""
    draft: dict[Site, Terms | None] = dict.fromkeys(sites, terms) if terms is not None else {}
    with as_if(viewer, partner, draft) as stand_in:
        yield stand_in


@dataclass(frozen=True, slots=True)
class SitePreview:
    """One chosen site: what would be shared there, what not, and what that changes."""

    site: Site
    shared: tuple[Category, ...]
    hidden: tuple[Category, ...]
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class PreviewData:
    """What stands beside the consent form."""

    sentence: str
    sites: tuple[SitePreview, ...]

    @property
    def shows_nothing(self) -> bool:
        return not any(s.shared for s in self.sites)


def preview(viewer: Viewer, partner: Organization, sites: Sequence[Site], terms: Terms | None) -> PreviewData:
    """Sentence, kinds and changes of a draft. terms None: nothing chosen yet. What is shared is asked through the door.

    Raises NotAllowed, Invalid.
    """
    customer = viewer.organization
    assert customer is not None
    with acting(viewer):
        live = Grant.objects.live().filter(partner=partner, site__in=sites, closed_at=None)
        today = {g.site_id: g for g in live}
    seen = shared_kinds(viewer, partner, dict.fromkeys(sites, terms))
    return PreviewData(
        sentence=sentences.of_terms(partner, [s.name for s in sites], terms, customer),
        sites=tuple(
            SitePreview(
                site=site,
                shared=tuple(c for c in SHAREABLE if site in seen[c]),
                hidden=tuple(c for c in SHAREABLE if site not in seen[c]),
                changes=tuple(sentences.what_changes(today.get(site.pk), terms, customer)),
            )
            for site in sites
        ),
    )


def shared_kinds(
    viewer: Viewer, partner: Organization, draft: Mapping[Site, Terms | None]
) -> dict[Category, frozenset[Site]]:
    """For each kind of data the sites the partner would see it of, five questions at the door."""
    with as_if(viewer, partner, draft) as stand_in:
        return {c: frozenset(Site.objects.visible_to(stand_in, c)) for c in SHAREABLE}
