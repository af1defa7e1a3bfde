"""What pages and the API say of devices, sites and alerts, for any viewer: everything is built from what the door lets through.

A viewer without health gets rows without scores, in the order of their names; one without the device list gets no serial, and a search
does not find one. Each function asks a fixed number of queries, however many devices there are.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from access.models import Category, Site, sites_visible_to
from access.viewer import Viewer
from telemetry import alerting
from telemetry.models import (
    Alert,
    AlertComment,
    CommentAudience,
    Device,
    DeviceHealth,
    DeviceInventory,
    DeviceKind,
    Severity,
    TransitionKind,
)

# ux.md section 13: shape and word with every colour.
STATE_WORDS = {"ok": "Healthy", "watch": "Watch", "risk": "At risk", "down": "Down", "mute": "No report"}
WORST_FIRST = ("down", "risk", "watch", "mute", "ok")
# Weights of devices in a site's score, by kind (design/analysis.md, D10).
WEIGHT = {DeviceKind.FIREWALL: 3, DeviceKind.ROUTER: 3, DeviceKind.SWITCH: 2}
ABOVE_EDGE = 20


@dataclass(slots=True)
class DeviceRow:
    """One device as this viewer may see it; health and inventory are None where the category is not shared."""

    device: Device
    site: Site
    health: DeviceHealth | None = None
    inventory: DeviceInventory | None = None
    open_alerts: int = 0

    @property
    def state(self) -> str:
        return self.health.state if self.health else ""

    @property
    def state_word(self) -> str:
        return STATE_WORDS.get(self.state, "")


@dataclass(slots=True)
class SiteRow:
    """One site as this viewer may see it. score None: nothing reported, or health is not shared."""

    site: Site
    has_health: bool
    devices: int = 0
    healths: list[tuple[str, DeviceHealth]] = field(default_factory=list)  # kind of the device, what is known of it
    open_alerts: int = 0

    def add(self, kind: str, health: DeviceHealth | None) -> None:
        """A device in use at the site."""
        self.devices += 1
        if health is not None:
            self.healths.append((kind, health))

    @property
    def states(self) -> Counter[str]:
        return Counter(h.state for _, h in self.healths)

    @property
    def score(self) -> int | None:
        return mean_score([(h.score, kind) for kind, h in self.healths])

    @property
    def daily_scores(self) -> list[float]:
        return _mean_days([h.daily_scores for _, h in self.healths])

    def reporting(self, since: datetime) -> int:
        """How many devices have been heard since then."""
        return sum(1 for _, h in self.healths if h.last_seen_at and h.last_seen_at > since)

    @property
    def state(self) -> str:
        if self.states["down"]:
            return "down"
        return band(self.score) if self.has_health else ""

    @property
    def words(self) -> str:
        """'11 devices, 1 at risk', '5 devices, all fine'."""
        count = f"{self.devices} device{'' if self.devices == 1 else 's'}"
        if not self.has_health or not self.devices:
            return count
        troubled = [
            f"{self.states[s]} {STATE_WORDS[s].lower()}"
            for s in WORST_FIRST
            if s not in ("ok", "mute") and self.states[s]
        ]
        quiet = self.states["mute"]
        if quiet:
            troubled.append(f"{quiet} quiet")
        return f"{count}, {', '.join(troubled)}" if troubled else f"{count}, all fine"


def band(score: int | None) -> str:
    if score is None:
        return "mute"
    return "ok" if score >= 85 else "watch" if score >= 70 else "risk"


def devices(
    viewer: Viewer,
    *,
    sites: Iterable[UUID] | None = None,
    customer: UUID | None = None,
    search: str = "",
    state: str = "",
    kind: str = "",
    limit: int | None = None,
) -> list[DeviceRow]:
    """Devices in use, unhealthy first where health is shared, then by name."""
    found = Device.objects.visible_to(viewer).filter(retired_at=None)
    if sites is not None:
        found = found.filter(site__in=list(sites))
    if customer is not None:
        found = found.filter(customer=customer)
    if kind:
        found = found.filter(kind=kind)
    if search:
        found = found.filter(matches(viewer, search))
    if state:
        found = found.filter(pk__in=DeviceHealth.objects.visible_to(viewer).filter(state=state).values("device"))
    rows = {d.pk: DeviceRow(d, d.site) for d in found.select_related("site").order_by("label")}
    complete(viewer, rows)
    ordered = sorted(rows.values(), key=_urgency)
    return ordered if limit is None else ordered[:limit]


def complete(viewer: Viewer, rows: dict[UUID, DeviceRow]) -> None:
    """Add to rows by device what the viewer may see of health and inventory, in three queries."""
    _add_health(viewer, rows)
    _add_inventory(viewer, rows)


def matches(viewer: Viewer, search: str) -> Q:
    """A label may be found by everybody who sees it; serial, model and address only through the device list."""
    inventory = DeviceInventory.objects.visible_to(viewer).filter(
        Q(serial__icontains=search)
        | Q(model__icontains=search)
        | Q(hostname__icontains=search)
        | Q(software_version__icontains=search)
        | Q(address__startswith=search)
    )
    return Q(label__icontains=search) | Q(site__name__icontains=search) | Q(pk__in=inventory.values("device"))


def _urgency(row: DeviceRow) -> tuple[int, str]:
    return (-(row.health.urgency if row.health else -1), row.device.label.lower())


def _add_health(viewer: Viewer, rows: dict[UUID, DeviceRow]) -> None:
    for health in DeviceHealth.objects.visible_to(viewer).filter(device__in=rows):
        rows[health.device_id].health = health
    counts: Counter[UUID] = Counter(
        Alert.objects.visible_to(viewer).open().filter(device__in=rows).values_list("device", flat=True)
    )
    for pk, count in counts.items():
        rows[pk].open_alerts = count


def _add_inventory(viewer: Viewer, rows: dict[UUID, DeviceRow]) -> None:
    for inventory in DeviceInventory.objects.visible_to(viewer).filter(device__in=rows).defer("components"):
        rows[inventory.device_id].inventory = inventory


def sites(viewer: Viewer, *, customer: UUID | None = None, with_alerts: bool = False) -> list[SiteRow]:
    """The viewer's sites by name, each with what it may know of them. with_alerts: also how many are open, for one query more."""
    found = Site.objects.visible_to(viewer).filter(closed_at=None)
    if customer is not None:
        found = found.filter(customer=customer)
    rows = _site_rows(viewer, found.order_by("name"))
    places = {
        pk: (kind, site)
        for pk, kind, site in Device.objects.visible_to(viewer)
        .filter(retired_at=None, site__in=rows)
        .values_list("pk", "kind", "site")
    }
    healths = DeviceHealth.objects.visible_to(viewer).filter(device__in=places)
    of_device = {h.device_id: h for h in healths}
    for pk, (kind, site_id) in places.items():
        rows[site_id].add(kind, of_device.get(pk))
    if with_alerts:
        for site_id in Alert.objects.visible_to(viewer).open().filter(site__in=rows).values_list("site", flat=True):
            rows[site_id].open_alerts += 1
    return list(rows.values())


