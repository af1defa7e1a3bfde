"""Samples of one time series, by the rules of mib_mapping and prometheus_mapping."""

from __future__ import annotations

from telemetry import vocabulary
from telemetry.ingest.batch import COUNTER, GAUGE, STATE, Labels, Sample
from telemetry.ingest.formats.instances import BadPoint, counted, instance
from telemetry.ingest.formats.mib_mapping import REFUSED_OBJECTS, MibRule
from telemetry.ingest.formats.mib_samples import instance_of, mib_sample
from telemetry.ingest.formats.prometheus_mapping import (
    ABOUT_THE_SCRAPE,
    BY_DEVICE,
    COUNTER_ENDINGS,
    RULES,
    STATE_WORDS,
)
from telemetry.ingest.formats.prometheus_wire import LabelSet
from telemetry.ingest.limits import Limits


class SeriesReader:
    """Turns values of time series into samples."""

    def __init__(self, limits: Limits) -> None:
        self.labels = limits.labels
        self.label_chars = limits.label_chars

    def sample(self, name: str, labels: LabelSet, value: float, t: float) -> Sample | None:
        """The sample; None for a number that means "unknown" and for the states a device is not in. Raises BadPoint."""
        rule = RULES.get(name) or RULES.get(name.removesuffix("_info"))
        if rule is not None:
            word = labels.get(name.removesuffix("_info"))
            if rule.states and word is not None:
                return _state_by_word(rule, word, labels, value, t)
            return mib_sample(rule, labels, value, t, None, _fallback(rule, labels))
        if name in REFUSED_OBJECTS:
            raise BadPoint("unknown_metric", REFUSED_OBJECTS[name])
        own = vocabulary.custom_name(name) if name else None
        if own is None:
            raise BadPoint("unknown_metric", "not in the vocabulary, and no possible custom name")
        if name.endswith(COUNTER_ENDINGS):
            return Sample(own, "", self._own_labels(labels), COUNTER, counted(value), None, t)
        return Sample(own, "", self._own_labels(labels), GAUGE, value, None, t)

    def _own_labels(self, labels: LabelSet) -> Labels:
        """What tells the series of one target apart."""
        own = {key: text for key, text in labels.items() if key not in ABOUT_THE_SCRAPE}
        if labels.get("exported_device"):
            own["device"] = labels["exported_device"]
        if len(own) > self.labels:
            raise BadPoint("too_many_labels", f"a series has at most {self.labels} labels")
        if any(len(key) > self.label_chars or len(text) > self.label_chars for key, text in own.items()):
            raise BadPoint("bad_value", f"a label has more than {self.label_chars} characters")
        return tuple(sorted(own.items()))


def _fallback(rule: MibRule, labels: LabelSet) -> str:
    """The interface where no ifName is given: never an ifIndex, which changes when the device restarts."""
    if vocabulary.METRICS[rule.metric].instance != "if":
        return ""
    if "ifIndex" in labels:
        return labels.get("exported_device", "")
    return next((labels[name] for name in BY_DEVICE if labels.get(name)), "")


def _state_by_word(rule: MibRule, word: str, labels: LabelSet, value: float, t: float) -> Sample | None:
    metric = vocabulary.METRICS[rule.metric]
    state = word if word in metric.states else STATE_WORDS.get(word)
    if value != 1:
        return None
    if state not in metric.states:
        raise BadPoint("bad_value", f"a state is one of {', '.join(metric.states)}")
    where = instance(metric.instance, instance_of(rule, labels, _fallback(rule, labels)))
    return Sample(metric.name, where, rule.labels, STATE, None, state, t)
