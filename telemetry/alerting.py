"""The state machine of alerts: open, update, resolve by findings; take, snooze, mark handled by people. Every change is a
transition, and each queues "transition.recorded" in the same transaction: what is told to whom is decided elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from access.errors import Ended, Invalid, require
from access.models import ClaimWords, Organization
from access.viewer import Viewer
from telemetry import jobs
from telemetry.analysis.findings import Finding
from telemetry.models import (
    Alert,
    AlertComment,
    AlertTransition,
    CommentAudience,
    Forecast,
    Severity,
    TrafficFigures,
    TransitionKind,
)

SEVERITIES = {s.word: s for s in Severity}
# Rules whose figures are traffic: the sentence is health, the numbers under it are not.
TRAFFIC_RULES = {"uplink_capacity"}
REOPEN_WITHIN = timedelta(hours=24)
# A date is a new date only if it moved by more than this share of the time left; otherwise every report would be a transition.
DATE_MOVED = 0.25
SNOOZE_AT_MOST = timedelta(days=90)
EVENT = "transition.recorded"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a finding belongs."""

    customer_id: UUID
    site_id: UUID
    device_id: UUID


def apply(
    place: Place,
    findings: Sequence[Finding],
    *,
    observed_at: datetime,
    muted: bool = False,
    rules: frozenset[str] | None = None,
) -> list[Alert]:
    """Bring a device's alerts to what holds now; findings that are gone resolve their alerts. Returns alerts that changed.

    muted: raise nothing new (maintenance, history older than a day), but go on updating and resolving.
    rules: the rules this caller speaks for (None: all but silence's); alerts of others are left alone.
    """
    current = {
        (a.rule, a.subject): a
        for a in Alert.unscoped.select_for_update().filter(device=place.device_id, resolved_at=None)
    }
    holding = {(f.kind, f.subject): f for f in findings}
    changed = []
    for key, finding in holding.items():
        alert = current.get(key)
        if alert is not None:
            changed += [alert] if _update(alert, finding) else []
        elif not muted:
            changed.append(_open(place, finding, observed_at))
    for key, alert in current.items():
        spoken_for = alert.rule not in GROUP_RULES if rules is None else alert.rule in rules
        if spoken_for and key not in holding:
            _resolve(alert, resolution="cleared")
            changed.append(alert)
    return changed


# Raised by the dead-man's switch, which looks at the clock and not at samples.
GROUP_RULES = frozenset({"device_silent", "site_down", "collector_silent"})


def _open(place: Place, finding: Finding, observed_at: datetime) -> Alert:
    recent: Alert | None = (
        Alert.unscoped.filter(
            device=place.device_id, site=place.site_id, rule=finding.kind, subject=finding.subject, resolution="cleared"
        )
        .filter(resolved_at__gt=Now() - REOPEN_WITHIN)
        .order_by("-resolved_at")
        .first()
    )
    if recent is not None:
        recent.resolved_at = None
        recent.resolution = ""
        _write(recent, finding)
        _record(recent, TransitionKind.REOPENED)
        return recent
    alert: Alert = Alert(
        customer_id=place.customer_id,
        site_id=place.site_id,
        device_id=place.device_id,
        rule=finding.kind,
        subject=finding.subject,
        observed_at=observed_at,
        severity=SEVERITIES[finding.severity],
        title=finding.title,
    )
    alert.save(force_insert=True)
    _write(alert, finding)
    _record(alert, TransitionKind.OPENED)
    return alert


def _update(alert: Alert, finding: Finding) -> bool:
    """Write the newest figures; a transition only when severity changes or the date really moves."""
    severity, before, eta_before = SEVERITIES[finding.severity], alert.severity, alert.eta
    _write(alert, finding)
    if severity > before:
        _record(alert, TransitionKind.RAISED)
    elif severity < before:
        _record(alert, TransitionKind.LOWERED)
    elif _moved(eta_before, alert.eta):
        _record(alert, TransitionKind.DATED)
    else:
        return False
    return True


def _moved(before: datetime | None, after: datetime | None) -> bool:
    if before is None or after is None:
        return before is not after
    left = max((before - timezone.now()).total_seconds(), 6 * 3600.0)
    return abs((after - before).total_seconds()) > DATE_MOVED * left


