"""The usual way to watch devices with this stack: for each device its new rows by the ORM, one after another through a running
mean of each series, and what was learnt back by bulk_update. Far less than our detectors do: no trend, no season, no forecast.

    python -m smartcare.bench.baseline.analysis REPORTS.json

Reads portions of reports; stores each as narrow rows, which is not measured, and then analyses it. Standard output: processor
seconds of this process and of the database by name of the portions.
"""

from __future__ import annotations

import json
import os
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "smartcare.bench.baseline.settings")
django.setup()

from django.db import transaction  # noqa: E402 - needs the settings

from smartcare.bench.baseline.models import Device, Finding, Report, Sample, SeriesState  # noqa: E402
from smartcare.bench.cost import cpu_seconds  # noqa: E402

WEIGHT = 0.05
FAR = 6.0  # standard deviations
IN_A_ROW = 3
LEARNT = ("last", "mean", "variance", "far", "state", "at")


def store(reports: list[dict[str, Any]]) -> None:
    devices = {device.serial: device for device in Device.objects.all()}
    rows = []
    for said in reports:
        at = datetime.fromisoformat(said["sent_at"])
        report = Report.objects.create(report_id=said["report_id"], sent_at=at)
        for device in said["devices"]:
            rows += [
                Sample(
                    report=report,
                    device=devices[device["identity"]["serial"]],
                    metric=s["m"],
                    instance=s["i"],
                    labels=s.get("l", {}),
                    value=s.get("v"),
                    state=s.get("s", ""),
                    at=at,
                )
                for s in device["samples"]
            ]
    Sample.objects.bulk_create(rows, batch_size=5_000)


def analyse_all() -> None:
    for device in Device.objects.order_by("pk"):
        analyse(device)


@transaction.atomic
def analyse(device: Device) -> None:
    known = {(s.metric, s.instance, s.labels): s for s in SeriesState.objects.filter(device=device)}
    new, changed, findings = [], {}, []
    for sample in Sample.objects.filter(device=device, pk__gt=device.read_up_to).order_by("at", "pk"):
        key = (sample.metric, sample.instance, json.dumps(sample.labels, sort_keys=True))
        state = known.get(key)
        if state is None:
            state = known[key] = SeriesState(device=device, metric=key[0], instance=key[1], labels=key[2])
            new.append(state)
        elif state.pk:
            changed[state.pk] = state
        if learn(state, sample):
            findings.append(Finding(device=device, metric=sample.metric, instance=sample.instance, at=sample.at))
        device.read_up_to = max(device.read_up_to, sample.pk)
    SeriesState.objects.bulk_create(new)
    SeriesState.objects.bulk_update(changed.values(), LEARNT)
    Finding.objects.bulk_create(findings)
    device.save(update_fields=["read_up_to"])


def learn(state: SeriesState, sample: Sample) -> bool:
    """Take one row in; whether there is something to tell: a state that changed, a number that stays far from its mean."""
    if sample.value is None:
        told = bool(state.state) and state.state != sample.state
        state.state, state.at = sample.state, sample.at
        return told
    value = sample.value
    if sample.metric.startswith("if.") and sample.metric != "if.speed" and state.at is not None:
        seconds = max(1.0, (sample.at - state.at).total_seconds())
        value = max(0.0, sample.value - (state.last or 0.0)) / seconds
    state.last, state.at = sample.value, sample.at
    if state.mean is None:
        state.mean, state.variance = value, 0.0
        return False
    off = value - state.mean
    is_far = state.variance > 0 and abs(off) > FAR * state.variance**0.5
    state.far = state.far + 1 if is_far else 0
    state.mean += WEIGHT * off
    state.variance = (1 - WEIGHT) * (state.variance + WEIGHT * off * off)
    return bool(state.far == IN_A_ROW)


def main(file: str) -> None:
    said = json.loads(Path(file).read_text())
    spent = {}
    for name, portions in said["portions"].items():
        cpu = {"worker": 0.0, "database": 0.0}
        for reports in portions:
            store(reports)
            before, own = cpu_seconds([said["postmaster"]]), time.process_time()
            analyse_all()
            cpu["worker"] += time.process_time() - own
            cpu["database"] += cpu_seconds([said["postmaster"]]) - before
        spent[name] = cpu
    sys.stdout.write(json.dumps(spent))


if __name__ == "__main__":
    main(sys.argv[1])
