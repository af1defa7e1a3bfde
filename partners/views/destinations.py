"""Where an organization wants its alerts: add, test, change, remove, and the log of what was sent. Customers and partners alike."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from access.models import Membership, Organization
from access.views.pages import PageRequest, acted, for_company
from partners import deliveries, destinations
from partners.forms import DestinationForm, EmailForm, WebhookForm
from partners.models import Destination, DestinationKind
from partners.views.frame import base_of, posted, saying
from telemetry.models import Severity

LATEST = 10
LOGGED = 50


def home_of(request: PageRequest) -> str:
    base = base_of(request.viewer)
    return f"{base}/settings/webhooks" if base else "/settings/notifications"


def page_with(request: PageRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    own = {
        "base": base_of(request.viewer),
        "home": home_of(request),
        "may_manage": destinations.may_manage(request.viewer),
        "zone": organization_of(request).timezone,
    }
    return render(request, template, own | context)


def organization_of(request: PageRequest) -> Organization:
    assert request.viewer.organization is not None  # for_company let nobody else in
    return request.viewer.organization


def _own(request: PageRequest, public_id: str) -> Destination:
    found = Destination.objects.visible_to(request.viewer).judged().filter(removed_at=None)
    row: Destination = get_object_or_404(found.select_related("owner", "created_by"), public_id=public_id)
    return row


@for_company
def index(request: PageRequest, partner_slug: str = "") -> HttpResponse:
    found = Destination.objects.visible_to(request.viewer).judged().filter(removed_at=None).order_by("kind", "name")
    context = {
        "destinations": [{"row": d, **state_of(d)} for d in found.select_related("created_by")],
        "log": [deliveries.told(d) for d in deliveries.log(request.viewer)[:LATEST]],
    }
    return page_with(request, "partner/destinations.html", context)


def state_of(row: Any) -> dict[str, str]:
    """How a destination fares, in a word and a sentence: a failing receiver is shown, never silently switched off."""
    if row.disabled_at:
        why = row.disabled_reason or "it did not answer for days"
        return {"state": "down", "words": "Switched off", "why": f"We gave it up: {why}. A test switches it on again."}
    if not row.enabled:
        return {"state": "mute", "words": "Off", "why": "Nothing is sent there."}
    if not row.is_kept:
        return {
            "state": "risk",
            "words": "Waits for you",
            "why": f"{who_left(row)} Nothing is sent there before one of you keeps it.",
        }
    if row.verified_at is None:
        return {"state": "watch", "words": "Waiting", "why": "Waiting for the receiver to answer our test."}
    if row.failing_since:
        return {"state": "risk", "words": "Failing", "why": "It does not answer; we go on trying."}
    return {"state": "ok", "words": "On", "why": ""}


def who_left(row: Destination) -> str:
    name = row.created_by.name if row.created_by else ""
    members = Membership.objects.filter(organization=row.owner_id, user=row.created_by_id, user__is_active=True)
    return f"{name}, who added it, {'may not do that any more' if members.exists() else 'has left'}."


@for_company
def add_email(request: PageRequest, partner_slug: str = "") -> HttpResponse:
    """Mail to a colleague's own sign-in address, which that person has proved by signing in."""
    members = Membership.objects.filter(organization=request.viewer.organization_id).select_related("user")
    form = EmailForm(posted(request), members=members.order_by("user__name"))
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        member = form.members[said["member"]]

        def act() -> str:
            row = destinations.add_email(
                owner=organization_of(request),
                member=member,
                name=member.name,
                by=request.viewer,
                minimum=said["minimum"],
            )
            return f"Alerts are sent to {row.email} from now on."

        if acted(request, act):
            return redirect(home_of(request))
    return page_with(request, "partner/destination_new.html", {"form": form, "kind": "email"})


