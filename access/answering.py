"""What a yes to a request would write: it takes away or shortens what was asked, and keeps what the partner has today."""

from dataclasses import dataclass
from datetime import datetime

from access.errors import Invalid, require
from access.lengths import end_after
from access.models import AccessRequest, Category, Grant, Site
from access.sharing import Terms
from access.viewer import Viewer


@dataclass(frozen=True, slots=True)
class Answer:
    """A yes, in the customer's words: what stays of the request. None: as asked.

    remove: kinds that the partner has today and loses with this answer. Nothing here can add to what was asked.
    """

    categories: frozenset[Category] | None = None
    sites: frozenset[str] | None = None  # public ids
    days: int | None = None
    forward_alerts: bool | None = None
    purpose: str = ""
    remove: frozenset[Category] = frozenset()


def drafted(request: AccessRequest, answer: Answer, *, by: Viewer) -> dict[Site, Terms]:
    """Terms that `approve` would write, for each site: what is allowed plus what the partner has there today.

    One end date for all kinds at a site (ux.md 8.5): the one chosen here, so it may end what is there today later or earlier;
    `sentences.what_changes` names it. Raises NotAllowed, Invalid.
    """
    require_decider(request, by)
    asked = frozenset(request.ordered_categories)
    allowed = asked if answer.categories is None else answer.categories
    days = request.days if answer.days is None else answer.days
    if not allowed or not allowed <= asked:
        raise Invalid("An answer can only take away: choose among what was asked for", "categories")
    if days > request.days:
        raise Invalid("An answer can only shorten what was asked for", "days")
    if answer.forward_alerts and not request.forward_alerts:
        raise Invalid("Sending alerts was not asked for", "forward_alerts")
    sends = request.forward_alerts if answer.forward_alerts is None else answer.forward_alerts
    assert by.organization is not None
    end = end_after(days, by.organization)
    sites = _answered_sites(request, answer.sites, by=by)
    today = {
        g.site_id: g for g in Grant.objects.live().filter(partner=request.partner_id, site__in=sites, closed_at=None)
    }
    return {site: _merged(today.get(site.pk), allowed, sends=sends, end=end, answer=answer) for site in sites}


def require_decider(request: AccessRequest, by: Viewer) -> None:
    mine = by.may_decide and request.customer_id is not None and request.customer_id == by.organization_id
    require(mine, "Only owners and approvers of your company answer requests")


def _answered_sites(request: AccessRequest, chosen: frozenset[str] | None, *, by: Viewer) -> list[Site]:
    asked = Site.objects.visible_to(by).filter(closed_at=None)
    if request.sites:
        asked = asked.filter(pk__in=request.sites)
    sites = {s.public_id: s for s in asked.order_by("name")}
    if chosen is not None and not chosen <= set(sites):
        raise Invalid("An answer can only take away: choose among the sites that were asked for", "sites")
    return [s for s in sites.values() if chosen is None or s.public_id in chosen]


def _merged(today: Grant | None, allowed: frozenset[Category], *, sends: bool, end: datetime, answer: Answer) -> Terms:
    """What is allowed plus what is there: an answer to "may I see more?" takes nothing away unless the customer says so."""
    kept = frozenset(today.ordered_categories if today else ()) - answer.remove
    categories = kept | allowed
    already = bool(today and today.forward_alerts and answer.forward_alerts is not False)
    purpose = answer.purpose or (today.purpose if today else "")
    return Terms(
        categories=categories,
        expires_at=end,
        forward_alerts=(already or sends) and Category.HEALTH in categories,
        purpose=purpose,
    )
