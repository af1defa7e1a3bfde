"""A partner's own looks, in words: an object has its name while a live grant covers it, afterwards site, kind and time are left.

A member who was assigned to some customers alone sees the looks at these alone.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext, ngettext

from access.models import Category, Organization, Site, ViewingEntry
from access.viewer import Viewer
from access.views import looks
from partners import relations


def filtered(viewer: Viewer, wanted: Mapping[str, str]) -> QuerySet[ViewingEntry]:
    """Under the filters of the query string: customer, site, person, kind, how, from, to (days where the partner is)."""
    found = looks.filtered(viewer, {k: v for k, v in wanted.items() if k not in {"partner", "site"}})
    if viewer.only_customers is not None:
        found = found.filter(customer__in=viewer.only_customers)
    if wanted.get("customer"):
        found = found.filter(customer__in=relations.customers(viewer).filter(public_id=wanted["customer"]).values("pk"))
    if wanted.get("site"):  # one that is shared now: what ended cannot be asked for by name
        sites = Site.objects.visible_to(viewer).filter(public_id=wanted["site"]).order_by()
        found = found.filter(site__in=list(sites.values_list("pk", flat=True)))
    return found


@dataclass(frozen=True, slots=True)
class Known:
    """What this partner may call by its name now. held: kinds of data by site, of live grants."""

    customers: dict[UUID, Organization]
    sites: dict[UUID, Site]
    held: dict[UUID, frozenset[Category]]
    ended: dict[UUID, str]  # names of sites on the paper of an access that is over, by grant

    @classmethod
    def of(cls, viewer: Viewer, sites: Collection[UUID] | None = None) -> "Known":
        """sites: those of a page; None: all there ever were, for a file."""
        grants = relations.grants(viewer)
        found = list(grants if sites is None else grants.filter(site__in=sites))
        live = [g for g in found if g.is_live]
        open_now = relations.sites_of(viewer, live)
        return cls(
            customers={c.pk: c for c in relations.customers(viewer)},
            sites=open_now,
            held={g.site_id: g.category_set for g in live if g.site_id in open_now},
            ended=relations.names_for_receipts(viewer, [g for g in found if not g.is_live]),
        )

    def names(self, entry: ViewingEntry) -> bool:
        """Whether what was looked at may be named: its very kind of data is shared there now."""
        return entry.is_among(self.held)

    def site(self, entry: ViewingEntry) -> str:
        site = self.sites.get(entry.site_id) if entry.site_id else None
        return site.name if site else self.ended.get(entry.grant_id, "") if entry.grant_id else ""


def shown(entry: ViewingEntry, known: Known) -> dict[str, Any]:
    """One look in the words of the page and of the file: the same columns, whether it has a name or not."""
    customer = known.customers.get(entry.customer_id)
    return {
        "person": entry.person_name or gettext("A person of %(company)s") % {"company": entry.looker_name},
        "customer": customer.name if customer else "",
        "site": known.site(entry),
        "kind": str(Category(entry.category).label),
        "object": entry.object_words if known.names(entry) else "",
        "how": entry.get_way_display(),
        "outcome": entry.outcome,
        "purpose": entry.purpose,
        "at": entry.at,
    }


def lines(
    found: QuerySet[ViewingEntry], entries: Iterable[ViewingEntry], viewer: Viewer
) -> tuple[list[dict[str, Any]], Known]:
    """Rows of the page for entries of `looks.rolled_up(found)`; a day of a program's reads is one line that says how many."""
    rows = list(entries)
    known = Known.of(viewer, {e.site_id for e in rows if e.site_id})
    many = looks.counts(found, rows, looks.zone_of(viewer))
    return [_line(e, known) | _several(many.get(getattr(e, "group", ""))) for e in rows], known


def _line(entry: ViewingEntry, known: Known) -> dict[str, Any]:
    customer = known.customers.get(entry.customer_id)
    return shown(entry, known) | {
        "customer_id": customer.public_id if customer else "",
        "grant": entry.grant.public_id if entry.grant else "",
        "is_named": known.names(entry),
        # A tender alone is about no site; no grant covers it, so none has ended.
        "unnamed": gettext("No longer shared") if entry.site_id else gettext("A request for proposals"),
    }


def _several(group: Any) -> dict[str, Any]:
    if group is None or group["reads"] < 2:
        return {}
    reads = ngettext("%(n)d read", "%(n)d reads", group["reads"]) % {"n": group["reads"]}
    return {"object": reads, "is_named": True, "first": group["first"]}