@for_company
def add_webhook(request: PageRequest, partner_slug: str = "") -> HttpResponse:
    form = WebhookForm(posted(request))
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        made: dict[str, Any] = {}

        def act() -> str:
            made["row"], made["secret"] = destinations.add_webhook(
                owner=organization_of(request),
                url=said["url"],
                name=said["name"],
                by=request.viewer,
                minimum=said["minimum"],
            )
            return ""  # the page with the secret says it

        if acted(request, act):
            return page_with(request, "partner/secret.html", made)
    return page_with(request, "partner/destination_new.html", {"form": form, "kind": "webhook"})


@for_company
def page(request: PageRequest, public_id: str, partner_slug: str = "") -> HttpResponse:
    row: Any = _own(request, public_id)
    first = {"name": row.name, "minimum": row.minimum_severity, "enabled": row.enabled}
    form = DestinationForm(posted(request), initial=first)
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data

        def act() -> str:
            destinations.change(
                row, by=request.viewer, name=said["name"], minimum=said["minimum"], enabled=said["enabled"]
            )
            return "Saved."

        if acted(request, act):
            return redirect(f"{home_of(request)}/{row.public_id}")
    context = {
        "row": row,
        "form": form,
        "is_webhook": row.kind == DestinationKind.WEBHOOK,
        "severity": Severity(row.minimum_severity).label,
        "left": "" if row.is_kept else who_left(row),
        "log": [deliveries.told(d) for d in deliveries.log(request.viewer, destination=row)[:LOGGED]],
        **state_of(row),
    }
    return page_with(request, "partner/destination.html", context)


@require_POST
@for_company
def send_test(request: PageRequest, public_id: str, partner_slug: str = "") -> HttpResponse:
    row = _own(request, public_id)
    words = "A test is on its way; the log shows what came of it."
    if not row.is_usable:
        words = "A test is on its way. It must be answered before alerts are sent."
    acted(request, saying(words, lambda: destinations.test(row, by=request.viewer)))
    return redirect(f"{home_of(request)}/{row.public_id}")


@require_POST
@for_company
def keep(request: PageRequest, public_id: str, partner_slug: str = "") -> HttpResponse:
    """Take over a webhook of somebody who has left."""
    row = _own(request, public_id)
    words = "It is yours now: alerts are sent there again." if row.is_usable else "It is yours now."
    acted(request, saying(words, lambda: destinations.keep(row, by=request.viewer)))
    return redirect(f"{home_of(request)}/{row.public_id}")


@require_POST
@for_company
def replace_secret(request: PageRequest, public_id: str, partner_slug: str = "") -> HttpResponse:
    """The new secret is in this answer and nowhere else."""
    row = _own(request, public_id)
    made: dict[str, Any] = {"row": row, "is_new": True}

    def act() -> str:
        made["secret"] = destinations.replace_secret(row, by=request.viewer)
        return ""  # the page with the secret says it

    if acted(request, act):
        return page_with(request, "partner/secret.html", made)
    return redirect(f"{home_of(request)}/{row.public_id}")


@for_company
def remove(request: PageRequest, public_id: str, partner_slug: str = "") -> HttpResponse:
    row = _own(request, public_id)
    if request.method == "POST":
        words = f"{row.name} is removed; nothing is sent there any more."
        acted(request, saying(words, lambda: destinations.remove(row, by=request.viewer)))
        return redirect(home_of(request))
    context = {
        "title": f"Remove {row.name}?",
        "consequences": ["What waits to be sent there is dropped.", "The log of what was sent stays."],
        "url": f"{home_of(request)}/{row.public_id}/remove",
        "cancel_url": f"{home_of(request)}/{row.public_id}",
    }
    return page_with(request, "partner/destination_remove.html", context)


@require_POST
@for_company
def replay(request: PageRequest, public_id: str, delivery_id: str, partner_slug: str = "") -> HttpResponse:
    row = _own(request, public_id)
    delivery = get_object_or_404(deliveries.log(request.viewer, destination=row), public_id=delivery_id)
    acted(
        request, saying("It is sent again, if it still may be.", lambda: deliveries.replay(delivery, by=request.viewer))
    )
    return redirect(f"{home_of(request)}/{row.public_id}")
