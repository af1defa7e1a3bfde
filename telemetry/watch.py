"""Analyse what arrived (T3): read on from each device's cursor, let the detectors speak, bring alerts and health up to date.

One transaction for a batch of devices of any customers; its work flags are removed only if nothing newer came meanwhile. All effects
are in one database, so a batch that dies has had none, and one that is done twice changes nothing the second time.
"""

import json
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from access.failpoints import failpoint
from access.models import Category
from access.principal import principal
from telemetry import alerting, facts, lifecycle, samples
from telemetry.analysis import engine, health
from telemetry.analysis.context import Context, Support
from telemetry.analysis.detectors import level
from telemetry.analysis.facts import STATES, DeviceFacts, Event, Interval, SeriesData, SeriesKey
from telemetry.analysis.findings import Finding
from telemetry.models import (
    Alert,
    AnalysisDue,
    DetectorState,
    Device,
    DeviceHealth,
    DeviceInventory,
    Maintenance,
    ModelLifecycle,
    Severity,
)

log = structlog.get_logger(__name__)
BATCH = 250
MOST_ATTEMPTS = 5
# Older data is history: it teaches the detectors, but raises nothing new (design/ingest.md, 2.7).
TOO_LATE = timedelta(hours=24)
DAYS_KEPT = 90
URGENCY = {"down": 200, "mute": 0}
REACHABLE, DOWN = "device.reachable", float(STATES["device.reachable"].index("down"))
# Either of them among a device's reasons: the last that was heard of it is that it does not answer.
UNREACHED = frozenset({health.NOT_REACHED, level.STATEMENTS[REACHABLE, "down"].title})


class LeaseLost(Exception):
    """Another worker has these devices: nothing we did may count."""


@dataclass(frozen=True, slots=True)
class Due:
    """A device this process owns until its lease ends."""

    device_id: UUID
    customer_id: UUID
    touched: int
    token: UUID
    attempts: int


@dataclass(slots=True)
class Subject:
    """One device with all that its analysis needs."""

    due: Due
    device: Device
    zone: str
    state: DetectorState
    interval_s: int
    last_seen: datetime
    series: Mapping[SeriesKey, SeriesData] = field(default_factory=dict)
    events: tuple[Event, ...] = ()
    maintenance: tuple[Interval, ...] = ()
    up_to: int = 0
    more: bool = False
    support: Support | None = None

    @property
    def newest(self) -> float | None:
        return max((float(s.t[-1]) for s in self.series.values() if s.t.size), default=None)

    @property
    def reached(self) -> tuple[float, bool] | None:
        """When, and whether, it was last said to answer; None if its news do not say."""
        told = [
            (float(s.t[-1]), bool(s.v[-1] != DOWN))
            for k, s in self.series.items()
            if k.metric == REACHABLE and s.t.size
        ]
        return max(told, default=None)


def analyse_due(limit: int = BATCH) -> int:
    """Claim devices with news and analyse them, until none is due or the task's time runs short. Returns how many were claimed."""
    claimed = 0
    stop = time.monotonic() + 10.0
    while time.monotonic() < stop:
        due = claim(limit)
        claimed += len(due)
        if due:
            run(due)
        if len(due) < limit and all(
            d.attempts == 1 for d in due
        ):  # of others one alone was tried: the rest is due again
            break
    return claimed


