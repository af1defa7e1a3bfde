"""What stands around every page: menu, phone tabs, company switcher. Asks the database only inside the viewer's transaction."""

from functools import partial
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Count, QuerySet, Subquery, Value
from django.http import HttpRequest
from django.urls import reverse

from access.models import AccessRequest, Membership, Organization
from access.viewer import NOBODY, Viewer
from partners import proposals
from smartcare.accounts import lacks_second_factor
from telemetry.models import Alert


def shell(request: HttpRequest) -> dict[str, Any]:
    """Context processor. Error pages get the same frame, without counts: their transaction is gone.

    A view that has counted already leaves (open alerts, waiting requests, proposals) in `request.menu_counts`.
    """
    viewer: Viewer = getattr(request, "viewer", NOBODY)
    memberships: list[Membership] = getattr(request, "memberships", [])
    builders = {"customer": _customer, "partner": _partner, "staff": _staff}
    must_set_up = partial(lacks_second_factor, request)  # a query that one page alone makes
    if viewer.kind not in builders:
        return {
            "viewer": None,
            "memberships": _switcher(memberships, viewer),
            "signup_open": settings.OPEN_SIGNUP,
            "must_set_up": must_set_up,
        }
    frame = builders[viewer.kind](viewer, request)
    return {
        "must_set_up": must_set_up,
        "viewer": viewer,
        "org_name": viewer.organization_name,
        "org_kind": viewer.kind,
        "memberships": _switcher(memberships, viewer),
        "shortcuts_off": bool(viewer.user and not viewer.user.keyboard_shortcuts),
        **frame,
    }


def _item(
    url: str, icon: str, label: str, path: str, *, key: str = "", count: int = 0, hot: bool = False
) -> dict[str, Any]:
    current = path == url or (url not in ("/", "/staff/") and path.startswith(url.rstrip("/") + "/"))
    return {"url": url, "icon": icon, "label": label, "current": current, "key": key, "count": count or "", "hot": hot}


