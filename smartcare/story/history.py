"""What the devices measured before the story is told: the simulator's own past, so that what they report later goes on from it.

The last two days come in as reports, as if they had just been sent, and wait for the analysis; what is older is kept by
the hour, for the long charts, and has been shown to the detectors, so that they know what is usual for each device.
"""

import hashlib
import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
from django.utils import timezone

from smartcare.simulator.model import Device as Model
from smartcare.simulator.plan import DeviceSpec, build
from smartcare.simulator.sample import Sample as Measured
from smartcare.simulator.story import Event as Said
from smartcare.story import canaries
from smartcare.story.cast import CUSTOMERS, HEALTH, MACHINES, TRAFFIC, Machine
from smartcare.story.equipment import SPOKEN_FOR_EVERY_S
from smartcare.story.world import World
from telemetry import samples as tiers
from telemetry.analysis import engine
from telemetry.analysis.facts import DeviceFacts, Floats, SeriesData, SeriesKey
from telemetry.analysis.facts import Event as Known
from telemetry.ingest import keys, timing
from telemetry.ingest.accept import accept
from telemetry.ingest.answers import Receipt
from telemetry.ingest.batch import (
    COUNTER,
    GAUGE,
    NATIVE,
    STATE,
    CanonicalBatch,
    DeviceReport,
    Event,
    Identity,
    RequestMeta,
    Sample,
)
from telemetry.ingest.keys import Sender
from telemetry.ingest.limits import COLLECTOR
from telemetry.models import AnalysisDue, DetectorState
from telemetry.samples import past
from telemetry.samples.series import START, Series
from telemetry.vocabulary import METRICS

FINE = timedelta(days=2)
FINE_EVERY_S, COARSE_EVERY_S = 600, 3_600
PROMISED_S = 3_600  # so long after the story nobody is missed yet
IN_ONE_REPORT = timedelta(hours=12)


def happen(world: World, printed: Mapping[str, Any], *, days: int, lead_s: float) -> None:
    """days: how far back. lead_s: how long before the present it ends. printed: with the keys that the reports come under."""
    models = dict(zip((m.key for m in _cast()), _models(world, printed), strict=True))
    end = world.present - timedelta(seconds=lead_s)
    for company in CUSTOMERS:
        mine = {m.key: models[m.key] for m in MACHINES if m.customer == company.key}
        with world.job(company.key):
            _report(world, printed, mine, end)
            _remember(world, company.key, mine, end, days)
            _see_newest(world, mine)


def _cast() -> list[Machine]:
    """Those with keys first, in the order in which the simulator gives them their stories."""
    return sorted(MACHINES, key=lambda machine: not machine.reports)


def _models(world: World, printed: Mapping[str, Any]) -> list[Model]:
    specs = [
        DeviceSpec(m.key, printed["device_keys"].get(m.key, ""), fault=None if m.reports else "healthy")
        for m in _cast()
    ]
    return build(specs, seed=7, present=world.present.timestamp())


# ---- the last two days, as reports


def _report(world: World, printed: Mapping[str, Any], models: Mapping[str, Model], end: datetime) -> None:
    found = {m.key: m for m in MACHINES}
    batches = [
        (sender, batch)
        for name, model in models.items()
        for sender in [_sender(printed, found[name])]
        for batch in _batches(world, found[name], model, end)
    ]
    refused = [outcome for outcome in accept(batches) if not isinstance(outcome, Receipt)]
    if refused:
        raise RuntimeError(f"{len(refused)} reports of the story were refused; the first: {refused[0]}")
    # What a collector's devices say stays as it was told (troubles.py): no detector is to judge it anew.
    spoken_for = [world.devices[name].pk for name in models if not found[name].reports]
    AnalysisDue.objects.filter(device__in=spoken_for).delete()


def _sender(printed: Mapping[str, Any], machine: Machine) -> Sender:
    if machine.reports:
        return keys.find(printed["device_keys"][machine.key], "header")
    return keys.find(printed["collector_keys"][f"collector-{machine.site}"], "header")


def _batches(world: World, machine: Machine, model: Model, end: datetime) -> Iterator[CanonicalBatch]:
    received = timezone.now()
    meta = RequestMeta(NATIVE, "application/json", received, COLLECTOR)
    since = end - FINE
    while since < end:
        until = min(end, since + IN_ONE_REPORT)
        report = DeviceReport(
            ref="d1",
            identity=Identity(device_id=world.devices[machine.key].public_id),
            reachable=True,
            samples=tuple(_samples(model, since, until)),
            events=tuple(_event(machine, said) for said in model.events(since.timestamp(), until.timestamp())),
        )
        name = f"{machine.key}:{since.isoformat()}"
        batch = CanonicalBatch(
            format=NATIVE,
            idempotency_key=uuid.uuid5(world.devices[machine.key].pk, name),
            body_sha256=hashlib.sha256(name.encode()).digest(),
            sent_at=received,
            devices=(report,),
            interval_s=PROMISED_S if machine.reports else SPOKEN_FOR_EVERY_S,
        )
        yield timing.correct(batch, meta)
        since = until


def _samples(model: Model, since: datetime, until: datetime) -> Iterator[Sample]:
    for t in _instants(since, until, FINE_EVERY_S):
        if model.reports_at(t):
            start = model.boot(t).at
            for measured in model.samples(t):
                yield _sample(measured, t, start)


