"""Looks as the page, the export and the last twenty show them: filtered, in words, reads of programs rolled up by day."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.db.models import Count, Exists, Func, Min, OuterRef, Q, QuerySet, TextField, Value
from django.db.models.functions import TruncDate
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext, ngettext

from access.cells import short
from access.lengths import last_day
from access.models import SHAREABLE, Category, Grant, Organization, Seal, Site, StaffWay, ViewingEntry, Way
from access.viewer import Viewer
from access.views.leaves import Key
from access.views.numbers import LARGEST_SEQ, whole

STAFF = "staff"  # as a partner's filter: looks of SmartCare's staff


def place(entry: ViewingEntry) -> str:
    return f"{entry.at.isoformat()}~{entry.number}"


def read_place(text: str) -> tuple[datetime, int] | None:
    moment, _, number = text.partition("~")
    try:
        at = parse_datetime(moment)
    except ValueError:
        return None
    counted = whole(number, most=LARGEST_SEQ, least=0)
    return None if at is None or at.tzinfo is None or counted is None else (at, counted)


KEY = Key(("at", "number"), place, read_place)


def zone_of(viewer: Viewer) -> ZoneInfo:
    assert viewer.organization is not None
    return ZoneInfo(viewer.organization.timezone)


def filtered(viewer: Viewer, wanted: Mapping[str, str]) -> QuerySet[ViewingEntry]:
    """Looks under the filters of the query string: partner, person, site, kind, how, from, to (days where the customer is)."""
    found = ViewingEntry.objects.visible_to(viewer).select_related("grant", "site", "staff_permission")
    partner, zone = wanted.get("partner"), zone_of(viewer)
    if partner == STAFF:
        found = found.filter(looker=None)
    elif partner:
        found = found.filter(looker__public_id=partner)
    if wanted.get("person"):
        found = found.filter(person_name__icontains=wanted["person"])
    if wanted.get("site"):
        found = found.filter(site__public_id=wanted["site"])
    if wanted.get("kind") in Category.values:
        found = found.filter(category=wanted["kind"])
    if wanted.get("how") in Way.values:
        found = found.filter(way=wanted["how"])
    if since := _midnight(wanted.get("from", ""), zone):
        found = found.filter(at__gte=since)
    if until := _midnight(wanted.get("to", ""), zone, days=1):
        found = found.filter(at__lt=until)
    sealed = Seal.objects.filter(customer=OuterRef("customer"), entry=OuterRef("pk"))
    return found.annotate(is_sealed=Exists(sealed)).order_by("-at", "-number")


def _midnight(text: str, zone: ZoneInfo, *, days: int = 0) -> datetime | None:
    """Where that day begins; `days` later. None: no day of any calendar."""
    try:
        day = parse_date(text)
        return datetime.combine(day + timedelta(days=days), time(), tzinfo=zone).astimezone(UTC) if day else None
    except (ValueError, OverflowError):
        return None


def rolled_up(found: QuerySet[ViewingEntry], zone: ZoneInfo) -> QuerySet[ViewingEntry]:
    """Of one program's reads of a kind of data at a site in a day the newest alone stays: it stands for all of them."""
    grouped = found.annotate(group=_group(zone))
    newer = grouped.order_by().filter(way=Way.API, group=OuterRef("group"), at__lt=OuterRef("at") + timedelta(days=1))
    newer = newer.filter(Q(at__gt=OuterRef("at")) | Q(at=OuterRef("at"), number__gt=OuterRef("number")))
    return grouped.exclude(Exists(newer), way=Way.API)


def _group(zone: ZoneInfo) -> Func:
    """What the reads of one line have in common, as text. A part that is not there is left out; no other takes its place."""
    day = TruncDate("at", tzinfo=zone)
    parts = ("looker_name", "person_name", "category", "site_id", "grant_id", day)
    return Func(Value("|"), *parts, function="concat_ws", output_field=TextField())


def lines(found: QuerySet[ViewingEntry], entries: Iterable[ViewingEntry], viewer: Viewer) -> list[dict[str, Any]]:
    """Rows of the page for entries of `rolled_up(found)`: one that stands for several says how many, and leads to them."""
    zone, rows = zone_of(viewer), list(entries)
    many = counts(found, rows, zone)
    return [shown(e, viewer) | _several(e, many.get(getattr(e, "group", "")), zone) for e in rows]