def sites_of(viewer: Viewer, found: Iterable[Site], devices: Iterable[DeviceRow]) -> list[SiteRow]:
    """The same for these sites, from rows of all their devices that are at hand already."""
    rows = _site_rows(viewer, found)
    for row in devices:
        rows[row.site.pk].add(row.device.kind, row.health)
    return list(rows.values())


def _site_rows(viewer: Viewer, found: Iterable[Site]) -> dict[UUID, SiteRow]:
    listed = list(found)
    if viewer.is_customer:  # all of its own
        return {s.pk: SiteRow(s, True) for s in listed}
    with_health = set(sites_visible_to(viewer, Category.HEALTH).values_list("pk", flat=True))
    return {s.pk: SiteRow(s, s.pk in with_health) for s in listed}


def mean_score(scores: Sequence[tuple[int | None, str]]) -> int | None:
    """Mean of (score, kind) weighted 3 edge, 2 switch, 1 other, never above the edge's own + 20; None without any score."""
    known = [(s, WEIGHT.get(DeviceKind(k), 1)) for s, k in scores if s is not None]
    if not known:
        return None
    mean = sum(s * w for s, w in known) / sum(w for _, w in known)
    edges = [s for s, w in known if w == 3]
    return round(min(mean, min(edges) + ABOVE_EDGE) if edges else mean)


def _mean_days(days: Sequence[Sequence[float]]) -> list[float]:
    """Means per day, newest last, over devices with histories of different length."""
    longest = max((len(d) for d in days), default=0)
    result = []
    for back in range(longest, 0, -1):
        values = [d[-back] for d in days if len(d) >= back and d[-back] is not None]
        if values:
            result.append(round(sum(values) / len(values), 1))
    return result


@dataclass(slots=True)
class AlertRow:
    """One alert with its device and site, and who has it in the words for this viewer."""

    alert: Alert
    device: Device
    site: Site
    taken: str = ""

    @property
    def severity_state(self) -> str:
        if self.alert.resolved_at:
            return "ok"
        return {Severity.CRITICAL: "down", Severity.MAJOR: "risk", Severity.WARNING: "watch"}.get(
            Severity(self.alert.severity), "mute"
        )


