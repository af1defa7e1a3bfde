"""The dead-man's switch (D8): who has stopped reporting, and whose fault it is. Looks at the clock and at arrivals, not at samples.

Runs by itself, also while the analysis is behind: a report counts as heard when it was stored, not when it was analysed.
"""

import math
from collections import defaultdict
from collections.abc import Iterator
from uuid import UUID

import numpy as np
import structlog
from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from access.principal import principal
from telemetry import alerting, watch
from telemetry.analysis.detectors import presence, silence
from telemetry.analysis.findings import Finding
from telemetry.models import (
    Alert,
    AnalysisDue,
    DetectorState,
    Device,
    DeviceHealth,
    DeviceInventory,
    Maintenance,
    SilenceMemory,
)

log = structlog.get_logger(__name__)
RULES = frozenset({silence.DEVICE_KIND, silence.SITE_KIND})


def sweep() -> int:
    """One round over all customers. Returns how many devices are silent now.

    A customer whose round fails is logged and comes again with the next; it does not silence the switch for the others.
    """
    silent = 0
    for customer in _customers():
        try:
            silent += sweep_customer(customer)
        except Exception:
            log.exception("silence.failed", customer=str(customer))
    return silent


def _customers() -> Iterator[UUID]:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT find_watched_customers()")
        found = [row[0] for row in cursor.fetchall()]
    yield from found


def sweep_customer(customer: UUID, *, now: float | None = None) -> int:
    """Look at one customer's devices. now: epoch seconds, the clock unless a test says otherwise."""
    at = timezone.now().timestamp() if now is None else now
    with principal(kind="job", customers=[customer]):
        # Held to the end: two rounds at once would raise the same device twice.
        SilenceMemory.objects.bulk_create([SilenceMemory(customer_id=customer)], ignore_conflicts=True)
        memory_row = SilenceMemory.objects.select_for_update(skip_locked=True).filter(customer=customer).first()
        if memory_row is None:
            return 0
        devices = list(
            Device.unscoped.filter(retired_at=None, site__closed_at=None).select_related("site").order_by("pk")
        )
        if not devices:
            return 0
        roster = _roster(devices)
        memory = silence.Memory.of(roster, memory_row.memory)
        last_seen = np.array([_epoch(t) for t in _last_seen(devices)])
        found = silence.sweep(
            roster,
            memory,
            now=at,
            last_seen=last_seen,
            expected_since=_expected_since(devices, at),
            muted=_muted(devices, at),
        )
        _apply(devices, roster, found, last_seen)
        SilenceMemory.objects.filter(customer=customer).update(memory=memory.as_dict(roster), updated_at=Now())
        if found.fleet:
            log.error("silence.fleet", customer=str(customer), soft=found.soft, devices=len(devices))
        return len(found.devices)


def _roster(devices: list[Device]) -> silence.Roster:
    ids = [d.pk for d in devices]
    parents = dict(DeviceInventory.unscoped.filter(device__in=ids).values_list("device", "parent"))
    intervals = dict(DeviceHealth.unscoped.filter(device__in=ids).values_list("device", "interval_s"))
    return silence.Roster.of(
        [str(pk) for pk in ids],
        kinds=[d.kind for d in devices],  # type: ignore[misc]
        sites=[str(d.site_id) for d in devices],
        parents=[str(parents.get(pk) or "") for pk in ids],
        interval_s=[float(intervals.get(pk) or 300) for pk in ids],
    )


def _last_seen(devices: list[Device]) -> Iterator[float | None]:
    ids = [d.pk for d in devices]
    analysed = dict(DeviceHealth.unscoped.filter(device__in=ids).values_list("device", "last_seen_at"))
    waiting = dict(AnalysisDue.objects.filter(device__in=ids).values_list("device", "since"))
    for pk in ids:
        times = [t.timestamp() for t in (analysed.get(pk), waiting.get(pk)) if t is not None]
        yield max(times, default=None)


def _epoch(at: float | None) -> float:
    return math.nan if at is None else at


def _expected_since(devices: list[Device], now: float) -> np.ndarray:
    packed = dict(DetectorState.unscoped.filter(device__in=[d.pk for d in devices]).values_list("device", "expected"))
    return np.array(
        [
            presence.expected_since(bytes(packed[d.pk]), zone=d.site.timezone, now=now)
            if packed.get(d.pk)
            else -math.inf
            for d in devices
        ]
    )


def _muted(devices: list[Device], now: float) -> np.ndarray:
    running = [
        (m.site_id, m.device_id)
        for m in Maintenance.unscoped.filter(starts_at__lte=Now(), ends_at__gt=Now())
        if m.starts_at.timestamp() <= now < m.ends_at.timestamp()
    ]
    return np.array(
        [any(site == d.site_id and device in (None, d.pk) for site, device in running) for d in devices], bool
    )


def _apply(devices: list[Device], roster: silence.Roster, found: silence.Sweep, last_seen: np.ndarray) -> None:
    """Raise and clear: a device's silence on the device, a site's on the first of its silent devices."""
    findings: dict[int, list[Finding]] = defaultdict(list)
    for place in found.devices:
        findings[int(place)].append(
            silence.device_finding(roster, int(place), float(last_seen[place]), int(found.missed[place]))
        )
    for site in found.sites:
        members = [int(m) for m in found.members[int(site)]]
        if members:
            held = silence.site_finding(roster, int(site), members)
            findings[members[0]].append(_without_ids(held, [devices[m].public_id for m in members]))
    raised = set(Alert.unscoped.filter(rule__in=RULES, resolved_at=None).values_list("device", flat=True))
    changed = []
    for place, device in enumerate(devices):
        silent = findings.get(place, [])
        if not silent and device.pk not in raised:
            continue
        if alerting.apply(
            alerting.Place(device.customer_id, device.site_id, device.pk),
            silent,
            observed_at=timezone.now(),
            rules=RULES,
        ):
            changed.append(device)
    if changed:
        watch.refresh_health(changed)


def _without_ids(held: Finding, public_ids: list[str]) -> Finding:
    """Evidence names devices as everybody else does, not by the keys of the database."""
    evidence = dict(held.evidence) | {"devices": public_ids[:50]}
    return Finding(held.rule, held.version, held.kind, "", held.severity, held.title, evidence)