def _write(alert: Alert, finding: Finding) -> None:
    alert.rule_version = int(finding.version)
    alert.severity = SEVERITIES[finding.severity]
    alert.title = finding.title
    alert.eta_lo, alert.eta, alert.eta_hi = (_time(t) for t in (finding.eta_lo, finding.eta, finding.eta_hi))
    alert.evidence = {} if finding.kind in TRAFFIC_RULES else dict(finding.evidence)
    alert.updated_at = Now()
    alert.save()
    alert.refresh_from_db(fields=["updated_at", "opened_at"])
    if finding.kind in TRAFFIC_RULES:
        TrafficFigures.unscoped.update_or_create(
            alert=alert,
            defaults={"customer_id": alert.customer_id, "site_id": alert.site_id, "figures": dict(finding.evidence)},
        )
    if alert.eta is not None:
        _forecast(alert, finding)


def _forecast(alert: Alert, finding: Finding) -> None:
    """The alert owns one forecast; its first dates stay, so that it can be graded by what it said at first and at last."""
    traffic = finding.kind in TRAFFIC_RULES
    level, limit = finding.evidence.get("level"), finding.evidence.get("limit")
    values: dict[str, Any] = {
        "eta_lo": alert.eta_lo or alert.eta,
        "eta": alert.eta,
        "eta_hi": alert.eta_hi or alert.eta,
        "level": None if traffic else level,
        "limit": None if traffic else limit,
        "unit": str(finding.evidence.get("unit", "")),
        "evidence": {} if traffic else dict(finding.evidence),
        "updated_at": Now(),
    }
    if Forecast.unscoped.filter(alert=alert).update(**values) == 0:
        Forecast(
            customer_id=alert.customer_id,
            alert=alert,
            device_id=alert.device_id,
            site_id=alert.site_id,
            rule=alert.rule,
            subject=alert.subject,
            first_eta_lo=values["eta_lo"],
            first_eta=values["eta"],
            first_eta_hi=values["eta_hi"],
            **{k: v for k, v in values.items() if k != "updated_at"},
        ).save(force_insert=True)


def _resolve(alert: Alert, *, resolution: str, by: Viewer | None = None, note: str = "") -> None:
    changed = Alert.unscoped.filter(pk=alert.pk, resolved_at=None).update(
        resolved_at=Now(), resolution=resolution, snoozed_until=None
    )
    if changed == 0:
        raise Ended("This alert is resolved already")
    alert.refresh_from_db(fields=["resolved_at", "resolution", "snoozed_until"])
    _record(alert, TransitionKind.RESOLVED, by=by, note=note)


def _record(alert: Alert, kind: TransitionKind, *, by: Viewer | None = None, note: str = "") -> AlertTransition:
    transition = AlertTransition(
        customer_id=alert.customer_id,
        alert=alert,
        site_id=alert.site_id,
        kind=kind,
        severity=alert.severity,
        eta=alert.eta,
        by_user=by.user if by else None,
        by_organization=by.organization if by else None,
        note=note[:300],
    )
    transition.save(force_insert=True)
    jobs.enqueue(EVENT, customer=alert.customer_id, ref=transition.pk)
    return transition


def _time(epoch: float | None) -> datetime | None:
    return None if epoch is None else datetime.fromtimestamp(epoch, UTC)


# ---- what people do -------------------------------------------------------------------------------------------------------


def _locked(alert: Alert) -> Alert:
    row: Alert = Alert.unscoped.select_for_update(of=("self",)).select_related("claimed_by").get(pk=alert.pk)
    if row.resolved_at is not None:
        raise Ended("This alert is resolved already")
    return row


@transaction.atomic
def acknowledge(alert: Alert, *, by: Viewer) -> Alert:
    """Somebody has seen it. Raises NotAllowed, Ended."""
    require(by.may_answer, "Your role may look at alerts but not answer them")
    row = _locked(alert)
    if row.acknowledged_at is None:
        row.acknowledged_at, row.acknowledged_by = Now(), by.user
        row.save(update_fields=["acknowledged_at", "acknowledged_by"])
        _record(row, TransitionKind.ACKNOWLEDGED, by=by)
    row.refresh_from_db()
    return row