def counts(found: QuerySet[ViewingEntry], rows: Iterable[ViewingEntry], zone: ZoneInfo) -> dict[str, Any]:
    """For rows of `rolled_up(found)` that stand for several, by their `group`: how many `reads`, and when the `first` was."""
    calls = [e for e in rows if e.way == Way.API]
    if not calls:
        return {}
    days = [e.at.astimezone(zone).date() for e in calls]
    first, last = datetime.combine(min(days), time(), zone), datetime.combine(max(days), time(), zone)
    that = found.order_by().filter(way=Way.API, at__gte=first, at__lt=last + timedelta(days=1))
    groups = {e.group for e in calls}  # type: ignore[attr-defined]
    counted = that.annotate(group=_group(zone)).filter(group__in=groups).values("group")
    return {g["group"]: g for g in counted.annotate(reads=Count("pk"), first=Min("at"))}


def _several(entry: ViewingEntry, group: Any, zone: ZoneInfo) -> dict[str, Any]:
    if group is None or group["reads"] < 2:
        return {}
    day = entry.at.astimezone(zone).date().isoformat()
    query = {"how": Way.API.value, "person": entry.person_name or "", "kind": entry.category, "from": day, "to": day}
    query |= {"site": entry.site.public_id} if entry.site else {}
    words = ngettext("%(n)d read", "%(n)d reads", group["reads"]) % {"n": group["reads"]}
    kind = Category(entry.category).label
    return {
        "object": f"{entry.site.name}: {kind}, {words}" if entry.site else f"{kind}, {words}",
        "first": group["first"],
        "each_url": f"{reverse('access_log')}?{urlencode(query | {'each': '1'})}",
    }


def shown(entry: ViewingEntry, viewer: Viewer) -> dict[str, Any]:
    """One look in the words of the page and of the export."""
    words, url = _allowed_by(entry, viewer)
    return {
        "person": entry.person_name or gettext("A person of %(company)s") % {"company": entry.looker_name},
        "company": entry.looker_name,
        "object": entry.object_words + (f" ({entry.outcome})" if entry.outcome == "may have been delivered" else ""),
        "site": entry.site.name if entry.site else "",
        "kind": Category(entry.category).label,
        "how": entry.get_way_display(),
        "allowed_by": words,
        "allowed_url": url,
        "purpose": entry.purpose,
        "at": entry.at,
        "unsealed": not entry.is_sealed,  # type: ignore[attr-defined]
    }


def _allowed_by(entry: ViewingEntry, viewer: Viewer) -> tuple[str, str]:
    """In words that are still true when the access has ended, and where it stands."""
    if entry.grant:
        return _words_of(entry.grant, viewer), reverse("grant", args=[entry.grant.public_id])
    if entry.staff_permission:
        is_emergency = entry.staff_permission.way == StaffWay.BREAK_GLASS
        words = gettext("Emergency") if is_emergency else gettext("You allowed it")
        return words, reverse("staff_permission", args=[entry.staff_permission.public_id])
    return "", ""


def _words_of(grant: Grant, viewer: Viewer) -> str:
    customer = viewer.organization
    assert customer is not None
    if grant.revoked_at:
        return gettext("Stopped %(day)s") % {"day": short(last_day(grant.revoked_at, customer))}
    word = gettext("To %(day)s") if grant.expires_at > timezone.now() else gettext("Ended %(day)s")
    return word % {"day": short(last_day(grant.expires_at, customer))}


def choices(viewer: Viewer) -> dict[str, list[tuple[str, str]]]:
    """What the filters offer: partners that were ever given something, staff, sites, kinds of data, ways."""
    given = Grant.objects.visible_to(viewer).order_by().values("partner")
    partners = Organization.objects.filter(pk__in=given).order_by("name", "pk").values_list("public_id", "name")
    sites = Site.objects.visible_to(viewer).order_by("name", "pk").values_list("public_id", "name")
    return {
        "partners": [*partners, (STAFF, gettext("SmartCare staff"))],
        "sites": list(sites),
        "kinds": [(c.value, str(c.label)) for c in (Category.ANY, *SHAREABLE)],
        "ways": [(str(value), str(label)) for value, label in Way.choices],
    }