def _one_current(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of /access and /access/log only the longer one is where the reader is."""
    here = max((item["url"] for item in items if item["current"]), key=len, default="")
    for item in items:
        item["current"] = item["url"] == here
    return items


def _customer(viewer: Viewer, request: HttpRequest) -> dict[str, Any]:
    path = request.path
    alerts, requests, offers = getattr(request, "menu_counts", None) or _customer_counts(viewer)
    watch = [
        _item("/", "home", "Overview", path, key="o"),
        _item("/sites", "building", "Sites", path),
        _item("/devices", "router", "Devices", path, key="d"),
        _item("/alerts", "bell", "Alerts", path, key="a", count=alerts, hot=alerts > 0),
    ]
    sharing = _one_current(
        [
            _item("/access", "eye", "Who can see", path, key="s", count=requests, hot=requests > 0),
            _item("/access/log", "history", "Viewing log", path),
            _item("/proposals", "proposals", "Proposals", path, count=offers),
        ]
    )
    settings_page = _item("/settings/company", "settings", "Settings", path)
    settings_page["current"] = path.startswith("/settings/")
    records = [_item("/contracts", "contract", "Contracts", path), settings_page]
    return {
        "home_url": "/",
        "search_url": reverse("search"),
        "alerts_url": "/alerts",
        "settings_url": "/settings/company",
        "shortcuts_url": reverse("shortcuts"),
        "nav": [
            {"title": "", "items": watch},
            {"title": "Sharing", "items": sharing},
            {"title": "Records", "items": records},
        ],
        "tabs": [watch[0], watch[2], watch[3], sharing[0]],
    }


def counted(viewer: Viewer, *found: QuerySet[Any]) -> list[int]:
    """How many rows each of these has, in one question to the database."""
    numbers = {
        f"number_{n}": Subquery(
            rows.order_by().annotate(all=Value(1)).values("all").annotate(number=Count("*")).values("number")
        )
        for n, rows in enumerate(found)
    }
    assert viewer.organization is not None
    asked = Organization.objects.filter(pk=viewer.organization.pk).values_list(*numbers.values())
    row = next(iter(asked), (0,) * len(found))  # outside the viewer's transaction there is no organization to be seen
    return [number or 0 for number in row]


def _customer_counts(viewer: Viewer) -> tuple[int, int, int]:
    if not connection.in_atomic_block:
        return 0, 0, 0
    alerts, requests, offers = counted(viewer, *in_the_menu(viewer))
    return alerts, requests, offers


def in_the_menu(viewer: Viewer) -> tuple[QuerySet[Any], QuerySet[Any], QuerySet[Any]]:
    """What the customer's menu counts: open alerts, waiting requests, proposals to choose from."""
    return (
        Alert.objects.visible_to(viewer).open(),
        AccessRequest.objects.visible_to(viewer).waiting(),
        proposals.to_choose_from(viewer),
    )


def _partner(viewer: Viewer, request: HttpRequest) -> dict[str, Any]:
    path = request.path
    assert viewer.organization is not None
    base = f"/p/{viewer.organization.slug}"
    found = Alert.objects.visible_to(viewer).open(), proposals.to_answer(viewer)
    alerts, leads = counted(viewer, *found) if connection.in_atomic_block else (0, 0)
    work = [
        _item(f"{base}/triage", "home", "Triage", path, key="o"),
        _item(f"{base}/customers", "building", "Customers", path),
        _item(f"{base}/devices", "router", "Devices", path, key="d"),
        _item(f"{base}/alerts", "bell", "Alerts", path, key="a", count=alerts, hot=alerts > 0),
    ]
    offers = [
        _item(f"{base}/tenders", "inbox", "Tenders", path, count=leads),
        _item(f"{base}/proposals", "proposals", "Proposals", path),
    ]
    ours = [
        *_one_current(
            [
                _item(f"{base}/access", "eye", "Access", path, key="s"),
                _item(f"{base}/access/log", "history", "Viewing log", path),
            ]
        ),
        _item(f"{base}/contracts", "contract", "Contracts", path),
        _item(f"{base}/settings/webhooks", "webhook", "Hand-off", path),
        _item(f"{base}/team", "users", "Team", path),
    ]
    return {
        "home_url": f"{base}/triage",
        "search_url": f"{base}/devices",
        "alerts_url": f"{base}/alerts",
        "settings_url": f"{base}/settings/webhooks",
        "shortcuts_url": reverse("shortcuts"),
        "nav": [
            {"title": "", "items": work},
            {"title": "Offers", "items": offers},
            {"title": "Your company", "items": ours},
        ],
        "tabs": [work[0], work[1], work[3], ours[0]],
    }


def _staff(viewer: Viewer, request: HttpRequest) -> dict[str, Any]:
    path = request.path
    items = [
        _item("/staff/search", "search", "Search", path),
        _item("/staff/permissions", "lock", "Permissions", path),
        _item("/staff/partners", "users", "Partners", path),
        _item("/staff/jobs", "clock", "Work", path),
        _item("/staff/audit", "file-text", "What staff did", path),
    ]
    rest = [
        _item("/staff/people", "user-plus", "People", path),
        _item("/staff/admin/", "settings", "Catalogue and accounts", path),
    ]
    return {
        "home_url": "/staff/search",
        "search_url": "/staff/search",
        "nav": [{"title": "Staff", "items": items}, {"title": "Repair", "items": rest}],
        "tabs": items,
    }


def _switcher(memberships: list[Membership], viewer: Viewer) -> list[dict[str, Any]]:
    return [
        {
            "name": m.organization.name,
            "url": reverse("switch", args=[m.organization.public_id])
            if m.organization.is_customer
            else f"/p/{m.organization.slug}/triage",
            "current": m.organization_id == viewer.organization_id,
        }
        for m in memberships
    ]