def claim(limit: int) -> list[Due]:
    """T2: in a transaction of its own, so that a batch that kills its process is counted."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT device_id, customer_id, touched, token, attempts FROM claim_analysis(%s)", [limit])
        found = [Due(*row) for row in cursor.fetchall()]
    if found:
        failpoint("analysis.claimed")
    return found


def run(due: Sequence[Due]) -> None:
    """Those claimed for the first time at once. Of the others, whose last claim came to nothing, one, and alone: the batch
    may have died of any of them, and none is to answer for another. The rest goes back for the next claim."""
    for poison in filter(_is_to_rest, due):
        _set_aside(poison, "given up after five attempts", hours=1)
    suspects = [d for d in due if d.attempts > 1 and not _is_to_rest(d)]
    _give_back(suspects[1:])
    _attempt([d for d in due if d.attempts == 1])
    _attempt(suspects[:1])


def _is_to_rest(due: Due) -> bool:
    """Whether the last of its attempts has come to nothing, or killed its process. After each rest it has one more: the cause
    may have been put right meanwhile."""
    return due.attempts > MOST_ATTEMPTS and (due.attempts - MOST_ATTEMPTS) % 2 == 1


def _give_back(due: Sequence[Due]) -> None:
    """Not tried, so not counted, but suspects still."""
    if not due:
        return
    with principal(kind="job", customers={d.customer_id for d in due}):
        for d in sorted(due, key=_in_order):
            AnalysisDue.objects.filter(device=d.device_id, token=d.token).update(
                run_at=Now(), lease_until=None, attempts=F("attempts") - 1
            )


def _attempt(good: Sequence[Due]) -> None:
    """All at once; if that fails, each device alone, so that one that cannot be analysed does not hold up the others."""
    try:
        analyse(good)
        return
    except LeaseLost:
        log.warning("analysis.lease_lost", devices=len(good))
        return
    except Exception as error:
        log.exception("analysis.batch_failed", devices=len(good))
        if len(good) == 1:
            _set_aside(good[0], repr(error), hours=int(good[0].attempts > MOST_ATTEMPTS))
            return
    for one in good:
        _attempt([one])


def _in_order(due: Due) -> bytes:
    """As the front door takes the flags of several devices: in one order nobody waits in a ring."""
    return due.device_id.bytes


def _set_aside(due: Due, error: str, *, hours: int) -> None:
    """Tried again later; the reports stay stored, and new ones do not shorten the wait. An hour's rest after five failures,
    with an alarm each time."""
    if hours:
        log.error("analysis.dead", device=str(due.device_id), attempts=due.attempts)
    wait = timedelta(hours=hours) if hours else timedelta(seconds=2**due.attempts)
    changes: dict[str, Any] = {"run_at": Now() + wait, "lease_until": None, "last_error": error[:300]}
    if due.attempts > MOST_ATTEMPTS and not _is_to_rest(due):
        changes["attempts"] = F("attempts") - 1  # its one try was this: the next claim is the next try
    with principal(kind="job", customers=[due.customer_id]):
        AnalysisDue.objects.filter(device=due.device_id, token=due.token).update(**changes)


def analyse(due: Sequence[Due]) -> None:
    """T3 for a batch. Raises LeaseLost."""
    if not due:
        return
    with principal(kind="job", customers={d.customer_id for d in due}):
        subjects = _gather(due)
        _keep([_advance(subject) for subject in subjects])
        _release(due, unfinished={s.due.device_id for s in subjects if s.more})
        failpoint("analysis.before_commit")
    failpoint("analysis.committed")


def _gather(due: Sequence[Due]) -> list[Subject]:
    ids = sorted(d.device_id for d in due)
    flags = dict(AnalysisDue.objects.filter(device__in=ids).values_list("device", "since"))
    devices = {d.pk: d for d in Device.unscoped.filter(pk__in=ids).select_related("site")}
    states = _states(ids, devices)
    facts.apply_waiting(devices.values())
    intervals = dict(DeviceHealth.unscoped.filter(device__in=ids).values_list("device", "interval_s"))
    supports = _supports(ids)
    subjects = [
        Subject(
            due=d,
            device=devices[d.device_id],
            zone=devices[d.device_id].site.timezone,
            state=states[d.device_id],
            interval_s=intervals.get(d.device_id) or 300,
            last_seen=flags.get(d.device_id) or timezone.now(),
            support=supports.get(d.device_id),
        )
        for d in due
        if d.device_id in devices
    ]
    _read_news(subjects)
    _read_maintenance(subjects)
    return subjects


def _states(ids: Sequence[UUID], devices: Mapping[UUID, Device]) -> dict[UUID, DetectorState]:
    """The state rows, locked in the order of the devices; a device's first report makes its row."""
    locked = DetectorState.unscoped.select_for_update().filter(device__in=ids).order_by("device")
    found = {s.device_id: s for s in locked}
    if missing := [d for pk, d in devices.items() if pk not in found]:
        rows = [DetectorState(customer_id=d.customer_id, device=d, site_id=d.site_id) for d in missing]
        DetectorState.unscoped.bulk_create(rows, ignore_conflicts=True)
        found |= {s.device_id: s for s in locked.filter(device__in=missing)}
    return found


