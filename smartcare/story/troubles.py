"""At each site an open alert with its forecast, a resolved one whose forecast has been graded, and what people said to them.

They happened before the story was told, on routers that a collector speaks for: what the reporting devices say later is
for the detectors alone to judge, and changes none of these.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from smartcare.story import canaries, credentials
from smartcare.story.cast import HEALTH, TRAFFIC
from smartcare.story.equipment import SITES
from smartcare.story.world import World
from telemetry import alerting
from telemetry.models import (
    Alert,
    AlertTransition,
    CommentAudience,
    DeviceHealth,
    Forecast,
    Grade,
    Severity,
    TrafficFigures,
    TransitionKind,
)

OPEN_SINCE = timedelta(hours=5)
RESOLVED = timedelta(days=6)
HOURS_SHOWN = 48


@dataclass(frozen=True, slots=True)
class Spot:
    """One site of one customer, and the router there."""

    world: World
    customer: str
    site: str

    @property
    def router(self) -> str:
        return f"rt-{self.site}"

    @property
    def boss(self) -> str:
        return {"acme": "ada", "globex": "gwen"}[self.customer]

    def row_id(self, name: str) -> Any:
        return credentials.row_id(self.world.organizations[self.customer].pk, f"{name}:{self.site}")

    def marked(self, what: str) -> str:
        return canaries.at_site(self.customer, self.site, HEALTH, what)

    @property
    def place(self) -> dict[str, Any]:
        device = self.world.devices[self.router]
        return {"customer_id": device.customer_id, "device": device, "site_id": device.site_id}

    @property
    def ground(self) -> dict[str, Any]:
        return {name: value for name, value in self.place.items() if name != "device"}


def happen(world: World) -> None:
    for customer, site in SITES:
        spot = Spot(world, customer, site)
        with world.job(customer):
            opened = _open_one(spot)
            resolved = _resolved_one(spot)
            _lower_health(spot, opened)
        _comment(spot, opened, resolved)


def _open_one(spot: Spot) -> Alert:
    """Storage that will be full in four days."""
    now = timezone.now()
    alert = Alert(
        id=spot.row_id("open"),
        rule="flash_exhaustion",
        subject="disk/flash",
        severity=Severity.MAJOR,
        title=f"Storage is filling up {spot.marked('open')}",
        evidence=_evidence(now) | {"note": f"Log files grow {spot.marked('evidence')}"},
        eta_lo=now + timedelta(days=2),
        eta=now + timedelta(days=4),
        eta_hi=now + timedelta(days=7),
        opened_at=now - OPEN_SINCE,
        updated_at=now - OPEN_SINCE,
        observed_at=now - OPEN_SINCE - timedelta(minutes=5),
        **spot.place,
    )
    alert.save(force_insert=True)
    _note(spot, alert, TransitionKind.OPENED, alert.opened_at)
    _forecast(spot, alert, level=84.0, limit=99.0, unit="%", evidence=alert.evidence)
    return alert


def _evidence(now: datetime) -> dict[str, Any]:
    """As the detector of rising quantities leaves it: hour values, and the line through them."""
    a_day = 3.6
    values = [round(84.0 - a_day / 24 * (HOURS_SHOWN - 1 - hour), 2) for hour in range(HOURS_SHOWN)]
    return {
        "window_d": 2,
        "slope_a_day": a_day,
        "slope_range": [3.1, 4.2],
        "z": 5.6,
        "level": values[-1],
        "limit": 99.0,
        "limit_origin": "fixed",
        "unit": "%",
        "values": values,
        "step_s": 3600,
        "until": round(now.timestamp()) // 3600 * 3600,
    }


def _resolved_one(spot: Spot) -> Alert:
    """An uplink that was to be full, and was widened in time. Its figures are traffic, the sentence is health."""
    now = timezone.now()
    alert = Alert(
        id=spot.row_id("resolved"),
        rule="uplink_capacity",
        subject="if/wan1",
        severity=Severity.WARNING,
        title=f"The uplink is filling up in opening hours {spot.marked('resolved')}",
        eta_lo=now - timedelta(days=1),
        eta=now + timedelta(days=3),
        eta_hi=now + timedelta(days=9),
        opened_at=now - timedelta(days=12),
        updated_at=now - RESOLVED,
        observed_at=now - timedelta(days=12),
        resolved_at=now - RESOLVED,
        resolution="handled",
        **spot.place,
    )
    alert.save(force_insert=True)
    _note(spot, alert, TransitionKind.OPENED, alert.opened_at)
    _note(spot, alert, TransitionKind.RESOLVED, now - RESOLVED, note=f"The line was widened {spot.marked('note')}")
    note = canaries.at_site(spot.customer, spot.site, TRAFFIC, "figures")
    TrafficFigures(
        id=spot.row_id("figures"),
        alert=alert,
        figures={"level": 71.0, "limit": 80.0, "unit": "%", "growth_a_week": 6.2, "note": f"Download at noon {note}"},
        **spot.ground,
    ).save(force_insert=True)
    reason = f"The line is wider than it was {spot.marked('grade')}"
    _forecast(spot, alert, evidence={}, grade=Grade.AVERTED, graded_at=now - RESOLVED, grade_reason=reason)
    return alert


def _note(spot: Spot, alert: Alert, kind: TransitionKind, at: datetime, *, note: str = "") -> None:
    """A change of the past: nobody is told of it anew, so no work is queued for it."""
    by = spot.world.viewers[spot.boss] if kind == TransitionKind.RESOLVED else None
    AlertTransition(
        id=spot.row_id(f"{kind}:{alert.rule}"),
        alert=alert,
        at=at,
        kind=kind,
        severity=alert.severity,
        eta=alert.eta,
        by_user=by.user if by else None,
        by_organization=by.organization if by else None,
        note=note or f"Seen by the story {spot.marked('transition')}",
        **spot.ground,
    ).save(force_insert=True)


def _forecast(spot: Spot, alert: Alert, **facts: Any) -> None:
    early, likely, late = alert.eta_lo, alert.eta, alert.eta_hi
    assert early is not None
    assert likely is not None
    assert late is not None
    Forecast(
        id=spot.row_id(f"forecast:{alert.rule}"),
        alert=alert,
        rule=alert.rule,
        subject=alert.subject,
        made_at=alert.opened_at,
        updated_at=alert.updated_at,
        eta_lo=early,
        eta=likely,
        eta_hi=late,
        first_eta_lo=early - timedelta(hours=8),
        first_eta=likely - timedelta(hours=6),
        first_eta_hi=late,
        **facts,
        **spot.place,
    ).save(force_insert=True)


def _lower_health(spot: Spot, alert: Alert) -> None:
    DeviceHealth.unscoped.filter(device=alert.device_id).update(
        state="watch", score=75, urgency=25, reasons=[[alert.title, 25]]
    )


def _comment(spot: Spot, opened: Alert, resolved: Alert) -> None:
    by = spot.world.viewers[spot.boss]
    with spot.world.acting(spot.boss):
        for alert, word in ((opened, "open"), (resolved, "resolved")):
            inside = f"Ask the bookkeepers first. {canaries.inside(spot.customer, f'comment-{spot.site}-{word}')}"
            alerting.comment(alert, text=inside, audience=CommentAudience.COMPANY, by=by)
            shared = f"The room is open from eight. {spot.marked(f'comment-{word}')}"
            alerting.comment(alert, text=shared, audience=CommentAudience.PARTNERS, by=by)
