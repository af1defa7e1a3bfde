"""The morning: all customers at a glance, worst first, and the queue of what is open."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils import timezone

from access import sentences, viewing
from access.lengths import REMIND_DAYS, days_left
from access.models import AccessRequest, RequestState
from access.viewer import Viewer
from access.views.pages import PageRequest, for_partner
from partners import fleet, relations
from partners.relations import DatedGrant
from partners.views.alerts import in_state
from partners.views.frame import base_of, shown
from telemetry import summaries
from telemetry.models import Alert

LISTED = 5
QUEUE = 25  # rows of the queue: with 200 tiles a page stays under 1,500 elements
QUEUES = {"": "Needs you", "free": "Nobody has it", "mine": "Ours", "snoozed": "Snoozed"}


@for_partner
def page(request: PageRequest, partner_slug: str) -> HttpResponse:
    viewer = request.viewer
    wanted = request.GET.get("queue", "")
    queue = wanted if wanted in QUEUES else ""
    customers = fleet.at_a_glance(viewer)
    rows = summaries.alerts(viewer, _queue(viewer, queue), limit=QUEUE + 1)
    viewing.record(viewer, fleet.looks(customers, rows[:QUEUE]), way="page")
    context = {
        "greeting": greeting(viewer),
        "counts": fleet.legend(customers),
        "customers": len(customers),
        "needy": sum(1 for c in customers if c.state in {"down", "risk", "watch"}),
        "healthy": sum(1 for c in customers if c.state == "ok"),
        "tiles": tiles(viewer, customers),
        "rows": rows[:QUEUE],
        "more": len(rows) > QUEUE,
        "queue": queue,
        "ask_url": f"{base_of(viewer)}/access/ask",
        "queues": [{"url": f"?queue={q}", "label": label, "current": q == queue} for q, label in QUEUES.items()],
        **_papers(viewer),
    }
    return shown(request, "partner/triage.html", context)


def _queue(viewer: Viewer, queue: str) -> QuerySet[Alert]:
    """Without a filter: open and awake."""
    found = in_state(Alert.objects.visible_to(viewer), queue, viewer)
    return found if queue else found.exclude(snoozed_until__gt=timezone.now())


def tiles(viewer: Viewer, customers: list[fleet.CustomerHealth]) -> list[dict[str, Any]]:
    base = base_of(viewer)
    return [
        {"label": c.name, "state": c.state, "score": c.score, "url": f"{base}/customers/{c.public_id}"}
        for c in customers
    ]


def greeting(viewer: Viewer) -> str:
    """By the clock where the reader is."""
    user = viewer.user
    hour = timezone.now().astimezone(ZoneInfo(user.timezone if user else "UTC")).hour
    words = "Good morning" if 4 <= hour < 12 else "Good afternoon" if hour < 18 else "Good evening"
    return f"{words}, {user.get_short_name()}." if user and user.name else f"{words}."


def _papers(viewer: Viewer) -> dict[str, Any]:
    """The side card: requests that wait, and access that ends soon or ended lately."""
    waiting = relations.requests(viewer).filter(state=RequestState.WAITING)[:LISTED]
    since = timezone.now() - timedelta(days=REMIND_DAYS)
    lately = relations.grants(viewer).filter(
        over_at__gte=since, over_at__lte=timezone.now() + timedelta(days=REMIND_DAYS)
    )
    lines = [_line_of_request(r) for r in waiting] + [_line_of_grant(g) for g in lately[:LISTED]]
    return {"papers": lines[:LISTED]}


def _line_of_request(row: AccessRequest) -> dict[str, Any]:
    return {"name": row.customer_name, "text": "You asked", "chip": "Waiting", "state": "plain"}


def _line_of_grant(grant: DatedGrant) -> dict[str, Any]:
    if grant.is_live:
        ends = sentences.left(days_left(grant.expires_at, grant.customer))
        return {
            "name": grant.customer.name,
            "text": sentences.categories(grant.categories),
            "chip": ends,
            "state": "watch",
        }
    return {"name": grant.customer.name, "text": relations.why_it_ended(grant), "chip": "Ended", "state": "plain"}