def _read_news(subjects: Sequence[Subject]) -> None:
    by_stay = {s.device.stay_number: s for s in subjects}
    cursors = {stay: s.state.read_up_to for stay, s in by_stay.items()}
    found = samples.news(cursors, devices=[s.device.pk for s in subjects])
    samples.keep_latest({stay: news.health for stay, news in found.items()}, Category.HEALTH)
    samples.keep_latest({stay: news.traffic for stay, news in found.items()}, Category.TRAFFIC)
    for stay, subject in by_stay.items():
        news = found.get(stay)
        if news is None:
            subject.up_to = subject.state.read_up_to
            continue
        subject.series = {**news.health.series, **news.traffic.series}
        subject.up_to, subject.more = news.up_to, news.more
        subject.interval_s = news.interval_s or subject.interval_s
        events = [Event(e.at, f"{e.code} {e.text}".strip(), e.seen_at, e.component) for e in news.events]
        subject.events = tuple(sorted(events, key=lambda e: e.at))


def _read_maintenance(subjects: Sequence[Subject]) -> None:
    sites = {s.device.site_id for s in subjects}
    recent = timezone.now() - timedelta(days=8)
    rows = list(Maintenance.unscoped.filter(site__in=sites, ends_at__gt=recent))
    for s in subjects:
        s.maintenance = tuple(
            Interval(m.starts_at.timestamp(), m.ends_at.timestamp())
            for m in rows
            if m.site_id == s.device.site_id and m.device_id in (None, s.device.pk)
        )


def _supports(ids: Sequence[UUID]) -> dict[UUID, Support]:
    """Lifecycle dates of the devices' models, where the catalogue has them."""
    rows = DeviceInventory.unscoped.filter(device__in=ids).values_list("device", "vendor", "model")
    models = {pk: (vendor, model) for pk, vendor, model in rows}
    known = lifecycle.rows(models.values())
    return {pk: _support(known[model]) for pk, model in models.items() if model in known}


def _support(row: ModelLifecycle) -> Support:
    def epoch(day: Any) -> float | None:
        return None if day is None else datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()

    return Support(end_of_support=epoch(row.end_of_support), end_of_security_fixes=epoch(row.end_of_security_fixes))


@dataclass(frozen=True, slots=True)
class Advanced:
    """A device with what the detectors made of its news. observed: time of its newest sample, None if it brought none."""

    subject: Subject
    result: engine.Advance
    observed: datetime | None
    at: datetime


def _advance(subject: Subject) -> Advanced:
    """Ask the detectors. Reads and writes nothing."""
    now = timezone.now()
    block = DeviceFacts(
        device_id=str(subject.device.pk),
        kind=subject.device.kind,  # type: ignore[arg-type]
        interval_s=subject.interval_s,
        timezone=subject.zone,
        series=subject.series,
        events=subject.events,
        maintenance=subject.maintenance,
        sequence=subject.up_to,
    )
    context = Context(warm_up_s=settings.ANALYSIS_WARM_UP_S, support=subject.support)
    result = engine.advance(bytes(subject.state.blob) or None, block, now.timestamp(), context)
    newest = subject.newest
    return Advanced(subject, result, datetime.fromtimestamp(newest, UTC) if newest else None, now)


