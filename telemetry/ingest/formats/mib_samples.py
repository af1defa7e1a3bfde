"""The value of a MIB object as a sample, by the rules of mib_mapping."""

from __future__ import annotations

from collections.abc import Mapping

from telemetry.ingest.batch import COUNTER, GAUGE, STATE, Sample
from telemetry.ingest.formats.instances import BadPoint, counted, instance, scaled
from telemetry.ingest.formats.mib_mapping import MibRule
from telemetry.vocabulary import METRICS


def instance_of(rule: MibRule, labels: Mapping[str, str], fallback: str) -> str:
    """The name in the first of the rule's labels that is there. Raises BadPoint for an interface without a name."""
    if not METRICS[rule.metric].instance:
        return ""
    for label in rule.instance_by:
        name = labels.get(label)
        if name:
            return name
    if not fallback and METRICS[rule.metric].instance == "if":
        raise BadPoint("bad_value", "an interface needs its name: look up ifName")
    return fallback


def mib_sample(
    rule: MibRule, labels: Mapping[str, str], value: int | float, t: float, start: float | None, fallback: str
) -> Sample | None:
    """The sample; None for a number that means "unknown". Raises BadPoint.

    labels: of the exporter, such as ifName. fallback: the instance's name if none of the usual labels is there.
    """
    metric = METRICS[rule.metric]
    where = instance(metric.instance, instance_of(rule, labels, fallback))
    if metric.kind == STATE:
        if value != int(value):
            raise BadPoint("bad_value", "the number of a state is whole")
        state = rule.states.get(int(value))
        return Sample(metric.name, where, rule.labels, STATE, None, state, t) if state else None
    if rule.factor != 1:
        value = scaled(value, rule.factor)
    if metric.kind == COUNTER:
        return Sample(metric.name, where, rule.labels, COUNTER, counted(value), None, t, start, rule.bits)
    return Sample(metric.name, where, rule.labels, GAUGE, value, None, t)
