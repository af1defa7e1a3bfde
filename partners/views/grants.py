"""One access of the partner, running or over: what it says, and the receipt of how it ended."""

from typing import TYPE_CHECKING, Any

from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404

from access import sentences
from access.lengths import days_left, last_day
from access.views.pages import PageRequest, for_partner
from partners import relations
from partners.views.frame import shown

if TYPE_CHECKING:
    from partners.relations import DatedGrant


@for_partner
def page(request: PageRequest, partner_slug: str, public_id: str) -> HttpResponse:
    """The site's name stays on the paper of an access that has ended, as in the mail about its end."""
    grant = get_object_or_404(relations.grants(request.viewer), public_id=public_id)
    site = _site_name(request, grant)
    told = _told(request, grant, site)
    is_live: bool = told["live"]
    if request.GET.get("format") == "json":
        answer = JsonResponse(told)
        answer["Content-Disposition"] = f'attachment; filename="access-{grant.public_id}.json"'
        return answer
    partner = request.viewer.organization
    assert partner is not None
    context = {
        "grant": grant,
        "site": site,
        "told": told,
        "left": sentences.left(days_left(grant.expires_at, grant.customer)),
        "until": last_day(grant.expires_at, grant.customer),
        "may_give_back": is_live and request.viewer.role == "admin",
        "zone": partner.timezone,
    }
    return shown(request, "partner/grant.html", context)


def _site_name(request: PageRequest, grant: "DatedGrant") -> str:
    if not grant.is_live:
        return relations.names_for_receipts(request.viewer, [grant]).get(grant.pk, "")
    site = relations.sites_of(request.viewer, [grant]).get(grant.site_id)
    return site.name if site else ""


def _told(request: PageRequest, grant: "DatedGrant", site: str) -> dict[str, Any]:
    """Names nobody of the customer: which person decided there is not the partner's business."""
    partner = request.viewer.organization
    assert partner is not None
    if grant.is_live:
        until = last_day(grant.expires_at, grant.customer)
        alerts = grant.forward_alerts
        sentence = sentences.can_look(partner.name, grant.ordered_categories, [site], until, forward_alerts=alerts)
    else:
        sentence = sentences.no_longer(partner.name, [site])
    return {
        "id": grant.public_id,
        "sentence": sentence,
        "customer": grant.customer.name,
        "site": site,
        "kinds": sentences.categories(grant.ordered_categories),
        "categories": [c.value for c in grant.ordered_categories],
        "alerts_sent": grant.forward_alerts,
        "purpose": grant.purpose,
        "live": grant.is_live,
        "granted_at": grant.granted_at.isoformat(),
        "expires_at": grant.expires_at.isoformat(),
        "ended_at": None if grant.is_live else grant.over_at.isoformat(),
        "why": "" if grant.is_live else relations.why_it_ended(grant),
        "drained_at": grant.drained_at.isoformat() if grant.drained_at else None,
    }