def _sample(measured: Measured, t: float, start: float) -> Sample:
    is_state = isinstance(measured.value, str)
    return Sample(
        metric=measured.metric,
        instance=measured.instance,
        labels=tuple(sorted((measured.labels or {}).items())),
        kind=STATE if is_state else COUNTER if measured.counter else GAUGE,
        value=None if isinstance(measured.value, str) else measured.value,
        state=measured.value if isinstance(measured.value, str) else None,
        t=t,
        start=start if measured.counter else None,
    )


def _event(machine: Machine, said: Said) -> Event:
    mark = canaries.at_site(machine.customer, machine.site, HEALTH, "event")
    name = f"{said.code}:{said.component}:{int(said.at * 1000)}"
    return Event(name, said.at, said.severity, said.code, said.component, f"{said.text} {mark}")


def _instants(since: datetime, until: datetime, every_s: int) -> Iterator[float]:
    """Round times of [since, until)."""
    first = -(-since.timestamp() // every_s) * every_s
    count = max(0, int((until.timestamp() - first - 1e-6) // every_s) + 1) if first < until.timestamp() else 0
    return (first + n * every_s for n in range(count))


# ---- the days before


def _remember(world: World, customer: str, models: Mapping[str, Model], end: datetime, days: int) -> None:
    owner = world.organizations[customer].pk
    until = end - FINE
    since = end - timedelta(days=days)
    seen: dict[str, list[past.Past]] = {name: [] for name in models}
    for day in _days(since, until):
        midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
        first, last = max(since, midnight), min(until, midnight + timedelta(days=1))
        found = {name: _past(model, first, last) for name, model in models.items()}
        told = {name: readings for name, readings in found.items() if readings is not None}
        past.keep_day(owner, day, {world.devices[name].stay_number: readings for name, readings in told.items()})
        for name, readings in told.items():
            seen[name].append(readings)
    for machine in MACHINES:
        if machine.reports and seen.get(machine.key):
            _teach(world, machine, models[machine.key], seen[machine.key])


def _teach(world: World, machine: Machine, model: Model, seen: Sequence[past.Past]) -> None:
    """What the detectors remember of a device that has reported all these days. It raises nothing: that is over."""
    device = world.devices[machine.key]
    first, last = seen[0].t[0], seen[-1].t[-1]
    block = DeviceFacts(
        device_id=str(device.pk),
        kind=machine.kind.value,  # type: ignore[arg-type]  # the same words
        interval_s=COARSE_EVERY_S,
        timezone=world.sites[f"{machine.customer}/{machine.site}"].timezone,
        series=_series_of(seen),
        events=tuple(Known(e.at, f"{e.code} {e.text}", e.at, e.component) for e in model.events(first, last)),
    )
    known = engine.advance(None, block, last)
    DetectorState(
        customer_id=device.customer_id,
        device=device,
        site_id=device.site_id,
        blob=known.state,
        expected=known.expected,
    ).save(force_insert=True)


def _series_of(seen: Sequence[past.Past]) -> dict[SeriesKey, SeriesData]:
    """All days together, as the detectors read them."""
    columns: dict[SeriesKey, list[tuple[Floats, Floats]]] = defaultdict(list)
    for readings in seen:
        for place, series in enumerate(readings.series):
            if series.kind != START:
                columns[series.key].append((readings.t, readings.v[:, place]))
    return {
        key: SeriesData(np.concatenate([t for t, _ in parts]), np.concatenate([v for _, v in parts]))
        for key, parts in columns.items()
    }


def _days(since: datetime, until: datetime) -> Iterator[date]:
    day = since.astimezone(UTC).date()
    while day <= until.astimezone(UTC).date():
        yield day
        day += timedelta(days=1)


def _past(model: Model, since: datetime, until: datetime) -> past.Past | None:
    """The readings of a stretch of time; None if the device was off all the while."""
    times = [t for t in _instants(since, until, COARSE_EVERY_S) if model.reports_at(t)]
    if not times:
        return None
    measured = [model.samples(t) for t in times]
    first = measured[0]
    counters = [n for n, sample in enumerate(first) if sample.counter]
    states = {n: METRICS[s.metric].states.index for n, s in enumerate(first) if isinstance(s.value, str)}
    rows = []
    for t, samples in zip(times, measured, strict=True):
        values: list[Any] = [sample.value for sample in samples]
        for n, code in states.items():
            values[n] = code(values[n])
        rows.append([*values, *([model.boot(t).at] * len(counters))])
    series = [_series(sample) for sample in first]
    return past.Past(
        [*series, *(Series(series[n].key, START) for n in counters)], np.array(times), np.array(rows, float)
    )


def _series(measured: Measured) -> Series:
    """As a column of a layout is named (telemetry/samples/series.py)."""
    kind = STATE if isinstance(measured.value, str) else COUNTER if measured.counter else GAUGE
    return Series(SeriesKey(measured.metric, measured.instance, tuple(sorted((measured.labels or {}).items()))), kind)


def _see_newest(world: World, models: Mapping[str, Model]) -> None:
    """The newest values, which otherwise come with the first analysis."""
    cursors = {world.devices[name].stay_number: 0 for name in models}
    while cursors:
        news = tiers.news(cursors)
        for category in (HEALTH, TRAFFIC):
            arrived = {stay: getattr(found, category.value) for stay, found in news.items()}
            tiers.keep_latest({stay: new for stay, new in arrived.items() if new.parts}, category)
        cursors = {stay: found.up_to for stay, found in news.items() if found.more}