def alerts(
    viewer: Viewer, found: QuerySet[Alert], *, limit: int = 200, devices: Mapping[UUID, Device] | None = None
) -> list[AlertRow]:
    """Rows for a queryset from the door, with a query more for their devices unless those are at hand."""
    return alert_rows(viewer, list(found.select_related("claimed_by", "customer", "site")[:limit]), devices=devices)


def alert_rows(
    viewer: Viewer, listed: Sequence[Alert], *, devices: Mapping[UUID, Device] | None = None
) -> list[AlertRow]:
    """Rows for alerts that came through the door (with `claimed_by` and `customer` selected).

    Who may see an alert may see its site; its device may meanwhile be at another one.
    """
    known = devices if devices is not None else Device.objects.visible_to(viewer).in_bulk({a.device_id for a in listed})
    elsewhere = {a.site_id for a in listed if not Alert.site.is_cached(a)}
    sites = Site.objects.visible_to(viewer).in_bulk(elsewhere) if elsewhere else {}
    return [
        AlertRow(
            a,
            known.get(a.device_id) or Device(label="A device that moved"),
            sites[a.site_id] if a.site_id in elsewhere else a.site,
            alerting.who_has_it(a, viewer, a.customer.claim_words),
        )
        for a in listed
        if a.site_id not in elsewhere or a.site_id in sites
    ]


def verdict(rows: Sequence[SiteRow], urgent: Sequence[AlertRow]) -> dict[str, Any]:
    """The sentence of the first page: is all well, and if not, what needs a decision."""
    reporting = [r for r in rows if r.score is not None]
    if not reporting:
        return {"state": "mute", "headline": "No device has reported yet.", "score": None}
    score = round(
        sum((r.score or 0) * max(r.devices, 1) for r in reporting) / sum(max(r.devices, 1) for r in reporting)
    )
    down = sum(r.states["down"] for r in rows)
    serious = [a for a in urgent if a.alert.severity >= Severity.MAJOR]
    if down:
        headline = f"{down} device{'' if down == 1 else 's'} do{'es' if down == 1 else ''} not answer."
    elif score >= 85:
        headline = "Your network is in good shape."
    elif score >= 70:
        headline = "Your network needs some attention."
    else:
        headline = "Your network is at risk."
    count = len(serious)
    decision = f"{'One thing needs' if count == 1 else f'{count} things need'} a decision." if count else ""
    healthy = sum(1 for r in reporting if r.state == "ok")
    return {
        "state": "down" if down else band(score),
        "score": score,
        "headline": headline,
        "decision": decision,
        "healthy_sites": healthy,
        "sites": len(rows),
        "worst": serious[0] if serious else None,
    }


def newest_report(rows: Iterable[DeviceRow]) -> datetime | None:
    return max((r.health.last_seen_at for r in rows if r.health and r.health.last_seen_at), default=None)


def history(viewer: Viewer, alert: Alert) -> list[dict[str, Any]]:
    """What happened to an alert, as this viewer may read it: acts of other companies without names, notes or who (A18)."""
    rows = []
    for t in alert.transitions.select_related("by_user", "by_organization").order_by("at"):
        own = t.by_organization_id == viewer.organization_id
        by_detector = t.by_organization_id is None
        known = own or viewer.is_customer
        who = ""
        if not by_detector and known:
            who = ", ".join(x.name for x in (t.by_user, t.by_organization) if x is not None)
        words = t.get_kind_display()
        if t.kind == TransitionKind.CLAIMED and not known:
            words = "Someone has this already"
        rows.append({"at": t.at, "words": words, "note": t.note if known or by_detector else "", "who": who})
    return rows


def readable_comments(viewer: Viewer, found: QuerySet[AlertComment]) -> QuerySet[AlertComment]:
    """Comments this viewer may read: its own company's, those a customer wrote for partners, those partners wrote to the customer.

    A partner never reads another partner's; what a customer keeps to itself stays there. The database's policy says the same.
    """
    own = Q(author_organization=viewer.organization_id)
    if viewer.preview_of is not None:  # what a partner wrote for itself is not shown to who looks in its place
        return found.filter(audience=CommentAudience.PARTNERS)
    if viewer.is_customer:
        return found.filter(own | Q(audience=CommentAudience.CUSTOMER) | Q(audience=CommentAudience.PARTNERS))
    return found.filter(own | Q(audience=CommentAudience.PARTNERS))