@transaction.atomic
def claim(alert: Alert, *, by: Viewer) -> Alert:
    """ "We have it." Raises NotAllowed, Ended, also when another organization has it."""
    require(by.may_answer, "Your role may look at alerts but not take them")
    row = _locked(alert)
    if row.claimed_by_id not in (None, by.organization_id):
        raise Ended("Someone has this already")
    if row.claimed_by_id is None:
        row.claimed_by, row.claimed_at = by.organization, Now()
        if row.acknowledged_at is None:
            row.acknowledged_at, row.acknowledged_by = Now(), by.user
        row.save(update_fields=["claimed_by", "claimed_at", "acknowledged_at", "acknowledged_by"])
        _record(row, TransitionKind.CLAIMED, by=by)
    row.refresh_from_db()
    return row


@transaction.atomic
def release(alert: Alert, *, by: Viewer) -> Alert:
    """Give a taken alert up; its taker, or the customer, may. Raises NotAllowed, Ended."""
    row = _locked(alert)
    require(
        by.may_answer and (by.is_customer or row.claimed_by_id == by.organization_id),
        "Only who has taken it can give it up",
    )
    if row.claimed_by_id is not None:
        row.claimed_by = row.claimed_at = None
        row.save(update_fields=["claimed_by", "claimed_at"])
        _record(row, TransitionKind.RELEASED, by=by)
    return row


@transaction.atomic
def snooze(alert: Alert, *, until: datetime, by: Viewer) -> Alert:
    """Not before then. Raises NotAllowed, Ended, Invalid."""
    require(by.may_answer, "Your role may look at alerts but not snooze them")
    now = timezone.now()
    if not now < until <= now + SNOOZE_AT_MOST:
        raise Invalid("Choose a time within the next 90 days", "until")
    row = _locked(alert)
    row.snoozed_until = until
    row.save(update_fields=["snoozed_until"])
    _record(row, TransitionKind.SNOOZED, by=by)
    return row


@transaction.atomic
def resolve(alert: Alert, *, by: Viewer, resolution: str = "handled", note: str = "", feedback: str = "") -> Alert:
    """Mark handled (or ignored, with a reason). If the trouble goes on, it is raised anew. Raises NotAllowed, Ended, Invalid."""
    require(by.may_answer, "Your role may look at alerts but not close them")
    if resolution == "ignored" and not note.strip():
        raise Invalid("Say why it can be ignored", "note")
    row = _locked(alert)
    if feedback:
        row.feedback = feedback
        row.save(update_fields=["feedback"])
    _resolve(row, resolution=resolution, by=by, note=note)
    row.refresh_from_db()
    return row


@transaction.atomic
def comment(alert: Alert, *, text: str, audience: CommentAudience, by: Viewer) -> AlertComment:
    """A note for one's own company, or from the customer to partners, or from a partner to the customer. Raises NotAllowed, Invalid."""
    require(by.may_answer and by.organization is not None, "Your role may look at alerts but not comment")
    text = text.strip()
    if not text:
        raise Invalid("Write something first", "text")
    allowed = {CommentAudience.COMPANY, CommentAudience.PARTNERS if by.is_customer else CommentAudience.CUSTOMER}
    if audience not in allowed:
        raise Invalid("You cannot write to these readers", "audience")
    row = AlertComment(
        customer_id=alert.customer_id,
        alert=alert,
        site_id=alert.site_id,
        author_organization=by.organization,
        author=by.user,
        author_name=by.name[:160],
        audience=audience,
        text=text[:4000],
    )
    row.save(force_insert=True)
    return row


def who_has_it(alert: Alert, viewer: Viewer, words: str) -> str:
    """How the taker of an alert is named to this viewer; '' if nobody has it.

    words: the customer's choice (ClaimWords). The default sentence is the same whoever took it, so no partner learns of another.
    """
    if alert.claimed_by_id is None:
        return ""
    if viewer.organization_id == alert.claimed_by_id:
        return "You have this"
    taker: Organization | None = alert.claimed_by
    if viewer.is_customer or words == ClaimWords.NAME:
        return f"{taker.name} has this" if taker else ClaimWords.SOMEONE.label
    if words == ClaimWords.PROVIDER and alert.claimed_by_id != alert.customer_id:
        return ClaimWords.PROVIDER.label
    return ClaimWords.SOMEONE.label
