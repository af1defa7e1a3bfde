from datetime import timedelta

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from access.views.numbers import whole
from access.views.pages import PageRequest, acted, back, for_customer
from telemetry import alerting, evidence, looks, summaries
from telemetry.models import Alert, AlertComment, CommentAudience, Severity
from telemetry.views import exports


def filtered(request: PageRequest, found: "object") -> object:
    """Filters of the alert lists live in the query string: state, severity, site."""
    wanted = request.GET
    queryset = found.resolved() if wanted.get("state") == "resolved" else found.open()  # type: ignore[attr-defined]
    if severity := whole(wanted.get("severity"), most=99):
        queryset = queryset.filter(severity__gte=severity)
    if wanted.get("site"):
        queryset = queryset.filter(site__public_id=wanted["site"])
    return queryset.order_by("-resolved_at") if wanted.get("state") == "resolved" else queryset.most_urgent_first()


@for_customer
def index(request: PageRequest) -> HttpResponse:
    rows = summaries.alerts(request.viewer, filtered(request, Alert.objects.visible_to(request.viewer)))  # type: ignore[arg-type]
    looks.alert_list(request.viewer, rows, way="page")
    if exports.wanted(request):
        return exports.alerts(request, rows)
    newest = Alert.objects.visible_to(request.viewer).order_by("-opened_at").values_list("opened_at", flat=True).first()
    return render(
        request,
        "portal/alerts.html",
        {
            "rows": rows,
            "resolved": request.GET.get("state") == "resolved",
            "newest": newest,
            "severities": Severity.choices,
        },
    )


@for_customer
def page(request: PageRequest, public_id: str) -> HttpResponse:
    rows = summaries.alerts(request.viewer, Alert.objects.visible_to(request.viewer).filter(public_id=public_id))
    if not rows:
        raise Http404
    row, alert = rows[0], rows[0].alert
    looks.alert_list(request.viewer, [row], way="page")
    return render(
        request,
        "portal/alert.html",
        {
            "row": row,
            "alert": alert,
            "device": row.device,
            "history": summaries.history(request.viewer, alert),
            "comments": summaries.readable_comments(
                request.viewer, AlertComment.objects.visible_to(request.viewer).filter(alert=alert).order_by("at")
            ),
            "facts": evidence.facts(request.viewer, alert),
            "audiences": [CommentAudience.COMPANY, CommentAudience.PARTNERS],
        },
    )


@require_POST
@for_customer
def act(request: PageRequest, public_id: str, verb: str) -> HttpResponse:
    alert = get_object_or_404(Alert.objects.visible_to(request.viewer), public_id=public_id)
    acted(request, lambda: do(request, alert, verb))
    return back(request, f"/alerts/{alert.public_id}")


def do(request: PageRequest, alert: Alert, verb: str) -> str:
    """One of the acts on an alert, from a posted form; the partner's pages use it too."""
    by, posted = request.viewer, request.POST
    match verb:
        case "acknowledge":
            alerting.acknowledge(alert, by=by)
            return "Marked as seen."
        case "claim":
            alerting.claim(alert, by=by)
            return "You have it. Others who were told see that somebody has."
        case "release":
            alerting.release(alert, by=by)
            return "Given up; others may take it."
        case "snooze":
            days = whole(posted.get("days"), most=366) or 1
            alerting.snooze(alert, until=timezone.now() + timedelta(days=days), by=by)
            return f"Snoozed for {days} day{'' if days == 1 else 's'}."
        case "resolve":
            resolution = "ignored" if posted.get("resolution") == "ignored" else "handled"
            feedback = posted.get("feedback", "") if posted.get("feedback") in {"real", "not_real"} else ""
            alerting.resolve(alert, by=by, resolution=resolution, note=posted.get("note", ""), feedback=feedback)
            return "Marked as handled. If the trouble goes on, you will be warned again."
        case _:
            audience = posted.get("audience", CommentAudience.COMPANY)
            known = audience if audience in CommentAudience.values else CommentAudience.COMPANY
            alerting.comment(alert, text=posted.get("text", ""), audience=CommentAudience(known), by=by)
            return "Comment added."