def _keep(done: Sequence[Advanced]) -> None:
    """Alerts, states and health of all of them. Few devices have something to tell, so only those are asked alone."""
    devices = [d.subject.device for d in done]
    ringing = set(Alert.unscoped.filter(device__in=devices, resolved_at=None).values_list("device", flat=True))
    for d in done:
        if d.result.findings or d.subject.device.pk in ringing:
            _tell(d)
    _keep_states(done)
    refresh_health(
        devices,
        seen={d.subject.device.pk: d.subject.last_seen for d in done},
        sampled={d.subject.device.pk: d.observed for d in done},
        intervals={d.subject.device.pk: d.subject.interval_s for d in done},
        reached={d.subject.device.pk: said for d in done if (said := d.subject.reached)},
    )


def _tell(d: Advanced) -> None:
    device, observed = d.subject.device, d.observed or d.at
    muted = d.at - observed > TOO_LATE or any(i.holds(d.at.timestamp()) for i in d.subject.maintenance)
    place = alerting.Place(device.customer_id, device.site_id, device.pk)
    alerting.apply(place, d.result.findings, observed_at=min(observed, d.at), muted=muted)


def _keep_states(done: Sequence[Advanced]) -> None:
    rows = [
        (
            d.subject.state.pk,
            d.subject.device.site_id,
            d.result.state,
            d.result.expected,
            max(d.subject.up_to, d.subject.state.read_up_to),
        )
        for d in done
    ]
    _change(
        "UPDATE telemetry_detectorstate s SET site_id = r.site, blob = r.state, expected = r.expected, read_up_to = r.up_to,"
        " updated_at = statement_timestamp()"
        " FROM unnest(%s::uuid[], %s::uuid[], %s::bytea[], %s::bytea[], %s::bigint[]) AS r (id, site, state, expected, up_to)"
        " WHERE s.id = r.id",
        rows,
    )


