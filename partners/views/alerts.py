"""Alerts of all customers that share health with this partner: list, page, and what may be done about one.

Nobody learns of another partner here: whoever else acts, customer or partner, appears in the words the customer chose.
"""

from typing import Any

from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_POST

from access.models import ClaimWords
from access.viewer import Viewer
from access.views import log
from access.views.numbers import whole
from access.views.pages import PageRequest, acted, back, for_partner
from partners.views.frame import PAGE, base_of, number, shown
from telemetry import evidence, looks, summaries
from telemetry.models import Alert, AlertComment, AlertTransition, CommentAudience
from telemetry.summaries import AlertRow
from telemetry.views.alerts import do

STATES = {
    "": "Open",
    "free": "Nobody has it",
    "mine": "Ours",
    "snoozed": "Snoozed",
    "resolved": "Over",
}
VERBS = {"acknowledge", "claim", "release", "snooze", "resolve", "comment"}
EXPORT_AT_MOST = 5_000
SOMEONE = "Someone"


def filtered(request: PageRequest) -> QuerySet[Alert]:
    """Under the filters of the query string: state, severity, customer, site, q."""
    wanted, viewer = request.GET, request.viewer
    found: QuerySet[Alert] = in_state(Alert.objects.visible_to(viewer), wanted.get("state", ""), viewer)
    if severity := whole(wanted.get("severity"), most=99):
        found = found.filter(severity__gte=severity)
    if wanted.get("customer"):
        found = found.filter(customer__public_id=wanted["customer"])
    if wanted.get("site"):
        found = found.filter(site__public_id=wanted["site"])
    if wanted.get("q"):
        found = found.filter(title__icontains=wanted["q"])
    return found


def in_state(found: Any, state: str, viewer: Viewer) -> QuerySet[Alert]:
    """One of STATES; a snoozed alert comes back by itself."""
    if state == "resolved":
        return found.resolved().order_by("-resolved_at")  # type: ignore[no-any-return]
    found = found.open().most_urgent_first()
    asleep = Q(snoozed_until__gt=Now())
    if state == "snoozed":
        return found.filter(asleep)  # type: ignore[no-any-return]
    if state == "mine":
        return found.filter(claimed_by=viewer.organization_id)  # type: ignore[no-any-return]
    if state == "free":
        return found.filter(claimed_by=None).exclude(asleep)  # type: ignore[no-any-return]
    return found  # type: ignore[no-any-return]


@for_partner
def index(request: PageRequest, partner_slug: str) -> HttpResponse:
    found = filtered(request)
    if request.GET.get("format") in {"csv", "json"}:
        rows = summaries.alerts(request.viewer, found, limit=EXPORT_AT_MOST)
        looks.alert_list(request.viewer, rows, way="export")
        return log.export(request, map(exported, rows), "alerts")
    here = number(request.GET.get("page"))
    start = (here - 1) * PAGE
    rows = summaries.alerts(request.viewer, found[start:], limit=PAGE + 1)
    state = request.GET.get("state", "")
    context = {
        "rows": rows[:PAGE],
        "state": state if state in STATES else "",
        "states": [{"url": f"?state={s}", "label": label, "current": s == state} for s, label in STATES.items()],
        "previous": here - 1 if here > 1 else None,
        "next": here + 1 if len(rows) > PAGE else None,
    }
    looks.alert_list(request.viewer, rows[:PAGE], way="page")
    return shown(request, "partner/alerts.html", context)


def exported(row: AlertRow) -> dict[str, Any]:
    alert = row.alert
    return {
        "alert": alert.public_id,
        "customer": alert.customer.name,
        "site": row.site.name,
        "device": row.device.label,
        "severity": alert.severity_word,
        "title": alert.title,
        "opened_at": alert.opened_at,
        "expected_at": alert.eta,
        "resolved_at": alert.resolved_at,
        "taken": row.taken,
    }


@for_partner
def page(request: PageRequest, partner_slug: str, public_id: str) -> HttpResponse:
    viewer = request.viewer
    rows = summaries.alerts(viewer, Alert.objects.visible_to(viewer).filter(public_id=public_id))
    if not rows:
        raise Http404
    row = rows[0]
    looks.alert_list(viewer, rows, way="page")
    context = {
        "row": row,
        "alert": row.alert,
        "device": row.device,
        "history": [told(t, viewer, row.alert) for t in transitions(row.alert)],
        "comments": comments(viewer, row.alert),
        "facts": evidence.facts(viewer, row.alert),
        "audiences": [CommentAudience.COMPANY, CommentAudience.CUSTOMER],
        "may_release": row.alert.claimed_by_id == viewer.organization_id,
    }
    return shown(request, "partner/alert.html", context)


def transitions(alert: Alert) -> QuerySet[AlertTransition]:
    return alert.transitions.select_related("by_user", "by_organization").order_by("at")


def told(transition: AlertTransition, viewer: Viewer, alert: Alert) -> dict[str, Any]:
    """One line of the history. A note is for the company that wrote it: another's words would tell who wrote them."""
    own = transition.by_organization_id == viewer.organization_id
    return {
        "words": transition.get_kind_display(),
        "get_kind_display": transition.get_kind_display(),
        "note": transition.note if own else "",
        "at": transition.at,
        "who": _who(transition, viewer, alert),
    }


def _who(transition: AlertTransition, viewer: Viewer, alert: Alert) -> str:
    by = transition.by_organization
    if by is None:  # a detector, not a person
        return ""
    if by.pk == viewer.organization_id:
        return transition.by_user.name if transition.by_user else by.name
    if alert.customer.claim_words == ClaimWords.NAME:
        return by.name
    if alert.customer.claim_words == ClaimWords.PROVIDER and by.pk != alert.customer_id:
        return "Another provider"
    return SOMEONE


def comments(viewer: Viewer, alert: Alert) -> list[dict[str, Any]]:
    """Its own company's, and the customer's words to partners, under the company's name; never another partner's."""
    readable = Q(author_organization=viewer.organization_id) | Q(
        audience=CommentAudience.PARTNERS, author_organization=alert.customer_id
    )
    found = AlertComment.objects.visible_to(viewer).filter(readable, alert=alert).order_by("at")
    return [
        {
            "author_name": c.author_name if c.author_organization_id == viewer.organization_id else alert.customer.name,
            "get_audience_display": c.get_audience_display(),
            "at": c.at,
            "text": c.text,
        }
        for c in found
    ]


@require_POST
@for_partner
def act(request: PageRequest, partner_slug: str, public_id: str, verb: str) -> HttpResponse:
    alert = get_object_or_404(Alert.objects.visible_to(request.viewer), public_id=public_id)
    if verb not in VERBS:
        raise Http404
    acted(request, lambda: do(request, alert, verb))
    return back(request, f"{base_of(request.viewer)}/alerts/{alert.public_id}")