def _change(statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """One statement for all rows, given to it as one array for each column."""
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(statement, [list(column) for column in zip(*rows, strict=True)])


def refresh_health(
    devices: Iterable[Device],
    *,
    seen: Mapping[UUID, datetime] | None = None,
    sampled: Mapping[UUID, datetime | None] | None = None,
    intervals: Mapping[UUID, int] | None = None,
    reached: Mapping[UUID, tuple[float, bool]] | None = None,
) -> None:
    """Score of each device from its open alerts, with the reasons that add up to it; one value a day is kept for the trend.

    reached: when (epoch seconds) and whether a device was last said to answer, where its news say so.
    """
    rows = {d.pk: d for d in devices}
    held: dict[UUID, list[Alert]] = {pk: [] for pk in rows}
    for alert in Alert.unscoped.filter(device__in=rows, resolved_at=None):
        held[alert.device_id].append(alert)
    now = timezone.now()
    changed = []
    for row in DeviceHealth.unscoped.select_for_update().filter(device__in=rows).order_by("device"):
        last_seen = max(filter(None, [row.last_seen_at, (seen or {}).get(row.device_id)]), default=None)
        findings = [_as_finding(a) for a in held[row.device_id]]
        explained = frozenset((a.rule, a.subject) for a in held[row.device_id] if a.explained_by_id)
        score = health.device_score(
            findings, last_seen=last_seen.timestamp() if last_seen else None, now=now.timestamp(), explained=explained
        )
        value = None if score.value is None else round(score.value)
        row.daily_scores = _with_today(row.daily_scores, value, same_day=row.updated_at.date() == now.date())
        is_unreached = _is_unreached(row, (reached or {}).get(row.device_id))
        row.score, row.state = value, health.not_reached(score.band) if is_unreached else score.band
        row.urgency = URGENCY.get(row.state, _urgency(row.state, value or 0))
        row.reasons = [
            [r.finding.title if r.finding else "Readings unlike this device's own", round(r.points, 1)]
            for r in score.reasons
        ]
        if is_unreached and not UNREACHED & {text for text, _ in row.reasons}:
            row.reasons.append([health.NOT_REACHED, 0])  # costs no points before the alert does
        row.last_seen_at = last_seen
        row.last_sample_at = max(filter(None, [row.last_sample_at, (sampled or {}).get(row.device_id)]), default=None)
        row.interval_s = (intervals or {}).get(row.device_id, row.interval_s)
        row.updated_at = now
        changed.append(row)
    _keep_health(changed)


def _is_unreached(row: DeviceHealth, told: tuple[float, bool] | None) -> bool:
    """By what was said last; a report that comes late says nothing of now."""
    if told is None or (row.last_sample_at is not None and told[0] < row.last_sample_at.timestamp()):
        return bool(UNREACHED & {text for text, _ in row.reasons})
    return not told[1]


def _urgency(state: str, value: int) -> int:
    """A device to be watched comes before every healthy one, whatever its number."""
    return 100 - (min(value, int(health.HEALTHY) - 1) if state == "watch" else value)


def _keep_health(rows: Sequence[DeviceHealth]) -> None:
    _change(
        "UPDATE telemetry_devicehealth h SET score = r.score, state = r.state, urgency = r.urgency, reasons = r.reasons,"
        " daily_scores = r.daily_scores, last_seen_at = r.seen, last_sample_at = r.sampled, interval_s = r.interval_s,"
        " updated_at = r.at FROM unnest(%s::uuid[], %s::int[], %s::text[], %s::int[], %s::jsonb[], %s::jsonb[],"
        " %s::timestamptz[], %s::timestamptz[], %s::int[], %s::timestamptz[])"
        " AS r (id, score, state, urgency, reasons, daily_scores, seen, sampled, interval_s, at) WHERE h.id = r.id",
        [
            (
                row.pk,
                row.score,
                row.state,
                row.urgency,
                json.dumps(row.reasons),
                json.dumps(row.daily_scores),
                row.last_seen_at,
                row.last_sample_at,
                row.interval_s,
                row.updated_at,
            )
            for row in rows
        ],
    )


def _as_finding(alert: Alert) -> Finding:
    return Finding(
        rule=alert.rule,
        version=alert.rule_version,
        kind=alert.rule,
        subject=alert.subject,
        severity=Severity(alert.severity).word,  # type: ignore[arg-type]
        title=alert.title,
        evidence={},
    )


def _with_today(days: list[Any], value: int | None, *, same_day: bool) -> list[Any]:
    kept = days[:-1] if same_day and days else days
    return [*kept, value][-DAYS_KEPT:] if value is not None else days


def _release(due: Sequence[Due], *, unfinished: set[UUID]) -> None:
    """Remove each flag if nothing newer came, else give the lease back so that it is claimed again.

    Last of all: whoever brings a report for one of these devices waits from here until the commit.
    """
    mine = {d.device_id: d for d in due}
    held = AnalysisDue.objects.select_for_update().filter(device__in=mine, token__in=[d.token for d in due])
    touched = dict(held.order_by("device").values_list("device", "touched"))
    if len(touched) < len(mine):
        raise LeaseLost(len(mine) - len(touched))
    done = [pk for pk, count in touched.items() if count == mine[pk].touched and pk not in unfinished]
    AnalysisDue.objects.filter(device__in=done).delete()
    _come_again(unfinished & touched.keys(), after_s=0)
    _come_again(touched.keys() - set(done) - unfinished, after_s=settings.ANALYSIS_SPACING_S)


def _come_again(devices: Collection[UUID], *, after_s: float) -> None:
    """Claimed once more, for the rest of a backlog or for what came meanwhile."""
    if devices:
        AnalysisDue.objects.filter(device__in=devices).update(
            lease_until=None, attempts=0, run_at=Now() + timedelta(seconds=after_s), last_error=""
        )
